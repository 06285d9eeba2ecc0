"""Each protection acts on a plan whose second phase damages the first task."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from support import tiny
from support.runs import DiesAt, Killed, Recorder, assert_resume_is_exact, run_tiny

from curriculum import events
from curriculum.config import DataSummary, Kinds, load_plan_text
from curriculum.errors import PlanError, PolicyStop
from curriculum.plan import resolve
from curriculum.run.folder import RunFolder
from curriculum.run.judge import judge
from curriculum.sampling import Place
from curriculum.state import TrainingState, from_bytes, tensors_sha256
from curriculum.trainer.teacher import HeldTask, Teacher

DAMAGE = """
experiment: damage
seed: 7
model: {kind: python, factory: "support.tiny:build"}
data: {kind: python, factory: "support.tiny:data"}
checkpoints: {every: 7 steps, every_seconds: null}
defaults:
  global_batch: 12
  evaluate_every: 10 steps
  optimizer: {kind: adamw, learning_rate: 1e-2}
  schedule: {kind: cosine}
  class_loss: {kind: cross_entropy}
phases:
  - name: first
    turn_on: {size: 1.0}
    duration: 60 steps
  - name: second
    turn_on: {kind: 1.0, size: 0.0001}
    duration: 40 steps
    optimizer: {learning_rate: 1e-1}
