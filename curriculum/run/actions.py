"""What a run will do with each phase, and why: run it, resume it, or reuse its result. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs

from curriculum.checkpoint import CheckpointStore, Found
from curriculum.config import to_plain
from curriculum.config.schema import Plan
from curriculum.errors import UsageError
from curriculum.plan import PlannedPhase, differences
from curriculum.run.folder import RunFolder


@attrs.frozen(kw_only=True)
class Action:
    """What happens to a phase. `start` is the checkpoint that it is resumed from or reused as."""

    phase: PlannedPhase
    action: Literal["run", "resume", "reuse"]
    why: str
    start: Found | None = None
    damaged: tuple[Found, ...] = ()


def require_phase(plan: Plan, name: str | None) -> None:
    """Check that a phase named on the command line is one of the plan's.

    Raises:
        UsageError: it is not; lists those that are.
    """
    names = [phase.name for phase in plan.phases]
    if name is not None and name not in names:
        raise UsageError(
            "must be a phase of the plan", found=repr(name), hint=f"It has {', '.join(names)}"
        )


def require_phases(plan: Plan, rerun_from: str | None, until: str | None) -> None:
    """Check `--from` and `--until`, each and together.

    Raises:
        UsageError: one names no phase of the plan, or nothing lies between them.
    """
    require_phase(plan, rerun_from)
    require_phase(plan, until)
    names = [phase.name for phase in plan.phases]
    if rerun_from and until and names.index(rerun_from) > names.index(until):
        raise UsageError(
            "`--from` must name `--until`'s phase or one before it",
            found=f"`{rerun_from}` after `{until}`",
        )


def settings_changed(folder: RunFolder, plan: Plan) -> list[str]:
    """What differs from the plan that the folder was last run with, a sentence a setting."""
    before = folder.read_json(folder.resolved)
    return differences(before["plan"], to_plain(plan)) if before else []


def decide_actions(
    phases: Sequence[PlannedPhase],
    store: CheckpointStore,
    changes: Sequence[str],
    *,
    rerun_from: str | None = None,
) -> tuple[Action, ...]:
    """An action for each phase: the finished prefix is reused, the phase in progress resumed.

    `changes` says what differs from the plan that the folder was run with; `rerun_from` names a
    phase from which on everything runs again.
    """
    actions: list[Action] = []
    for phase in phases:
        if phase.name == rerun_from:
            actions.append(Action(phase=phase, action="run", why="asked for"))
        elif actions and actions[-1].action != "reuse":
            actions.append(
                Action(phase=phase, action="run", why=f"follows `{actions[-1].phase.name}`")
            )
        else:
            actions.append(_of(phase, store, changes))
    return tuple(actions)


def _of(phase: PlannedPhase, store: CheckpointStore, changes: Sequence[str]) -> Action:
    valid, damaged = store.of_phase(phase.key)
    done = [found for found in valid if found.manifest and found.manifest.ended]
    beside = tuple(damaged)
    if done:
        why = "unchanged since it ended"
        return Action(phase=phase, action="reuse", why=why, start=done[-1], damaged=beside)
    if valid:
        manifest = valid[-1].manifest
        why = f"stopped at step {manifest.step if manifest else 0}"
        return Action(phase=phase, action="resume", why=why, start=valid[-1], damaged=beside)
    if damaged:
        return Action(phase=phase, action="run", why="its checkpoints are damaged", damaged=beside)
    others = [found for found in store.all() if found.path.parent.name == phase.folder]
    if not others:
        return Action(phase=phase, action="run", why="not run yet")
    return Action(phase=phase, action="run", why="; ".join(changes) or "its settings changed")


def refuse_a_changed_phase(
    actions: Sequence[Action], store: CheckpointStore, changes: Sequence[str], where: str
) -> None:
    """Do not throw away the work of a phase in progress because its settings changed.

    Raises:
        UsageError: says what changed, and the three ways out.
    """
    first = next((action for action in actions if action.action == "run"), None)
    if first is None or first.why == "asked for":
        return
    here = [found for found in store.all() if found.path.parent.name == first.phase.folder]
    unfinished = [found for found in here if found.manifest and not found.manifest.ended]
    if not unfinished or any(found.manifest and found.manifest.ended for found in here):
        return
    steps = max(found.manifest.step for found in unfinished if found.manifest)
    raise UsageError(
        f"the phase in progress, `{first.phase.name}` (at step {steps}), must be as it was",
        found="; ".join(changes) or "changed settings",
        where=where,
        hint=(
            f"Use `--from {first.phase.name}` to run it again, `--fresh` to run everything again, "
            "or `--experiment NAME` to leave it as it is"
        ),
    )
