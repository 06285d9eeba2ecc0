"""How a run stands, from its journal. No torch."""

from __future__ import annotations

from typing import Any

from curriculum import journal as journals
from curriculum.run.folder import RunFolder


def status(folder: RunFolder) -> dict[str, Any]:
    """What `status --json` says: phase, step, state, and how each phase went.

    Raises:
        CheckpointError: the journal is damaged.
    """
    records = journals.live(journals.read(folder.journal))
    started = journals.last(records, "run_started") or {}
    resolved = folder.read_json(folder.resolved) or {}
    order = list(resolved.get("keys", {})) or list(started.get("phases", []))
    places = [r for r in records if r.get("step") is not None and r.get("phase")]
    place: journals.Record = places[-1] if places else {}
    phase: str | None = place.get("phase")
    failure = journals.last(records, "run_failed")
    saved = journals.last(records, "checkpoint_saved") or {}
    state = _state(records, held=folder.is_held())
    return {
        "experiment": started.get("experiment", folder.path.name),
        "phase": phase,
        "step": place.get("step", 0),
        "of": resolved.get("steps", {}).get(phase),
        "state": state,
        "held_by": folder.holder() if state == "running" else None,
        "saved": {
            "phase": saved.get("phase"),
            "step": saved.get("step"),
            "path": saved.get("path"),
        },
        "failure": failure["message"] if failure and state in {"failed", "stopped"} else None,
        "phases": [_phase(name, records, current=phase) for name in order],
    }


def _state(records: list[journals.Record], *, held: bool) -> str:
    if held:
        return "running"
    for record in reversed(records):
        if record["event"] == "run_ended":
            return "done"
        if record["event"] == "run_failed":
            return "stopped" if record["kind"] == "Interrupted" else "failed"
    return "stopped"


def _phase(name: str, records: list[journals.Record], *, current: str | None) -> dict[str, Any]:
    ended = journals.last(records, "phase_ended", name)
    evaluated = journals.last(records, "evaluated", name) or {}
    waiting = "running" if name == current else "waiting"
    return {
        "name": name,
        "state": "done" if ended else waiting,
        "steps": ended["step"] if ended else None,
        "reason": ended["reason"] if ended else None,
        "skill": evaluated.get("skill", {}),
    }
