"""Whether earlier tasks were kept, and what follows. Pure: (settings, skill) -> decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean

import attrs

from curriculum.config.protection import Extend, Rehearse, RollBack, Stop
from curriculum.plan import PlannedPhase, Stretch


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
    retain: Mapping[str, float],
    references: Mapping[str, float],
    skill: Mapping[str, float],
    groups: Mapping[str, str],
) -> tuple[Forgotten, ...]:
    """The tasks and groups of `retain` that lost more skill than allowed.

    Args:
        retain: the loss that is allowed, by task or group.
        references: the skill of each task at the end of its own phase.
        skill: the skill of each task now.
        groups: the group of each task. Of a group, those tasks are compared that had a phase.
    """
    lost: list[Forgotten] = []
    for name, allowed in retain.items():
        tasks = judged(name, references, skill, groups)
        if not tasks:
            continue
        now, before = (fmean(each[task] for task in tasks) for each in (skill, references))
        if now < before - allowed:
            lost.append(Forgotten(task=name, skill=now, reference=before, allowed=allowed))
    return tuple(lost)


def judged(
    name: str,
    references: Mapping[str, float],
    skill: Mapping[str, float],
    groups: Mapping[str, str],
) -> list[str]:
    """The tasks that a name in `retain` stands for and that can be judged."""
    return [
        task
        for task, group in groups.items()
        if name in (task, group) and task in references and task in skill
    ]


def goes_on(
    phase: PlannedPhase,
    step: int,
    lost: Sequence[Forgotten],
    stretches: Sequence[Stretch],
    groups: Mapping[str, str],
) -> Stretch | None:
    """The stretch by which a phase goes on at its end; None where it does not.

    Args:
        phase: the phase.
        step: where it would have ended.
        lost: what was forgotten, at least one.
        stretches: those by which it went on before.
        groups: the group of each task, since `retain` may name either.
    """
    settings = phase.settings.on_violation
    match settings:
        case Extend() | Rehearse() if len(stretches) < settings.times:
            names = {each.task for each in lost} if isinstance(settings, Rehearse) else set[str]()
            weight = settings.weight if isinstance(settings, Rehearse) else 1.0
            return Stretch(
                kind=settings.kind,
                begins=step,
                length=max(1, phase.steps(settings.by)),
                learning_rate=settings.rate_factor,
                weights={t: weight for t in phase.weights if {t, groups.get(t, t)} & names},
            )
        case Stop() | RollBack() | Extend() | Rehearse():
            return None
