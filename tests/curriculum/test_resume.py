"""Law 2: a run killed anywhere ends with the same bytes as one never killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.runs import (
    TINY,
    DiesAt,
    Killed,
    Recorder,
    assert_resume_is_exact,
    digests,
    run_tiny,
    trained,
)

from curriculum import events
from curriculum.config.balances import BALANCES
from curriculum.errors import CheckpointError, Interrupted, UsageError

DRAWING = ("pcgrad", "graddrop", "random")
"""Aggregators that draw at random."""


@settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(kills=st.lists(st.integers(1, 95), min_size=1, max_size=4))
def test_killed_at_any_event_it_ends_the_same(kills: list[int]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        assert_resume_is_exact(Path(folder), kills)


@pytest.mark.parametrize(
    "change",
    [
        ["defaults.optimizer={kind: sgd, learning_rate: 0.05, momentum: 0.9}"],
        ["defaults.accumulation_steps=3"],
        ["defaults.balance.kind=fixed"],
        ["defaults.schedule={kind: plateau, patience: 1}", "phases.0.duration=40 steps"],
        ["checkpoints.every=1 step"],
        ["checkpoints={every_seconds: 0.01}"],
        *([f"defaults.balance={{kind: {kind}, watch_every: 4 steps}}"] for kind in BALANCES),
        ["defaults.balance={kind: gradnorm, measure_every: 3 steps, watch_every: null}"],
        *([f"defaults.balance={{kind: torchjd, aggregator: {each}}}"] for each in DRAWING),
        [
            "phases.second.sampler={kind: tempered, task: kind, temperature: 0}",
            "phases.third.class_loss={kind: class_balanced}",
        ],
    ],
    ids=[
        "sgd",
        "accumulation",
        "fixed",
        "plateau schedule",
        "saves each step",
        "saves by the clock",
        *BALANCES,
        "gradnorm now and then",
        *DRAWING,
        "a sampler, and another class loss later",
    ],
)
def test_it_does_so_whatever_the_plan(tmp_path: Path, change: list[str]) -> None:
    assert_resume_is_exact(tmp_path, [30, 41, 60], overrides=change)


def test_checkpoints_do_not_change_what_is_trained(tmp_path: Path) -> None:
    often = run_tiny(tmp_path / "often", overrides=["checkpoints.every=1 step"])
    never = run_tiny(
        tmp_path / "never", overrides=["checkpoints={every: null, every_seconds: null}"]
    )
    assert digests(often) == digests(never)


def test_a_finished_run_is_reused_whole(tmp_path: Path) -> None:
    first, recorder = run_tiny(tmp_path), Recorder()
    second = run_tiny(tmp_path, observer=recorder)
    assert [phase["action"] for phase in first] == ["ran", "ran", "ran"]
    assert [phase["action"] for phase in second] == ["reused", "reused", "reused"]
    assert digests(first) == digests(second)
    assert [phase["skill"] for phase in first] == [phase["skill"] for phase in second]
    assert recorder.of(events.Step) == []


def test_a_changed_phase_reruns_with_all_after_it(tmp_path: Path) -> None:
    before = run_tiny(tmp_path / "a")
    after = run_tiny(tmp_path / "a", overrides=["phases.second.ramp=6 steps"])
    assert [phase["action"] for phase in after] == ["reused", "ran", "ran"]
    assert digests(before)[1] != digests(after)[1]
    assert digests(after) == digests(
        run_tiny(tmp_path / "fresh", overrides=["phases.second.ramp=6 steps"])
    )


def test_going_back_finds_the_phase_that_was_set_aside(tmp_path: Path) -> None:
    first = run_tiny(tmp_path)
    run_tiny(tmp_path, overrides=["phases.third.turn_on.size=0.7"])
    back = run_tiny(tmp_path)
    assert [phase["action"] for phase in back] == ["reused", "reused", "reused"]
    assert [phase["key"] for phase in back] == [phase["key"] for phase in first]


def test_a_changed_phase_in_progress_is_refused_with_the_ways_out(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run_tiny(tmp_path, observer=DiesAt(events.CheckpointSaved, 1))
    changed = ["phases.first.turn_on.shape=2.0"]
    with pytest.raises(UsageError) as refused:
        run_tiny(tmp_path, overrides=changed)
    message = str(refused.value)
    assert "`phases.first.turn_on.shape` changed from 1.0 to 2.0" in message
    for way in ("--from first", "--fresh", "--experiment NAME"):
        assert way in message
    fresh = run_tiny(tmp_path, overrides=changed, fresh=True)
    assert digests(fresh) == digests(run_tiny(tmp_path / "other", overrides=changed))


def test_a_phase_is_resumed_with_its_own_records_though_another_key_ran_since(
    tmp_path: Path,
) -> None:
    with pytest.raises(Killed):
        run_tiny(tmp_path / "a", observer=DiesAt(events.CheckpointSaved, 2))
    run_tiny(tmp_path / "a", overrides=["phases.first.turn_on.shape=2.0"], fresh=True)
    recorder = Recorder()
    back = run_tiny(tmp_path / "a", observer=recorder)
    assert [phase["action"] for phase in back] == ["resumed", "ran", "ran"]
    assert [each.from_step for each in recorder.of(events.Resumed)] == [14]
    assert digests(back) == digests(run_tiny(tmp_path / "b"))
    assert trained(tmp_path / "a") == trained(tmp_path / "b")


def test_from_reruns_and_until_stops(tmp_path: Path) -> None:
    part = run_tiny(tmp_path, until="second")
    assert [phase["name"] for phase in part] == ["first", "second"]
    whole = run_tiny(tmp_path)
    assert [phase["action"] for phase in whole] == ["reused", "reused", "ran"]
    again = run_tiny(tmp_path, rerun_from="second")
    assert [phase["action"] for phase in again] == ["reused", "ran", "ran"]
    assert digests(again) == digests(whole)


@pytest.mark.parametrize("name", ["rerun_from", "until"])
def test_a_phase_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match=r"Found 'sceond'\. It has first, second, third"):
        run_tiny(tmp_path, **{name: "sceond"})


def test_a_damaged_newest_checkpoint_is_passed_over_aloud(tmp_path: Path) -> None:
    with pytest.raises(Killed):
        run_tiny(tmp_path / "a", observer=DiesAt(events.CheckpointSaved, 2))
    saved = sorted((tmp_path / "a" / "checkpoints" / "01-first").glob("step-*"))
    assert len(saved) == 2
    (saved[-1] / "state.pt").write_bytes(b"damaged")
    recorder = Recorder()
    resumed = run_tiny(tmp_path / "a", observer=recorder)
    assert any(f"{saved[-1]} state.pt has 7 bytes" in w.message for w in recorder.of(events.Warned))
    assert digests(resumed) == digests(run_tiny(tmp_path / "b"))


def test_a_state_that_is_no_state_is_refused(tmp_path: Path) -> None:
    from curriculum.checkpoint import CheckpointStore, Manifest
    from curriculum.run.folder import RunFolder

    run_tiny(tmp_path, until="first")
    store: CheckpointStore = RunFolder(tmp_path).store
    (found,) = store.all()
    assert found.manifest is not None
    manifest = Manifest(
        phase="first", step=16, phase_key=found.manifest.phase_key, ended=True, weights_sha256="w"
    )
    store.save("01-first", manifest, b"not a state")
    with pytest.raises(CheckpointError, match="a checkpoint must hold the state of a run"):
        run_tiny(tmp_path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_step_and_saves(tmp_path: Path, number: int) -> None:
    class Sender(Recorder):
        def on_event(self, event: events.Event) -> None:
            super().on_event(event)
            if isinstance(event, events.Step) and (event.phase, event.step) == ("second", 9):
                os.kill(os.getpid(), number)

    recorder = Sender()
    with pytest.raises(Interrupted, match=f"the run ended at {signal.Signals(number).name}") as end:
        run_tiny(tmp_path / "a", observer=recorder)
    assert end.value.exit_code == 128 + number
    saved = recorder.of(events.CheckpointSaved)[-1]
    assert (saved.phase, saved.step, saved.why) == ("second", 9, signal.Signals(number).name)
    assert digests(run_tiny(tmp_path / "a")) == digests(run_tiny(tmp_path / "b"))
    assert trained(tmp_path / "a") == trained(tmp_path / "b")


def test_a_signal_during_an_evaluation_saves_and_the_resume_does_it_again(tmp_path: Path) -> None:
    class Sender(Recorder):
        def on_event(self, event: events.Event) -> None:
            super().on_event(event)
            if isinstance(event, events.Heartbeat) and event.doing == "evaluating":
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run_tiny(tmp_path / "a", observer=Sender())
    run_tiny(tmp_path / "a")
    run_tiny(tmp_path / "b")
    assert trained(tmp_path / "a") == trained(tmp_path / "b")


@pytest.mark.slow
def test_killed_by_sigkill_in_another_process(tmp_path: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from support.runs import run_tiny;"
        "run_tiny(Path(sys.argv[1]), overrides=['phases.first.duration=400 steps'])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    command = [sys.executable, "-c", program, str(tmp_path / "a")]
    for steps in (20, 150):
        process = subprocess.Popen(command, env=environment)
        journal = tmp_path / "a" / "checkpoints" / "01-first"
        while not any(int(p.name[5:]) > steps for p in journal.glob("step-*")):
            assert process.poll() is None
            time.sleep(0.01)
        process.kill()
        assert process.wait() == -signal.SIGKILL
    overrides = ["phases.first.duration=400 steps"]
    assert digests(run_tiny(tmp_path / "a", overrides=overrides)) == digests(
        run_tiny(tmp_path / "b", overrides=overrides)
    )


def test_the_plan_is_kept_with_the_run(tmp_path: Path) -> None:
    run_tiny(tmp_path, until="first")
    assert (tmp_path / "plan.yaml").read_text() == TINY
