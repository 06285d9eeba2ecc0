"""What the commands share: options, progress on stderr, the line of result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from curriculum.events import Heartbeat, Observer

Force = Annotated[bool, Parameter(negative="", help="Replace a data set that is there.")]
WindowMs = Annotated[float, Parameter(help="What is kept after stimulus onset, in ms.")]


def progress_of(observer: Observer, doing: str) -> Callable[[int, int], None]:
    """Progress of long work as events."""
    return lambda done, of: observer.on_event(Heartbeat(doing=doing, done=done, of=of))


def said(dest: Path, recordings: int, subjects: int, window_ms: float) -> str:
    """The line of result of a command that wrote a data set."""
    return f"wrote {dest}: {recordings} recordings of {subjects} subjects, {window_ms:g} ms each"