"""
RETAIN = "phases.second.retain={size: 0.1}"
NEW_ALONE = "phases.second.turn_on={kind: 1.0}"


def damaged(folder: Path, *overrides: str) -> tuple[Recorder, list[dict[str, Any]]]:
    recorder = Recorder()
    return recorder, run_tiny(folder, DAMAGE, overrides, recorder)


def skills(folder: Path, *overrides: str) -> dict[str, float]:
    """Skill at the end of the second phase."""
    found: dict[str, float] = damaged(folder, *overrides)[1][1]["skill"]
    return found


def states(folder: Path) -> dict[tuple[str, int], TrainingState]:
    store = RunFolder(folder).store
    found = [from_bytes(store.load(each), "") for each in store.all()]
    return {(state.phase, state.step): state for state in found}


def test_without_protection_the_first_task_is_damaged(tmp_path: Path) -> None:
    _, (first, second) = damaged(tmp_path)
    assert first["skill"]["size"] > 0.8
    assert second["skill"]["size"] < 0.5


# --- retain -----------------------------------------------------------------------------------
def test_retain_stops_unless_told_otherwise(tmp_path: Path) -> None:
    match = r"phase `second`, step 40: what was learned must be retained. Found `size` fell to"
    with pytest.raises(PolicyStop, match=match):
        damaged(tmp_path, RETAIN)


def test_rehearsal_gives_the_forgotten_task_more_weight(tmp_path: Path) -> None:
    policy = "phases.second.on_violation={kind: rehearse, by: 60 steps, weight: 10000}"
    recorder, (_, second) = damaged(tmp_path, RETAIN, policy)
    (extended,) = recorder.of(events.Extended)
    assert (extended.step, extended.kind, extended.steps) == (40, "rehearse", 60)
    assert extended.weights == {"size": 10000.0}
    assert "`size` fell to skill 0.0" in extended.reason
    assert (second["steps"], second["reason"]) == (100, "rehearse of 60 steps")
    assert second["skill"]["size"] > 0.8
    rates = {s.step: s.learning_rate for s in recorder.of(events.Step) if s.phase == "second"}
    assert rates[41] == pytest.approx(0.3 * 1e-1)  # it begins anew, lower, and falls
    assert rates[100] < rates[75] < rates[41]


def test_an_extension_goes_on_with_the_weights_of_the_plan(tmp_path: Path) -> None:
    mild = "phases.second.turn_on={kind: 1.0, size: 0.2}"
    policy = "phases.second.on_violation={kind: extend, by: 2 epochs, times: 3}"
    shaken = (mild, "phases.second.schedule={kind: constant}", "phases.second.retain={size: 0.1}")
    with pytest.raises(PolicyStop, match="what was learned must be retained"):
        damaged(tmp_path / "stops", *shaken)
    recorder, (first, second) = damaged(tmp_path / "extended", *shaken, policy)
    extended = recorder.of(events.Extended)
    assert [(each.kind, each.weights) for each in extended] == [("extend", {})] * len(extended)
    assert second["steps"] == 40 + 20 * len(extended) > 40
    assert second["skill"]["size"] >= first["skill"]["size"] - 0.1


def test_rollback_takes_the_phase_up_again_at_a_lower_rate(tmp_path: Path) -> None:
    policy = "phases.second.on_violation={kind: rollback, rate_factor: 0.1}"
    recorder, (first, second) = damaged(tmp_path, RETAIN, policy)
    (back,) = recorder.of(events.RolledBack)
    assert (back.step, back.to_step, back.attempt, back.learning_rate) == (40, 0, 1, 0.1)
    assert "`size` fell to skill" in back.reason
    assert second["steps"] == 40
    assert second["skill"]["size"] >= first["skill"]["size"] - 0.1


@pytest.mark.parametrize(
    "policy",
    ["{kind: extend, by: 5 steps, times: 2}", "{kind: rollback, rate_factor: 1, times: 1}"],
)
def test_patience_ends(tmp_path: Path, policy: str) -> None:
    with pytest.raises(PolicyStop, match="what was learned must be retained"):
        damaged(tmp_path, RETAIN, f"phases.second.on_violation={policy}")


# --- the trunk --------------------------------------------------------------------------------
def test_a_lower_rate_for_the_trunk_damages_less(tmp_path: Path) -> None:
    protected = skills(tmp_path / "slow", "phases.second.trunk_rate=0.05")
    assert protected["size"] > skills(tmp_path / "plain")["size"] + 0.2


def test_a_new_head_warms_up_on_a_trunk_that_stands_still(tmp_path: Path) -> None:
    warm = ("phases.second.head_warmup=14 steps", "checkpoints.every=1 step")
    recorder = Recorder()
    run_tiny(tmp_path, DAMAGE, warm, recorder)
    losses = {s.step: set(s.losses) for s in recorder.of(events.Step) if s.phase == "second"}
    assert losses[14] == {"kind"}
    assert losses[15] == {"size", "kind"}
    folder = tmp_path / "stopped"
    with pytest.raises(Killed, match=r"^$"):
        run_tiny(folder, DAMAGE, warm, DiesAt(events.Step, 60 + 15))
    found = states(folder)
    before, after = found["first", 60], found["second", 14]
    changed = {name for name in before.model if not before.model[name].equal(after.model[name])}
    assert changed
    assert all(name.startswith("heads.kind.") for name in changed)


# --- held tasks -------------------------------------------------------------------------------
ON_AGAIN = """
  - {name: third, turn_on: {size: 1.0}, duration: 1 step, optimizer: {learning_rate: 1e-9}}
