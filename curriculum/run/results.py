"""What a run has come to, phase by phase. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curriculum import journal as journals
from curriculum.plan import PlannedPhase
from curriculum.run.actions import Action
from curriculum.run.folder import RunFolder


def results(
    folder: RunFolder, phases: Sequence[tuple[PlannedPhase, Action]]
) -> list[dict[str, Any]]:
    """What `run --json` says of each phase, from the journal."""
    records = journals.live(journals.read(folder.journal))
    done = {"run": "ran", "resume": "resumed", "reuse": "reused"}
    found: list[dict[str, Any]] = []
    for phase, action in phases:
        ended = journals.last(records, "phase_ended", phase.name) or {}
        evaluated = journals.outcome(records, phase.name) or {}
        found.append(
            {
                "name": phase.name,
                "action": done[action.action],
                "steps": ended.get("step"),
                "reason": ended.get("reason"),
                "key": phase.key,
                "weights_sha256": ended.get("weights_sha256"),
                **{part: evaluated.get(part, {}) for part in ("metrics", "trivial", "skill")},
            }
        )
    return found
