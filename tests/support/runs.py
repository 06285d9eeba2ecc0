"""Running tiny plans in tests, killing them, and comparing how they end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from curriculum import journal
from curriculum.config import Kinds, load_plan_text
from curriculum.events import Event
from curriculum.run.folder import RunFolder
from curriculum.run.runner import Request, run

TINY = """
experiment: tiny
seed: 7
model: {kind: python, factory: "support.tiny:build"}
data: {kind: python, factory: "support.tiny:data"}
checkpoints: {every: 7 steps, every_seconds: null}
defaults:
  global_batch: 12
  optimizer: {kind: adamw, learning_rate: 1e-2}
  schedule: {kind: cosine, warmup: 3 steps}
phases:
  - name: first
    turn_on: {shape: 1.0}
    duration: 16 steps
  - name: second
    turn_on: {kind: 0.5}
    ramp: 5 steps
    duration: 2 epochs
  - name: third
    turn_on: {size: 0.5}
    until: {any: [{plateau: {metric: size/skill, patience: 1}}, {duration: 25 steps}]}
    schedule: {kind: constant}
"""


class Killed(BaseException):
    """Stands for a death that nobody catches."""


@attrs.define
class Recorder:
    """Keeps events, and dies after so many of them if told to."""

    die_after: int | None = None
    events: list[Event] = attrs.field(factory=list)

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        if self.die_after is not None and len(self.events) >= self.die_after:
            raise Killed

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class DiesAt(Recorder):
    """Dies at the n-th event of a kind."""

    def __init__(self, kind: type, number: int) -> None:
        super().__init__()
        self.kind, self.number = kind, number

    def on_event(self, event: Event) -> None:
        super().on_event(event)
        if len(self.of(self.kind)) == self.number:
            raise Killed


def run_tiny(
    folder: Path,
    text: str = TINY,
    overrides: Sequence[str] = (),
    observer: Recorder | None = None,
    **request: Any,
) -> list[dict[str, Any]]:
    loaded = load_plan_text(text, "tiny.yaml", Kinds(), overrides)
    return run(
        Request(
            loaded=loaded, kinds=Kinds(), folder=RunFolder(folder), trust=True, threads=1, **request
        ),
        [] if observer is None else [observer],
    )


def trained(folder: Path) -> list[journal.Record]:
    """What a run did: its live steps, evaluations and phase ends, without the times."""
    kept = {"step", "evaluated", "phase_ended", "calibrated", "balance_watched"}
    records = journal.live(journal.read(folder / "journal.jsonl"))
    return [
        {name: value for name, value in record.items() if name not in {"time", "crc32"}}
        for record in records
        if record["event"] in kept
    ]


def digests(results: Sequence[dict[str, Any]]) -> list[str]:
    return [phase["weights_sha256"] for phase in results]


def assert_resume_is_exact(
    folder: Path, kills: Sequence[int], runner: Callable[..., Any] = run_tiny, **plan: Any
) -> None:
    """A run that dies after so many events, each time, ends as one that never does."""
    whole = runner(folder / "whole", **plan)
    for kill in kills:
        try:
            runner(folder / "killed", observer=Recorder(die_after=kill), **plan)
        except Killed:
            continue
    resumed = runner(folder / "killed", **plan)
    assert digests(resumed) == digests(whole)
    assert trained(folder / "killed") == trained(folder / "whole")