"""


def test_a_task_that_is_off_is_damaged_and_one_that_is_held_is_not(tmp_path: Path) -> None:
    off = [NEW_ALONE, "phases.second.turn_off=[size]"]
    *_, third = run_tiny(tmp_path / "off", DAMAGE + ON_AGAIN, off)
    held = skills(tmp_path / "held", NEW_ALONE, "phases.second.hold={size: 10.0}")
    assert held["size"] > 0.7 > 0.4 > third["skill"]["size"]
    assert min(held["kind"], third["skill"]["kind"]) > 0.5


@pytest.mark.parametrize("first", ["turn_off=[size]", "hold={size: 1.0}"])
def test_a_task_that_learns_again_is_measured_again(tmp_path: Path, first: str) -> None:
    recorder = Recorder()
    overrides = [NEW_ALONE, f"phases.second.{first}"]
    run_tiny(tmp_path, DAMAGE + ON_AGAIN, overrides, recorder)
    measured = [(c.phase, set(c.losses)) for c in recorder.of(events.Calibrated)]
    assert measured == [("first", {"size"}), ("second", {"kind"}), ("third", {"size"})]


def test_only_what_is_on_is_judged_and_exported(tmp_path: Path) -> None:
    overrides = [NEW_ALONE, "phases.second.turn_off=[size]"]
    damaged(tmp_path, *overrides)
    loaded = load_plan_text(DAMAGE, "damage.yaml", Kinds(), overrides)
    found = judge(RunFolder(tmp_path), loaded, Kinds(), Recorder(), trust=True)
    assert set(found["skill"]) == {"kind"}


def test_a_held_task_makes_no_spike(tmp_path: Path) -> None:
    still = 'model={kind: python, factory: "support.tiny:build", args: {dropout: 0.0}}'
    held = [still, NEW_ALONE, "phases.second.hold={size: 1.0}", "defaults.spike_above=50"]
    recorder, _ = damaged(tmp_path, *held)
    first = [s.losses["size"] for s in recorder.of(events.Step) if s.phase == "second"][:2]
    assert first[0] == 0.0
    assert (first[1] or 0.0) > 0.0


def test_the_loss_of_a_held_task_is_a_share_of_the_teachers_variance() -> None:
    assembly, data = tiny.build(None, dropout=0.0), tiny.data()
    task = next(task for task in assembly.tasks if task.name == "kind")
    teacher = Teacher(assembly, assembly.model.state_dict(), "here")
    split = data.splits["train"]
    held = HeldTask(task, teacher, split, Place(1, 0), torch.device("cpu"))
    batch = split.batch(np.arange(len(split)))
    theirs = teacher.predict(task, batch)
    assert held.count(batch) == len(split)  # samples without a label too
    assert float(held.loss_sum(theirs, batch)) == 0.0
    mean = theirs.mean(0).expand_as(theirs)
    share = float(held.loss_sum(mean, batch)) / len(split)
    assert share == pytest.approx((len(split) - 1) / len(split), rel=1e-5)
    assert held.objection(batch) is None


def test_a_held_tasks_loss_is_not_calibrated(tmp_path: Path) -> None:
    recorder, _ = damaged(tmp_path, NEW_ALONE, "phases.second.hold={size: 2.0}")
    assert [set(c.losses) for c in recorder.of(events.Calibrated)] == [{"size"}, {"kind"}]
    first = next(s for s in recorder.of(events.Step) if s.phase == "second")
    assert first.losses["size"] is not None
    assert first.contributions["size"] == pytest.approx(2.0 * first.losses["size"])


# --- hand-off ---------------------------------------------------------------------------------
def test_the_best_model_of_a_phase_is_handed_on(tmp_path: Path) -> None:
    best = "phases.second.hand_off={kind: best, metric: size/skill}"
    recorder, (_, second) = damaged(tmp_path, best)
    history = [e for e in recorder.of(events.Evaluated) if e.phase == "second"]
    chosen = max(history, key=lambda e: e.skill["size"])
    assert chosen.step < 40
    ended = recorder.of(events.PhaseEnded)[-1]
    assert (ended.step, ended.model_of_step) == (40, chosen.step)
    assert second["skill"] == dict(chosen.skill)
    saved = {e.step: e for e in recorder.of(events.CheckpointSaved) if e.phase == "second"}
    assert second["weights_sha256"] == saved[40].weights_sha256 == saved[chosen.step].weights_sha256
    assert tensors_sha256(states(tmp_path)["second", 40].model) == second["weights_sha256"]


# --- resume -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "overrides",
    [
        [RETAIN, "phases.second.on_violation={kind: rehearse, by: 60 steps, weight: 10000}"],
        [RETAIN, "phases.second.on_violation={kind: rollback, rate_factor: 0.1}"],
        [NEW_ALONE, "phases.second.hold={size: 10.0}"],
        ["phases.second.head_warmup=14 steps", "phases.second.trunk_rate=0.3"],
        ["phases.second.hand_off={kind: best, metric: size/skill}"],
        ["phases.second.turn_on={kind: 1.0}", "phases.second.turn_off=[size]"],
        ["phases.first.schedule={kind: cosine, span: run}"],
    ],
    ids=["rehearse", "rollback", "hold", "warm-up", "best", "off", "span"],
)
def test_resume_is_exact(tmp_path: Path, overrides: Sequence[str]) -> None:
    for place, kills in enumerate(([80, 21, 30], [101, 12], [115, 4, 25], [122])):
        assert_resume_is_exact(tmp_path / str(place), kills, text=DAMAGE, overrides=overrides)


# --- what a plan may say ----------------------------------------------------------------------
@pytest.mark.parametrize(
    ("override", "match"),
    [
        ("phases.first.hold={kind: 1.0}", "must be on since an earlier phase, found 'kind'"),
        ("phases.second.hold={size: 1.0}", "must not be turned on in the same phase, found 'size'"),
        ("phases.second.turn_off=[shape]", "must be on since an earlier phase, found 'shape'"),
        ("phases.first.head_warmup=5 steps", "must come after a phase that has trained the trunk"),
        (
            "phases.second={name: second, hold: {size: 1.0}, duration: 9 steps}",
            "must leave a task that learns, found none",
        ),
        (
            (
                "phases.second={name: second, turn_on: {kind: 1}, head_warmup: 8 steps, "
                "ramp: 10 steps, duration: 10 steps}"
            ),
            "must together with head_warmup be at most as long as the phase",
        ),
        (
            (
                "phases.second={name: second, turn_on: {kind: 1}, duration: 9 steps, "
                "balance: torchjd, hand_off: {kind: best, metric: total}}"
            ),
            "must be another than total under the balance torchjd",
        ),
        ("phases.second.on_violation=extend", "must go with `retain`, whose violation it answers"),
        ("phases.second.on_violation=extent", "must be a mapping with a `kind`, found 'extent'"),
    ],
)
def test_what_cannot_be_protected_is_refused(override: str, match: str) -> None:
    with pytest.raises(PlanError, match=match):
        load_plan_text(DAMAGE, "damage.yaml", Kinds(), [override])


def test_what_a_phase_sets_stays_until_another_changes_it() -> None:
    text = (
        DAMAGE
        + """
  - {name: third, turn_on: {shape: 1.0}, duration: 9 steps}
  - {name: fourth, turn_on: {size: 0.5}, turn_off: [kind], duration: 9 steps}
