"""What a run does, as a flat list of names and numbers that two runs can be compared by."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import attrs

from curriculum import events
from support.runs import Recorder


def what_happened(recorder: Recorder) -> list[Any]:
    """What a run did. Settings, keys and digests are no part of it."""
    shown = (
        events.RunStarted,
        events.Step,
        events.BalanceWatched,
        events.Evaluated,
        events.CheckpointSaved,
        events.PhaseEnded,
        events.Skipped,
        events.RolledBack,
        events.Extended,
    )
    parts: list[Any] = []
    for event in recorder.events:
        if isinstance(event, shown):
            fields = attrs.asdict(event)
            for hidden in ("weights_sha256", "unchanged_heads", "run_folder", "versions"):
                fields.pop(hidden, None)
            parts += [event.event, *_flat(fields)]
    return parts


def differ(one: list[Any], two: list[Any]) -> bool:
    """Whether two runs did different things, beyond rounding."""
    for a, b in itertools.zip_longest(one, two):
        if isinstance(a, float) and isinstance(b, float):
            if not math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-12):
                return True
        elif a != b:
            return True
    return False


def _flat(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _flat(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _flat(inner)
    else:
        yield value
