"""The live display: whole frames at several moments of a run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest
from rich.console import Console
from rich.text import Text
from support import moments
from support.golden import assert_all_used, assert_golden
from support.moments import step

from curriculum.console.live import LiveDisplay, draw
from curriculum.console.progress import Progress
from curriculum.events import Event, Heartbeat

GOLDEN = Path(__file__).parent / "golden" / "live"

Timed = Sequence[tuple[float, Event]]

START: Timed = [(0, moments.RUN_STARTED), (0, moments.PHASE_REUSED)]
IN_PHASE: Timed = [
    *START,
    (1, moments.PHASE_STARTED),
    *((2 + number / 10, step(number, clipped=number % 4 == 0)) for number in range(1, 401)),
]
EVALUATED: Timed = [
    *IN_PHASE,
    (43, moments.EVALUATED),
    (44, moments.CHECKPOINT_SAVED),
    (45, step(401)),
    (
        46,
        attrs.evolve(moments.EVALUATED, step=401, skill={"signal": 0.60123, "threshold": -0.20294}),
    ),
]
ODD_NAMES: Timed = [
    (
        0,
        attrs.evolve(
            moments.RUN_STARTED,
            experiment="[bold]ears[/bold] :ear:",
            phases=("phases[1]", "[red]"),
            run_folder="runs/[link]",
        ),
    ),
    (1, attrs.evolve(moments.PHASE_STARTED, phase="phases[1]", weights={"[green]task": 1.0})),
    (2, Heartbeat(doing="loading [cyan]", done=1, of=2)),
]

# Each frame is drawn at 50 s.
MOMENTS: dict[str, Timed] = {
    "nothing": [],
    "loading": [(0, Heartbeat(doing="loading data", done=0, of=None))],
    "start": START,
    "phase_started": [*START, (1, moments.PHASE_STARTED)],
    "in_a_phase": IN_PHASE,
    "evaluating": [*IN_PHASE, (43, moments.HEARTBEAT)],
    "evaluated": EVALUATED,
    "warning": [*EVALUATED, (47, moments.WARNED)],
    "resumed": [*START, (1, moments.RESUMED), (2, step(401)), (4, step(411))],
    "no_length": [
        *START,
        (1, attrs.evolve(moments.PHASE_STARTED, longest=None)),
        (2, step(1)),
        (7, step(11)),
    ],
    "no_total": [
        *START,
        (1, moments.PHASE_STARTED),
        (2, step(1, losses={"signal": None, "threshold": 2.0}, contributions={}, total=None)),
    ],
    "phase_ended": [*EVALUATED, (47, moments.PHASE_ENDED)],
    "failed": [*EVALUATED, (47, moments.RUN_FAILED)],
    "done": [*EVALUATED, (47, moments.PHASE_ENDED), (48, moments.RUN_ENDED)],
    "odd_names": ODD_NAMES,
}


def rendered(events: Timed, width: int = 100, color: str | None = None) -> str:
    progress = Progress()
    for seconds, event in events:
        progress.fold(event, seconds)
    file = io.StringIO()
    console = Console(
        file=file,
        width=width,
        force_terminal=True,
        color_system=color,  # type: ignore[arg-type]
        markup=False,
        highlight=False,
        emoji=False,
        no_color=False,
    )
    console.print(draw(progress, now=50.0))
    return file.getvalue()


@pytest.fixture(autouse=True)
def _steady(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rich.progress_bar.monotonic", lambda: 0.0)  # moves a bar without an end
    monkeypatch.setenv("TERM", "xterm")


@pytest.mark.parametrize("name", MOMENTS)
def test_frame(name: str) -> None:
    text = "".join(f"{line.rstrip()}\n" for line in rendered(MOMENTS[name]).splitlines())
    assert_golden(text, GOLDEN / f"{name}.txt")


def test_no_line_is_wider_than_a_narrow_terminal() -> None:
    long = attrs.evolve(moments.RUN_STARTED, experiment="a-long-name-" * 6)
    text = rendered([(0, long), *EVALUATED[1:]], width=56)
    assert all(len(line) <= 56 for line in text.splitlines())
    assert_golden(
        "".join(f"{line.rstrip()}\n" for line in text.splitlines()), GOLDEN / "narrow.txt"
    )


def test_every_golden_frame_belongs_to_a_test() -> None:
    assert_all_used(GOLDEN, [*MOMENTS, "narrow"])


def test_colours_say_what_is_worse_than_trivial_and_what_failed() -> None:
    text = Text.from_ansi(rendered([*EVALUATED, (47, moments.RUN_FAILED)], color="standard"))
    styles = {
        text.plain[span.start : span.end].strip(): span.style.color.name  # type: ignore[union-attr]
        for span in text.spans
        if not isinstance(span.style, str) and span.style.color is not None
    }
    assert styles["0.601 ↑"] == "color(2)"
    assert styles["-0.203 ↓"] == "color(1)"
    assert styles["✗"] == "color(1)"
    assert styles["↺"] == "color(2)"


def test_the_display_leaves_its_last_frame_and_all_warnings() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, height=40, force_terminal=True, color_system=None)
    with LiveDisplay(console, clock=lambda: 50.0) as display:
        for event in (moments.RUN_STARTED, moments.PHASE_STARTED, step(1), moments.WARNED):
            display.on_event(event)
        display.on_event(attrs.evolve(moments.WARNED, phase=None, message="[red] is literal"))
        display.on_event(moments.PHASE_ENDED)
    text = file.getvalue()
    assert text.count("warning: threshold, step 400: `threshold` is worse") == 1
    assert text.count("warning: [red] is literal") == 1
    last = text.rpartition("ears  cpu, 2 threads, torch 9.9  runs/ears")[2]
    assert "✓ threshold 1 steps" in last
    assert "▶" not in last


def test_an_alarm_is_red_and_a_look_is_silent() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system="standard")
    with LiveDisplay(console) as display:
        for event in (moments.WATCHED, moments.WARNED, moments.ALARM):
            display.on_event(event)
    text = file.getvalue()
    assert "\x1b[1;31malarm: threshold, step 400: `threshold` counts 105 times" in text
    assert "\x1b[33mwarning: threshold, step 400" in text
    assert "cosine" not in text


def test_a_display_that_is_killed_leaves_the_cursor() -> None:
    file = io.StringIO()
    display = LiveDisplay(Console(file=file, width=100, force_terminal=True, color_system=None))
    with display:
        display.on_event(moments.WARNED)
        assert file.getvalue().startswith("\x1b[?25l\x1b[?25h")
        assert file.getvalue().count("\x1b[?25l") == 1


def test_an_error_ends_the_display_too() -> None:
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=True, color_system=None)

    def fail() -> None:
        with LiveDisplay(console) as display:
            display.on_event(moments.RUN_STARTED)
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()
    assert file.getvalue().endswith("\x1b[?25h")
