"""The watch on the balance in a run: it says what is wrong, and changes nothing."""

from __future__ import annotations

import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from support import tiny
from support.runs import Killed, Recorder, digests, run_tiny, trained

from curriculum import events
from curriculum.balance.watching import ENOUGH_PROBES
from curriculum.errors import Interrupted, PolicyStop

EVERY = 4
WATCHED = f"defaults.balance.watch_every={EVERY} steps"
SWAMPED = ["defaults.balance.kind=fixed", "model.args={times: 1e6}", WATCHED]


def recorded(folder: Path, *overrides: str, **request: Any) -> Recorder:
    recorder = Recorder()
    run_tiny(folder, overrides=overrides, observer=recorder, **request)
    return recorder


def said(recorder: Recorder) -> list[events.Warned]:
    return [each for each in recorder.of(events.Warned) if "times as much as" in each.message]


def test_it_changes_no_bit_of_what_is_trained_and_no_key(tmp_path: Path) -> None:
    never = run_tiny(tmp_path / "a", overrides=["defaults.balance.watch_every=null"])
    often = run_tiny(tmp_path / "b", overrides=["defaults.balance.watch_every=1 step"])
    limit = run_tiny(tmp_path / "c", overrides=["defaults.balance.stop_above=1e9"])
    assert digests(never) == digests(often) == digests(limit)
    keys = [[phase["key"] for phase in each] for each in (never, often, limit)]
    assert keys[0] == keys[1] == keys[2]


def test_it_looks_at_intervals_and_at_the_end_of_each_phase_with_several_tasks(
    tmp_path: Path,
) -> None:
    looks = recorded(tmp_path, WATCHED).of(events.BalanceWatched)
    second = [(look.since, look.step, look.probes) for look in looks if look.phase == "second"]
    assert second == [(0, 4, 1), (4, 8, 2), (8, 12, 3), (12, 16, 4), (16, 20, 5)]
    third = [look.step for look in looks if look.phase == "third"]
    assert third[:2] == [4, 8]
    assert "first" not in {look.phase for look in looks}


def test_the_last_look_is_at_the_shares_alone(tmp_path: Path) -> None:
    looks = recorded(tmp_path, "defaults.balance.watch_every=7 steps").of(events.BalanceWatched)
    last = [look for look in looks if look.phase == "second"][-1]
    assert (last.since, last.step) == (14, 20)
    assert last.gradient_shares == {}
    assert last.probes == 2


def test_shares_are_of_contributions_over_weight_and_ramp(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, WATCHED, until="second")
    look = recorder.of(events.BalanceWatched)[0]
    steps = [s for s in recorder.of(events.Step) if s.phase == "second" and s.step <= EVERY]
    ramp = {"kind": [0.1 * s.step for s in steps], "shape": [1.0] * len(steps)}
    means = {
        task: math.fsum(s.contributions[task] / w for s, w in zip(steps, weights, strict=True))
        for task, weights in ramp.items()
    }
    total = sum(means.values())
    assert look.shares == pytest.approx({task: mean / total for task, mean in means.items()})
    assert sum(look.gradient_shares.values()) == pytest.approx(1.0)


def test_a_swamped_task_is_an_alarm_once(tmp_path: Path) -> None:
    recorder = recorded(tmp_path, *SWAMPED)
    alarms = [each for each in said(recorder) if each.severity == "alarm"]
    assert [(each.phase, each.step) for each in alarms] == [("third", EVERY)]
    assert "`size` counts" in alarms[0].message
    assert "each by its weight" in alarms[0].message
    looks = [each for each in recorder.of(events.BalanceWatched) if each.phase == "third"]
    assert all(each.shares["size"] > 0.999 for each in looks)
    assert all(each.gradient_shares["size"] > 0.99 for each in looks if each.gradient_shares)


@pytest.mark.parametrize("kind", ["calibrated", "log", "uncertainty", "dwa", "torchjd"])
def test_a_small_weight_is_no_alarm_and_a_loud_loss_none_where_it_is_balanced(
    tmp_path: Path, kind: str
) -> None:
    change = ["phases.third.turn_on.size=1e-4", "model.args={times: 1e6}"]
    recorder = recorded(tmp_path, *change, f"defaults.balance={{kind: {kind}}}", WATCHED)
    assert said(recorder) == []
    looks = [each for each in recorder.of(events.BalanceWatched) if each.phase == "third"]
    assert all(max(each.shares.values()) < 10 * min(each.shares.values()) for each in looks)
    if kind != "torchjd":  # the probed gradients do know the weight
        assert looks[0].gradient_shares["size"] < 0.01


