"""What displays are drawn from: rate, time left, shares and trends."""

from __future__ import annotations

import attrs
import pytest
from support import moments
from support.moments import step

from curriculum.console.progress import Progress
from curriculum.events import Event


def after(*events: tuple[float, Event]) -> Progress:
    progress = Progress()
    for seconds, event in events:
        progress.fold(event, seconds)
    return progress


def test_a_rate_needs_two_steps() -> None:
    started = (0.0, moments.PHASE_STARTED)
    assert after(started).rate is None
    assert after(started, (5.0, step(1))).rate is None
    assert after(started, (5.0, step(1)), (5.0, step(2))).rate is None
    assert after(started, (5.0, step(1)), (9.0, step(21))).rate == 5.0


def test_the_rate_is_of_this_process() -> None:
    progress = after((0.0, moments.RESUMED), (1.0, step(401)), (11.0, step(451)))
    assert progress.step == 451
    assert progress.rate == 5.0
    assert progress.seconds_left == (1200 - 451) / 5.0


@pytest.mark.parametrize("longest", [None, 21, 10])
def test_the_time_left_is_that_of_the_longest_phase(longest: int | None) -> None:
    started = attrs.evolve(moments.PHASE_STARTED, longest=longest)
    progress = after((0.0, started), (1.0, step(1)), (5.0, step(21)))
    assert progress.seconds_left == (None if longest is None else 0.0)


def test_a_share_is_the_part_of_the_total() -> None:
    progress = after((0.0, moments.PHASE_STARTED), (1.0, step(1)))
    assert progress.share("threshold") == pytest.approx(0.75)
    assert progress.share("peak_latency") == 0.0


@pytest.mark.parametrize("total", [None, 0.0])
def test_there_is_no_share_without_a_total(total: float | None) -> None:
    progress = after((0.0, moments.PHASE_STARTED), (1.0, step(1, total=total)))
    assert progress.share("threshold") is None
    assert after((0.0, moments.PHASE_STARTED)).share("threshold") is None


@pytest.mark.parametrize(
    ("before", "now", "arrow"),
    [(0.5, 0.6, "↑"), (0.5, 0.4, "↓"), (0.5, 0.5004, ""), (None, 0.5, ""), (0.5, None, "")],
)
def test_a_trend_is_against_the_evaluation_before(
    before: float | None, now: float | None, arrow: str
) -> None:
    found = [{} if skill is None else {"signal": skill} for skill in (before, now)]
    evaluated = [attrs.evolve(moments.EVALUATED, skill=skill) for skill in found]
    assert after((0.0, evaluated[0]), (1.0, evaluated[1])).trend("signal") == arrow


def test_a_new_phase_begins_afresh() -> None:
    peaks = attrs.evolve(moments.PHASE_STARTED, phase="peaks", longest=None)
    progress = after(
        (0.0, moments.RUN_STARTED),
        (0.0, moments.PHASE_STARTED),
        (1.0, step(1, clipped=True)),
        (2.0, moments.PHASE_ENDED),
        (3.0, peaks),
    )
    assert (progress.phase, progress.step, progress.rate, progress.last) == ("peaks", 0, None, None)
    assert list(progress.clipped) == []
    assert progress.phases == {"signal": "waiting", "threshold": "done", "peaks": "running"}


def test_work_between_steps_is_over_with_the_next_event() -> None:
    assert after((0.0, moments.HEARTBEAT)).doing == moments.HEARTBEAT
    assert after((0.0, moments.HEARTBEAT), (1.0, moments.EVALUATED)).doing is None


def test_a_failure_marks_the_phase_that_ran() -> None:
    progress = after(
        (0.0, moments.RUN_STARTED), (0.0, moments.PHASE_STARTED), (1.0, moments.RUN_FAILED)
    )
    assert progress.phases["threshold"] == "failed"
    assert after((0.0, moments.RUN_STARTED), (1.0, moments.RUN_FAILED)).phases["threshold"] == (
        "waiting"
    )


def test_at_the_end_no_phase_is_left() -> None:
    progress = after((0.0, moments.PHASE_STARTED), (1.0, step(1)), (2.0, moments.RUN_ENDED))
    assert progress.phase is None
    assert progress.step == 0
