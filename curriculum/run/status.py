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
    saved = journals.last(records, "checkpoint_saved") or {}
    end = _end(records)
    state = "running" if folder.is_held() else _state(end)
    return {
        "experiment": started.get("experiment", folder.path.name),
        "phase": phase,
        "step": place.get("step", 0),
        "of": _longest(records, phase, resolved.get("steps", {}).get(phase)),
        "state": state,
        "held_by": folder.holder() if state == "running" else None,
        "saved": {
            "phase": saved.get("phase"),
            "step": saved.get("step"),
            "path": saved.get("path"),
        },
        "failure": end.get("message") if state in {"failed", "stopped"} else None,
        "phases": [_phase(name, records, state if name == phase else "waiting") for name in order],
    }


def _longest(records: list[journals.Record], phase: str | None, planned: int | None) -> int | None:
    """The most steps that a phase has: as planned, or as it went on beyond that."""
    extended = journals.last(records, "extended", phase)
    return planned if extended is None else extended["step"] + extended["steps"]


def _end(records: list[journals.Record]) -> journals.Record:
    """How the last process ended; `run_started` where it was killed before it could say so."""
    told = {"run_started", "run_failed", "run_ended"}
    ends = [record for record in records if record["event"] in told]
    return ends[-1] if ends else {}


def _state(end: journals.Record) -> str:
    match end.get("event"):
        case "run_ended":
            return "done"
        case "run_failed" if end["kind"] != "Interrupted":
            return "failed"
        case _:
            return "stopped"


def _phase(name: str, records: list[journals.Record], unless_done: str) -> dict[str, Any]:
    ended = journals.last(records, "phase_ended", name)
    evaluated = journals.outcome(records, name) or {}
    return {
        "name": name,
        "state": "done" if ended else unless_done,
        "steps": ended["step"] if ended else None,
        "reason": ended["reason"] if ended else None,
        "skill": evaluated.get("skill", {}),
    }
