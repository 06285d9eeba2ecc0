"""When a phase ends. Pure: (settings, history) -> decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Literal

import attrs

from curriculum.config.schema import AfterDuration, AllOf, AnyOf, ExitRule, Plateau, Reaches
from curriculum.errors import CurriculumError
from curriculum.events import Evaluated
from curriculum.plan import PlannedPhase, Stretch

Directions = Mapping[str, Literal["higher", "lower"]]


@attrs.frozen
class Decision:
    """Whether a phase ends here, and the evidence in one phrase."""

    ends: bool
    reason: str = ""


GO_ON = Decision(False)


def decide(
    phase: PlannedPhase,
    step: int,
    history: Sequence[Evaluated],
    directions: Directions,
    stretch: Stretch | None = None,
) -> Decision:
    """Whether a phase ends after `step` updates, given its evaluations so far, oldest first.

    A phase that goes on for a stretch after its end ends with that.
    """
    if stretch is not None:
        return Decision(step >= stretch.ends, f"{stretch.kind} of {stretch.length} steps")
    return _decide(phase.settings.exit_rule, phase, step, history, directions)


def _decide(
    rule: ExitRule,
    phase: PlannedPhase,
    step: int,
    history: Sequence[Evaluated],
    directions: Directions,
) -> Decision:
    match rule:
        case AfterDuration():
            return Decision(step >= phase.steps(rule.duration), f"duration of {rule.duration}")
        case AnyOf():
            inner = [_decide(each, phase, step, history, directions) for each in rule.rules]
            return next((decision for decision in inner if decision.ends), GO_ON)
        case AllOf():
            inner = [_decide(each, phase, step, history, directions) for each in rule.rules]
            ends = all(decision.ends for decision in inner)
            return Decision(ends, " and ".join(decision.reason for decision in inner))
        case Plateau():
            return _plateau(rule, history, directions)
        case Reaches():
            return _reaches(rule, history, directions)


def value_of(evaluation: Evaluated, metric: str) -> float:
    """A metric, a `<task>/skill`, the mean of tasks' (`skill`), or the total loss (`total`).

    Raises:
        CurriculumError: the split holds nothing by which it can be judged.
    """
    if metric == "total" and evaluation.total is not None:
        return evaluation.total
    if metric == "skill":
        skills = [evaluation.skill[task] for task in evaluation.losses if task in evaluation.skill]
        if skills:
            return fmean(skills)
    name, _, last = metric.rpartition("/")
    found = evaluation.skill.get(name) if last == "skill" else evaluation.metrics.get(metric)
    if found is None:
        raise CurriculumError(
            f"the {evaluation.split} split must have labels by which `{metric}` can be judged",
            found="none of them",
            where=f"phase `{evaluation.phase}`, step {evaluation.step}",
            hint="Name another metric in the plan.",
        )
    return found


def since_improvement(
    values: Sequence[float], better: Literal["higher", "lower"], min_delta: float = 0.0
) -> int:
    """How many of the last values have not improved on the best before by more than `min_delta`."""
    sign = 1.0 if better == "higher" else -1.0
    best, since = float("-inf"), 0
    for value in values:
        if sign * value > best + min_delta or best == float("-inf"):
            best, since = sign * value, 0
        else:
            since += 1
    return since


def direction_of(metric: str, directions: Directions) -> Literal["higher", "lower"]:
    """Which way a metric is better; skill is better when higher, the total loss when lower."""
    if metric == "skill" or metric.endswith("/skill"):
        return "higher"
    return "lower" if metric == "total" else directions[metric]


def best_of(history: Sequence[Evaluated], metric: str, directions: Directions) -> Evaluated | None:
    """The best of some evaluations by a metric, the earliest of equals; None of none."""
    sign = 1.0 if direction_of(metric, directions) == "higher" else -1.0
    return max(history, key=lambda evaluation: sign * value_of(evaluation, metric), default=None)


def _plateau(rule: Plateau, history: Sequence[Evaluated], directions: Directions) -> Decision:
    values = [value_of(evaluation, rule.metric) for evaluation in history]
    since = since_improvement(values, direction_of(rule.metric, directions), rule.min_delta)
    return Decision(
        since >= rule.patience,
        f"{rule.metric} has not improved by more than {rule.min_delta:g} for {since} evaluations",
    )


def _reaches(rule: Reaches, history: Sequence[Evaluated], directions: Directions) -> Decision:
    if not history:
        return GO_ON
    value = value_of(history[-1], rule.metric)
    higher = direction_of(rule.metric, directions) == "higher"
    reached = value >= rule.value if higher else value <= rule.value
    return Decision(reached, f"{rule.metric} reached {value:.4g} (asked for {rule.value:g})")
