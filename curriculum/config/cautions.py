"""What a plan says without effect: warnings, not errors."""

from __future__ import annotations

from collections.abc import Sequence

from curriculum.config.checks import Place
from curriculum.config.class_settings import LogitAdjusted
from curriculum.config.kinds import TaskSpec
from curriculum.config.nodes import Node, PathParts, quote, written
from curriculum.config.problems import Problems
from curriculum.config.schema import AdamW, Phase, Plan
from curriculum.config.switches import by_phase


def find_cautions(plan: Plan, root: Node, problems: Problems) -> None:
    """Note weights and ramps that change nothing; AdamW's step is blind to the loss's scale."""
    at = Place(root, problems)
    for place, (phase, _, now) in enumerate(by_phase(plan)):
        if isinstance(phase.training.optimizer, AdamW):
            _without_effect(at, phase, set(now.weights), ("phases", place))


def _without_effect(at: Place, phase: Phase, active: set[str], path: PathParts) -> None:
    if len(active) == 1:
        for task, weight in phase.turn_on.items():
            if weight != 1:
                message = (
                    f"the weight {weight:g} has no effect in this phase: a single active task's "
                    "weight has no effect under AdamW"
                )
                at.wrong((*path, "turn_on", task), message)
    if phase.ramp.count and active == set(phase.turn_on):
        single = "a single active task's weight has no effect under AdamW"
        common = "all active tasks' weights grow alike, which has no effect under AdamW"
        message = f"the ramp has no effect: {single if len(active) == 1 else common}"
        at.wrong((*path, "ramp"), message)


def find_unused_tasks(
    plan: Plan, root: Node, specs: Sequence[TaskSpec], problems: Problems
) -> None:
    """Note the model's tasks that no phase turns on."""
    at = Place(root, problems)
    used = {task for phase in plan.phases for task in phase.turn_on}
    for spec in specs:
        if spec.name not in used:
            at.wrong(("phases",), f"no phase turns on the task {quote(spec.name)}", key=True)


def find_idle_class_losses(
    plan: Plan, root: Node, specs: Sequence[TaskSpec], problems: Problems
) -> None:
    """Note each `class_loss` that no task with classes is trained with."""
    at = Place(root, problems)
    with_classes = {spec.name for spec in specs if spec.classes}
    inherited_by_some = False
    for place, (phase, _, now) in enumerate(by_phase(plan)):
        on = now.learning & with_classes
        if not written(root, ("phases", place, "class_loss")):
            inherited_by_some |= bool(on)
        elif not on and phase.training.class_loss != LogitAdjusted():
            _idle(at, ("phases", place, "class_loss"), "this phase", with_classes)
    own = plan.defaults.class_loss
    if own != LogitAdjusted() and not inherited_by_some:
        _idle(at, ("defaults", "class_loss"), "any phase that it is for", with_classes)


def _idle(at: Place, path: PathParts, where: str, with_classes: set[str]) -> None:
    why = "no task with classes learns" if with_classes else "the model has no task with classes"
    at.wrong(path, f"the class loss has no effect in {where}: {why}", key=True)
