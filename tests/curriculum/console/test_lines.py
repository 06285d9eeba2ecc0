"""Plain lines, for pipes and logs."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import attrs
import pytest
from support import moments
from support.golden import assert_golden
from support.moments import step

from curriculum.console.lines import EVERY_SECONDS, Lines
from curriculum.events import Event, Heartbeat, Resumed, Warned

GOLDEN = Path(__file__).parent / "golden"

# Far enough apart that each is written.
EVENTS: tuple[Event, ...] = (
    Heartbeat(doing="loading data", done=0, of=None),
    Heartbeat(doing="reading recordings", done=7, of=None),
    moments.RUN_STARTED,
    Warned(message="the run has no subject of class [red]"),
    Warned(message="the optimizer's memory starts afresh", phase="signal"),
    moments.PHASE_REUSED,
    moments.PHASE_STARTED,
    moments.CALIBRATED,
    step(1),
    step(401, losses={"signal": None, "threshold": 1e-6}, total=None),
    moments.HEARTBEAT,
    moments.EVALUATED,
    moments.WARNED,
    moments.WATCHED,
    moments.ALARM,
    moments.CHECKPOINT_SAVED,
    moments.RESUMED,
    step(402),
    moments.SKIPPED,
    moments.ROLLED_BACK,
    moments.EXTENDED,
    moments.PHASE_ENDED,
    attrs.evolve(moments.PHASE_ENDED, model_of_step=800),
    attrs.evolve(moments.PHASE_STARTED, phase="peaks", longest=None),
    attrs.evolve(moments.EVALUATED, phase="peaks", step=1, skill={}),
    moments.RUN_FAILED,
    moments.RUN_ENDED,
)


def written(*events: Event, every: float = EVERY_SECONDS, quiet: bool = False) -> list[str]:
    lines: list[str] = []
    now = 0.0
    observer = Lines(lines.append, lambda: now, quiet=quiet)
    for event in events:
        observer.on_event(event)
        now += every
    return lines


def test_every_event() -> None:
    assert {type(event) for event in EVENTS} == set(get_args(Event))
    assert_golden("".join(f"{line}\n" for line in written(*EVENTS)), GOLDEN / "lines.txt")


def test_quiet_leaves_warnings() -> None:
    lines = written(*EVENTS, quiet=True)
    assert [line.partition(": ")[0] for line in lines] == [
        *["warning"] * 3,
        "alarm",
        *["warning"] * 3,
    ]


def test_steps_come_every_few_seconds_and_everything_else_at_once() -> None:
    steps = [step(number) for number in range(1, 12)]
    lines = written(moments.PHASE_STARTED, *steps, moments.PHASE_ENDED, every=1.0)
    assert [line.partition(";")[0] for line in lines] == [
        "threshold: starts, at most 1200 steps",
        "threshold: step 5 of 1200, 19m 55s left",
        "threshold: step 10 of 1200, 19m 50s left",
        "threshold: ended after 1200 steps, duration of 1200 steps",
    ]


@pytest.mark.parametrize("last", [moments.RUN_FAILED, Heartbeat(doing="loading", done=0, of=9)])
def test_what_is_said_elsewhere_or_says_nothing_is_left_out(last: Event) -> None:
    assert written(moments.RUN_ENDED, last) == ["done: signal, threshold, peaks"]


def test_what_looks_like_markup_is_written_as_it_is() -> None:
    (line,) = written(
        Resumed(phase="[bold]phases[1]", key="k", from_step=3, weights={}, longest=None)
    )
    assert line == "[bold]phases[1]: goes on from step 3"