def test_it_stops_where_the_plan_asks_for_that_and_again_when_resumed(tmp_path: Path) -> None:
    limit = [*SWAMPED, "defaults.balance.stop_above=1000"]
    for _ in range(2):
        with pytest.raises(
            PolicyStop,
            match=r"phase `third`, step 4: no loss may count more than 1000 times as much as "
            r"another, each by its weight\. Found that `size` counts",
        ):
            run_tiny(tmp_path, overrides=limit)
    assert len(run_tiny(tmp_path, overrides=SWAMPED)) == 3  # without the limit it goes on


def test_it_stops_at_the_end_of_a_phase_shorter_than_the_interval(tmp_path: Path) -> None:
    limit = ["defaults.balance.stop_above=1000", "defaults.balance.watch_every=400 steps"]
    with pytest.raises(PolicyStop, match="no loss may count more than 1000 times"):
        run_tiny(tmp_path, overrides=[*SWAMPED, *limit])


def test_cosines_are_of_raw_gradients_for_each_pair_once(tmp_path: Path) -> None:
    looks = recorded(tmp_path / "a", WATCHED).of(events.BalanceWatched)
    last = [each for each in looks if each.phase == "third" and each.probes >= ENOUGH_PROBES - 1][
        -1
    ]
    pairs = [(one, other) for one, others in last.cosines.items() for other in others]
    assert pairs == [("shape", "kind"), ("shape", "size"), ("kind", "size")]
    assert all(-1 <= cosine <= 1 for row in last.cosines.values() for cosine in row.values())
    # The unit of a loss is no part of a cosine.
    loud = recorded(tmp_path / "b", WATCHED, "model.args={times: 1048576.0}")
    assert [each.cosines for each in loud.of(events.BalanceWatched)] == [e.cosines for e in looks]


def test_a_signal_during_a_probe_ends_the_run_and_the_look_is_taken_again(tmp_path: Path) -> None:
    class Sender(Recorder):
        sent = False

        def on_event(self, event: events.Event) -> None:
            super().on_event(event)
            if isinstance(event, events.Step) and (event.phase, event.step) == ("second", EVERY):
                os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(Interrupted):
        run_tiny(tmp_path / "a", overrides=[WATCHED], observer=Sender())
    run_tiny(tmp_path / "a", overrides=[WATCHED])
    run_tiny(tmp_path / "b", overrides=[WATCHED])
    assert trained(tmp_path / "a") == trained(tmp_path / "b")


def test_what_was_seen_survives_a_kill(tmp_path: Path) -> None:
    change = [*SWAMPED, "checkpoints.every=3 steps"]
    for kill in (60, 75, 90, 105):
        try:
            run_tiny(tmp_path / "a", overrides=change, observer=Recorder(die_after=kill))
        except Killed:
            continue
    run_tiny(tmp_path / "a", overrides=change)
    run_tiny(tmp_path / "b", overrides=change)
    assert trained(tmp_path / "a") == trained(tmp_path / "b")


def test_a_frozen_trunk_has_no_gradient_to_share(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curriculum.trainer.watch.trunk_parameters", lambda _model: {})
    look = recorded(tmp_path, WATCHED, until="second").of(events.BalanceWatched)[0]
    assert look.gradient_shares == look.cosines == {}
    assert sum(look.shares.values()) == pytest.approx(1.0)


def test_a_loss_that_is_not_finite_is_named_before_the_first_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny.Shape.loss_sum
    monkeypatch.setattr(tiny.Shape, "loss_sum", lambda *args: whole(*args) * math.inf)
    with pytest.raises(
        PolicyStop, match=r"phase `first`, before its first step: every loss must be finite"
    ):
        run_tiny(tmp_path)


def test_the_probe_leaves_statistics_and_gradients_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from curriculum.trainer import watch

    seen: list[bool] = []
    whole = watch.by_task

    def by_task(objective: Any, *args: Any, **kwargs: Any) -> Any:
        model = objective.assembly.model
        before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
        found = whole(objective, *args, **kwargs)
        same = all(torch.equal(before[n], t) for n, t in model.state_dict().items())
        seen.append(same and all(p.grad is None for p in model.parameters()))
        return found

    monkeypatch.setattr(watch, "by_task", by_task)
    recorded(tmp_path, WATCHED)
    assert seen
    assert all(seen)