"""
    )
    overrides = [NEW_ALONE, "phases.second.hold={size: 2.0}"]
    plan = load_plan_text(text, "damage.yaml", Kinds(), overrides).plan
    phases = resolve(plan, DataSummary(fingerprint="f", train_size=120))
    assert [dict(phase.weights) for phase in phases] == [
        {"size": 1.0},
        {"size": 2.0, "kind": 1.0},
        {"size": 2.0, "kind": 1.0, "shape": 1.0},
        {"size": 0.5, "shape": 1.0},
    ]
    assert [set(phase.held) for phase in phases] == [set(), {"size"}, {"size"}, set()]


def test_patience_with_violations_is_counted_apart_from_that_with_numbers(tmp_path: Path) -> None:
    trapped = 'model={kind: python, factory: "support.tiny:build_trapped", args: {chance: 0.002}}'
    overrides = [
        trapped,
        "phases.first.turn_on={size: 1.0, shape: 1.0}",
        RETAIN,
        "defaults.on_non_finite={kind: rollback, times: 20, rate_factor: 1}",
        "phases.second.on_violation={kind: rollback, times: 1, rate_factor: 0.01}",
    ]
    recorder, (first, second) = damaged(tmp_path, *overrides)
    reasons = [b.reason for b in recorder.of(events.RolledBack) if b.phase == "second"]
    assert any("finite" in reason for reason in reasons)
    assert sum("fell to skill" in reason for reason in reasons) == 1
    assert second["skill"]["size"] >= first["skill"]["size"] - 0.1
