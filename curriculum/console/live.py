"""The live display of a run on a terminal."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from curriculum.console import format as shown
from curriculum.console.lines import TROUBLE, of_event
from curriculum.console.progress import Progress, Status
from curriculum.events import Event, Warned

_MARKS: dict[Status, tuple[str, str]] = {
    "done": ("✓", "green"),
    "running": ("▶", "bold cyan"),
    "waiting": ("·", "dim"),
    "reused": ("↺", "green"),
    "failed": ("✗", "bold red"),
}


class LiveDisplay:
    """An observer that draws at 4 Hz. Enter it; events only change what is drawn next."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._progress, self._clock = Progress(), clock
        self._lock = threading.Lock()
        self._live = Live(
            console=console,
            get_renderable=self._draw,
            refresh_per_second=4,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> LiveDisplay:
        self._live.start(refresh=False)
        # Live hides the cursor, and a process that is killed could not bring it back.
        self._live.console.show_cursor()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def on_event(self, event: Event) -> None:
        """Take an event in. Warnings are written above the display, and stay."""
        with self._lock:
            self._progress.fold(event, self._clock())
        if isinstance(event, TROUBLE):
            alarm = isinstance(event, Warned) and event.severity == "alarm"
            style = "bold red" if alarm else "yellow"
            self._live.console.print(Text(of_event(event, self._progress) or "", style))

    def _draw(self) -> RenderableType:
        with self._lock:
            return draw(self._progress, self._clock())


def draw(progress: Progress, now: float) -> RenderableType:
    """One frame."""
    parts: list[RenderableType] = []
    if progress.phases:
        parts.append(_title(progress))
        parts.append(_phases(progress))
    if progress.phase is not None and progress.weights:
        parts.append(_tasks(progress))
        parts.append(_footer(progress, now))
    if progress.doing is not None:
        parts.append(_doing(progress))
    return Group(*parts)


def _title(progress: Progress) -> Text:
    title = Text(progress.experiment, "bold", no_wrap=True, overflow="ellipsis")
    return title.append(f"  {progress.machine}  {progress.where}", "not bold dim")


def _phases(progress: Progress) -> Table:
    table = Table.grid(padding=(0, 1))
    table.add_column(width=1)
    table.add_column(no_wrap=True, overflow="ellipsis", min_width=8)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(min_width=10, max_width=30)
    table.add_column(no_wrap=True, overflow="ellipsis")
    for phase, status in progress.phases.items():
        mark, style = _MARKS[status]
        done = progress.steps.get(phase)
        row: list[RenderableType] = [Text(mark, style), Text(phase, style)]
        if phase == progress.phase and status == "running":
            of = progress.longest
            row.append(Text(f"{done or 0}" if of is None else f"{done or 0}/{of}"))
            row.append(
                ProgressBar(
                    total=of,
                    completed=done or 0,
                    width=30,
                    pulse=of is None,
                    complete_style="cyan",
                    finished_style="green",
                )
            )
            row.append(Text(_speed(progress), "dim"))
        else:
            row += [Text("" if done is None else f"{done} steps", "dim"), "", ""]
        table.add_row(*row)
    return table


def _speed(progress: Progress) -> str:
    rate, left = progress.rate, progress.seconds_left
    parts = [] if left is None else [f"{shown.duration(left)} left"]
    parts += [] if rate is None else [f"{rate:.3g} steps/s"]
    return "  ".join(parts)


def _tasks(progress: Progress) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("task", no_wrap=True, overflow="ellipsis")
    for name in ("weight", "loss", "contribution", "share", "skill"):
        table.add_column(name, justify="right", no_wrap=True)
    last = progress.last
    for task, weight in progress.weights.items():
        loss = None if last is None else last.losses.get(task)
        contribution = None if last is None else last.contributions.get(task)
        share, skill = progress.share(task), progress.skill.get(task)
        style = "" if skill is None else "red" if skill < 0 else "green"
        value = "–" if skill is None else f"{skill:.3f}"
        table.add_row(
            Text(task),
            f"{weight:g}",
            shown.number(loss),
            shown.number(contribution),
            "–" if share is None else shown.percent(share),
            Text(f"{value} {progress.trend(task) or ' '}", style),
        )
    return table


def _footer(progress: Progress, now: float) -> Text:
    parts: list[str] = []
    if progress.last is not None:
        clipped = sum(progress.clipped) / max(1, len(progress.clipped))
        parts.append(f"learning rate {progress.last.learning_rate:.2e}")
        norm = shown.number(progress.last.gradient_norm)
        parts.append(f"gradient norm {norm} ({shown.percent(clipped)} clipped)")
    if progress.saved is not None:
        ago = shown.duration(now - progress.saved_at)
        parts.append(f"saved {progress.saved.phase} at step {progress.saved.step}, {ago} ago")
    return Text("  ".join(parts), "dim")


def _doing(progress: Progress) -> Text:
    doing = progress.doing
    assert doing is not None
    of = "" if doing.of is None else f" {doing.done} of {doing.of}"
    return Text(f"{doing.doing}{of} …", "cyan")
