"""The journal: one JSON line for every event, each with a checksum, never cut.

Whatever reads a run reads its journal. A line that a crash tore at the end is tolerated, damage in
the middle is an error, and `live` gives the records that are still valid after resumes and reruns.
"""

from __future__ import annotations

import json
import math
import os
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, cast, get_args

import attrs

from curriculum.errors import CheckpointError
from curriculum.events import Event, Heartbeat

SCHEMA = 1
Record = Mapping[str, Any]
_FLUSH_SECONDS = 1.0
_REPEATED = {"step", "skipped", "balance_watched", "evaluated", "extended"}
"""What a run that goes on from before it does again."""
_EVENTS: Mapping[str, Any] = {kind.event: kind for kind in get_args(Event)}


class Journal:
    """Appends events to a file. An observer: give it to a run."""

    def __init__(self, path: Path) -> None:
        _drop_torn_line(path)
        self._file = path.open("ab")
        self._pending: list[bytes] = []
        self._flushed = time.monotonic()

    def on_event(self, event: Event) -> None:
        """Keep an event; it reaches the file within a second or at the next `sync`."""
        if isinstance(event, Heartbeat):
            return
        self._pending.append(encode(event, time.time()))
        if time.monotonic() - self._flushed > _FLUSH_SECONDS:
            self._flush()

    def sync(self) -> None:
        """Bring everything so far onto the disk."""
        self._flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Write what is pending and close the file."""
        if not self._file.closed:
            self.sync()
            self._file.close()

    def _flush(self) -> None:
        self._file.write(b"".join(self._pending))
        self._file.flush()
        self._pending.clear()
        self._flushed = time.monotonic()


def encode(event: Event, now: float) -> bytes:
    """The journal's line for an event at a time in seconds since 1970."""
    fields: dict[str, Any] = {"schema": SCHEMA, "event": event.event, "time": round(now, 3)}
    for attribute in attrs.fields(type(event)):
        fields[attribute.name] = _plain(getattr(event, attribute.name))
    body = json.dumps(fields, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return f'{body[:-1]},"crc32":{zlib.crc32(body.encode())}}}\n'.encode()


def decode(line: bytes) -> Record:
    """The record of a line without its end.

    Raises:
        ValueError: the line is not a record, or its checksum does not fit.
    """
    head, found, tail = line.rpartition(b',"crc32":')
    body = head + b"}"
    if not found or int(tail.rstrip(b"}")) != zlib.crc32(body):
        raise ValueError("checksum")
    record: Record = json.loads(body)
    return record


def as_event(record: Record) -> Event:
    """The event that a record was written for, so that whatever draws a run can draw its journal.

    Raises:
        ValueError: the record is of no known event.
    """
    kind = _EVENTS.get(record["event"])
    if kind is None:
        raise ValueError(f"{record['event']!r} is no event of this version")
    fields = {  # a record that is older than a field has the field's default
        field.name: record[field.name]
        for field in attrs.fields(kind)
        if field.name in record or field.default is attrs.NOTHING
    }
    event: Event = kind(**{name: _tupled(value) for name, value in fields.items()})
    return event


def read(path: Path) -> list[Record]:
    """Every record of a journal, oldest first; empty where there is no file.

    Raises:
        CheckpointError: a line is damaged, and it is not a torn last one.
    """
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")
    lines.pop()  # empty, or torn: a whole line ends with its newline
    records: list[Record] = []
    for number, line in enumerate(lines, 1):
        try:
            records.append(decode(line))
        except ValueError as error:
            raise CheckpointError(
                "every line of a journal must be as it was written",
                found="a line that is damaged",
                where=f"{path}:{number}",
                hint="Run `abr-curriculum verify` on the run, and restore the file from a copy.",
            ) from error
    return records


def live(records: Iterable[Record]) -> list[Record]:
    """The records that still count: what a resume or a rerun made void is left out.

    `resumed` voids the later `step`, `balance_watched` and `evaluated` records of its phase, and
    `rolled_back` those after the step that it went back to; `phase_started` voids all results of
    its phase and of those after it in the plan; `phase_reused` and `resumed` bring back those of
    the key that they name, where a run with another key has voided them since.
    """
    kept: list[Record] = []
    order: list[str] = []
    seen: list[Record] = []
    for record in records:
        seen.append(record)
        match record["event"]:
            case "run_started":
                order = list(record["phases"])
            case "resumed":
                phase, step = record["phase"], record["from_step"]
                kept = _with_key(kept, seen, phase, record["key"])
                kept = [old for old in kept if not _voided(old, phase, step)]
            case "rolled_back":
                phase, step = record["phase"], record["to_step"]
                kept = [old for old in kept if not _voided(old, phase, step)]
            case "phase_started":
                phase = record["phase"]
                gone = set(order[order.index(phase) :]) if phase in order else {phase}
                kept = [old for old in kept if old.get("phase") not in gone or not _result(old)]
            case "phase_reused":
                kept = _with_key(kept, seen, record["phase"], record["key"])
            case "evaluated" | "balance_watched" | "extended":
                kept = _without_twin(kept, record)
            case _:
                pass
        kept.append(record)
    return kept


def _without_twin(kept: list[Record], record: Record) -> list[Record]:
    """Without the same record from before a resume at its own step, which made it again."""
    place = len(kept)
    while place and not (kept[place - 1]["event"] == "step" and kept[place - 1] != record):
        place -= 1
        old = kept[place]
        if all(old.get(name) == record[name] for name in ("event", "phase", "step")):
            return [*kept[:place], *kept[place + 1 :]]
    return kept


def steps(records: Iterable[Record]) -> Iterator[Record]:
    """The step records among them."""
    return (record for record in records if record["event"] == "step")


def last(records: Iterable[Record], event: str, phase: str | None = None) -> Record | None:
    """The latest record of an event, of a phase if one is named."""
    found = None
    for record in records:
        if record["event"] == event and phase in (None, record.get("phase")):
            found = record
    return found


def outcome(records: Sequence[Record], phase: str) -> Record | None:
    """The evaluation of what a phase has come to: of the model handed on, else the latest."""
    ended = last(records, "phase_ended", phase)
    found = None
    for record in records:
        if record["event"] == "evaluated" and record["phase"] == phase:
            found = record
            if ended is not None and record["step"] == ended["model_of_step"]:
                break
    return found


def _with_key(kept: list[Record], seen: list[Record], phase: str, key: str) -> list[Record]:
    """The records with the results of a phase's run with a key, whatever ran since."""
    if (last(kept, "phase_started", phase) or {}).get("key") == key:
        return kept
    others = [old for old in kept if old.get("phase") != phase or not _result(old)]
    return [*others, *_results_of(seen, phase, key)]


def _results_of(records: Iterable[Record], phase: str, key: str) -> list[Record]:
    """The results of a phase's last run with a key, whatever ran after it."""
    found: list[Record] = []
    inside = False
    for record in records:
        if record.get("phase") != phase:
            continue
        if record["event"] in {"phase_started", "phase_reused", "resumed"}:
            inside = record["key"] == key
        if inside and record["event"] == "phase_started":
            found.clear()
        if inside and record["event"] == "resumed":
            found = [old for old in found if not _voided(old, phase, record["from_step"])]
        if inside and record["event"] == "rolled_back":
            found = [old for old in found if not _voided(old, phase, record["to_step"])]
        if inside and _result(record):
            found.append(record)
    return found


def _result(record: Record) -> bool:
    return record["event"] in {
        "step",
        "balance_watched",
        "evaluated",
        "calibrated",
        "checkpoint_saved",
        "phase_started",
        "phase_ended",
        "skipped",
        "extended",
    }


def _voided(record: Record, phase: str, from_step: int) -> bool:
    late = record["event"] in _REPEATED and record["step"] > from_step
    return record.get("phase") == phase and (late or record["event"] == "phase_ended")


def _plain(value: Any) -> Any:
    """JSON for a field; a float that is not finite becomes its name, which strict JSON allows."""
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        named = cast("Mapping[object, Any]", value)
        return {str(name): _plain(inner) for name, inner in named.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in cast("Sequence[Any]", value)]
    return value


def _tupled(value: object) -> object:
    return tuple(cast("list[object]", value)) if isinstance(value, list) else value


def _drop_torn_line(path: Path) -> None:
    """Cut what a crash left of a line at the end; a whole line ends with its newline."""
    if not path.exists():
        return
    with path.open("r+b") as file:
        content = file.read()
        end = content.rfind(b"\n") + 1
        if end != len(content):
            file.truncate(end)
