"""When a phase ends, whether an earlier task was kept. Pure: (settings, history) -> decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import attrs

from curriculum.config.schema import AfterDuration, AllOf, AnyOf, ExitRule, Plateau, Reaches
from curriculum.errors import CurriculumError
from curriculum.events import Evaluated
from curriculum.plan import PlannedPhase

Directions = Mapping[str, Literal["higher", "lower"]]


@attrs.frozen
class Decision:
    """Whether a phase ends here, and the evidence in one phrase."""

    ends: bool
    reason: str = ""


GO_ON = Decision(False)


def decide(
    phase: PlannedPhase, step: int, history: Sequence[Evaluated], directions: Directions
) -> Decision:
    """Whether a phase ends after `step` updates, given its evaluations so far, oldest first."""
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
    """A metric, a `<task>/skill`, or the total loss (`total`), from an evaluation.

    Raises:
        CurriculumError: the split holds nothing by which it can be judged.
    """
    if metric == "total" and evaluation.total is not None:
        return evaluation.total
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
    if metric.endswith("/skill"):
        return "higher"
    return "lower" if metric == "total" else directions[metric]


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


@attrs.frozen(kw_only=True)
class Forgotten:
    """A task that lost more skill than the plan allows."""

    task: str
    skill: float
    reference: float
    allowed: float

    def __str__(self) -> str:
        return (
            f"`{self.task}` fell to skill {self.skill:.3f} from {self.reference:.3f} at the end of "
            f"its own phase; `retain` allows a loss of {self.allowed:g}"
        )


def forgotten(
    retain: Mapping[str, float], references: Mapping[str, float], skill: Mapping[str, float]
) -> tuple[Forgotten, ...]:
    """The tasks and groups of `retain` that lost more skill than allowed."""
    return tuple(
        Forgotten(task=task, skill=skill[task], reference=references[task], allowed=allowed)
        for task, allowed in retain.items()
        if task in references and task in skill and skill[task] < references[task] - allowed
    )
