"""Losses that are not finite or jump: stop, leave the step out, or go back; exact on resume."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from support.runs import Killed, Recorder, assert_resume_is_exact, run_tiny, trained

from curriculum import events, journal
from curriculum.errors import PolicyStop
from curriculum.run.folder import RunFolder
from curriculum.state import from_bytes

TRAPPED = 'model={{kind: python, factory: "support.tiny:build_trapped", args: {{{}}}}}'
NOT_FINITE = TRAPPED.format("chance: 0.004")
SPIKES = TRAPPED.format("chance: 0.004, factor: 1000.0")
SKIP, ROLLBACK = "defaults.on_non_finite=skip", "defaults.on_non_finite=rollback"


def recorded(folder: Path, *overrides: str) -> Recorder:
    recorder = Recorder()
    run_tiny(folder, overrides=overrides, observer=recorder)
    return recorder


def test_it_stops_before_the_update_unless_told_otherwise(tmp_path: Path) -> None:
    with pytest.raises(
        PolicyStop, match=r"phase `third`, step 3: every loss must be finite.*`shape` nan"
    ):
        recorded(tmp_path, NOT_FINITE, "seed=1")


def test_a_step_that_is_left_out_makes_no_update(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, NOT_FINITE, "seed=1", SKIP)
    skipped = recorder.of(events.Skipped)
    assert [(each.phase, each.step, each.skipped) for each in skipped] == [
        ("third", 3, 1),
        ("third", 10, 2),
        ("third", 20, 3),
    ]
    assert "`shape` nan" in skipped[0].reason
    third = [step.step for step in recorder.of(events.Step) if step.phase == "third"]
    assert third == [step for step in range(1, 26) if step not in {3, 10, 20}]
    state = from_bytes(RunFolder(tmp_path).store.load(RunFolder(tmp_path).store.all()[-1]), "")
    assert all(bool(tensor.isfinite().all()) for tensor in state.model.values())


def test_steps_are_left_out_only_so_often(tmp_path: Path) -> None:
    with pytest.raises(PolicyStop, match="phase `third`, step 20: every loss must be finite"):
        recorded(tmp_path, NOT_FINITE, "seed=1", "defaults.on_non_finite={kind: skip, times: 2}")


def test_it_goes_back_to_the_last_evaluation_with_other_draws_and_a_lower_rate(
    tmp_path: Path,
) -> None:
    recorder = recorded(tmp_path, NOT_FINITE, "seed=1", ROLLBACK)
    back = recorder.of(events.RolledBack)
    assert [(b.phase, b.step, b.to_step, b.attempt, b.learning_rate) for b in back] == [
        ("third", 2, 0, 1, 0.5),
        ("third", 22, 20, 2, 0.25),
    ]
    assert "`shape` nan" in back[0].reason
    rates = {(s.phase, s.step): s.learning_rate for s in recorder.of(events.Step)}
    assert (rates["third", 20], rates["third", 21]) == pytest.approx((5e-3, 2.5e-3))
    records = journal.live(journal.read(tmp_path / "journal.jsonl"))
    kept = [r["step"] for r in records if r["event"] == "step" and r["phase"] == "third"]
    assert kept == list(range(1, 26))  # what a rollback made void is left out, nothing is twice
    assert all(math.isfinite(r["total"]) for r in records if r["event"] == "step")


def test_it_goes_back_only_so_often(tmp_path: Path) -> None:
    once = "defaults.on_non_finite={kind: rollback, times: 1}"
    with pytest.raises(PolicyStop, match="phase `third`, step 23: every loss must be finite"):
        recorded(tmp_path, NOT_FINITE, "seed=1", once)


def test_a_split_that_cannot_be_judged_is_no_step_to_leave_out(tmp_path: Path) -> None:
    with pytest.raises(PolicyStop, match="the validation split: every loss must be finite"):
        recorded(
            tmp_path, TRAPPED.format("chance: 0.02"), "seed=3", SKIP, "phases.0.duration=3 steps"
        )


def test_a_spike_counts_as_not_finite_where_the_plan_says_so(tmp_path: Path) -> None:
    spikes = [SPIKES, "seed=1", "defaults.spike_above=30"]
    with pytest.raises(PolicyStop, match="every loss must be at most 30 times its running mean"):
        recorded(tmp_path / "stops", *spikes)
    skipped = recorded(tmp_path / "skips", *spikes, SKIP).of(events.Skipped)
    assert [(each.phase, each.step) for each in skipped] == [
        ("third", 3),
        ("third", 10),
        ("third", 20),
    ]
    assert not recorded(tmp_path / "blind", SPIKES, "seed=1", SKIP).of(events.Skipped)


@pytest.mark.parametrize("policy", [SKIP, ROLLBACK])
@pytest.mark.parametrize("seed", [1, 4])
def test_resume_is_exact_across_recoveries(tmp_path: Path, policy: str, seed: int) -> None:
    overrides = (NOT_FINITE, f"seed={seed}", policy, "defaults.spike_above=100")
    for place, kills in enumerate(([38, 9, 20], [60, 61, 62, 63], [71, 30, 12], [5, 5, 45])):
        assert_resume_is_exact(tmp_path / str(place), kills, overrides=overrides)


@pytest.mark.slow
def test_a_rollback_killed_at_any_event_comes_to_the_same(tmp_path: Path) -> None:
    overrides = [NOT_FINITE, "seed=2", ROLLBACK, "checkpoints={every: 1 step}"]
    whole = Recorder()
    results = run_tiny(tmp_path / "whole", overrides=overrides, observer=whole)
    places = [n for n, event in enumerate(whole.events, 1) if isinstance(event, events.RolledBack)]
    assert len(places) == 6
    for place in (places[0], places[2], places[-1]):
        for kill in (place - 1, place, place + 1):
            folder = tmp_path / f"killed-{kill}"
            with pytest.raises(Killed, match=r"^$"):
                run_tiny(folder, overrides=overrides, observer=Recorder(die_after=kill))
            again = run_tiny(folder, overrides=overrides)
            assert [p["weights_sha256"] for p in again] == [p["weights_sha256"] for p in results]
            assert trained(folder) == trained(tmp_path / "whole")
