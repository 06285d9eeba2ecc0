"""What a run will do with each phase, and why: run it, resume it, or reuse its result. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs

from curriculum.checkpoint import CheckpointStore, Found
from curriculum.errors import UsageError
from curriculum.plan import PlannedPhase


@attrs.frozen(kw_only=True)
class Action:
    """What happens to a phase. `start` is the checkpoint that it is resumed from or reused as."""

    phase: PlannedPhase
    action: Literal["run", "resume", "reuse"]
    why: str
    start: Found | None = None
    damaged: tuple[Found, ...] = ()


def decide_actions(
    phases: Sequence[PlannedPhase],
    store: CheckpointStore,
    changes: Sequence[str],
    *,
    rerun_from: str | None = None,
) -> tuple[Action, ...]:
    """An action for each phase: the finished prefix is reused, the phase in progress resumed.

    `changes` says what differs from the plan that the folder was run with; `rerun_from` names a phase
    from which on everything runs again.
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
            f"Use `--from {first.phase.name}` to run it again, `--fresh` to run everything again, or "
            "`--experiment NAME` to leave it as it is"
        ),
    )


def as_json(action: Action, settings: Mapping[str, Any]) -> dict[str, Any]:
    """What `plan --json` says of a phase."""
    return {**settings, "action": action.action, "why": action.why}
