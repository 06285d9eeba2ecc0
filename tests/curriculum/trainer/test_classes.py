"""What a phase makes of classes, from its plan to the journal, the checkpoint and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from support import tiny
from support.runs import TINY, Recorder, run_tiny

from curriculum import events, journal
from curriculum.class_losses import Frequencies
from curriculum.config import DataSummary, Kinds, load_plan_text
from curriculum.errors import CheckpointError, PlanError, UsageError
from curriculum.plan import PlannedPhase, resolve
from curriculum.run.folder import RunFolder
from curriculum.run.restored import load_last_state, restore_run
from curriculum.sampling import Order, Place, TemperedOrder
from curriculum.supervised import Classification, Regression, TensorSplit
from curriculum.tasks import Batch, ClassTask
from curriculum.trainer.classes import PhaseClasses, TrainLabels, with_saved_losses

DATA = tiny.data()
KIND = DATA.train["kind"].numpy()
COUNTS = tuple(np.bincount(KIND[KIND >= 0]).tolist())
TEMPERED = "defaults.sampler={kind: tempered, task: kind, temperature: 0}"
LATER = "phases.third.class_loss={kind: class_balanced, beta: 0.9}"


def phases(*overrides: str) -> tuple[PlannedPhase, ...]:
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds(), overrides)
    return resolve(loaded.plan, DataSummary(fingerprint="data", train_size=120))


def classes_of(phase: PlannedPhase, signs: bool = False) -> PhaseClasses:
    labels = TrainLabels(DATA.splits["train"])
    return PhaseClasses.of(phase, Place(7, phase.place), tiny.build(None, signs=signs), labels)


# --- losses and orders --------------------------------------------------------------------------
def test_which_tasks_have_classes() -> None:
    assert isinstance(Classification("kind"), ClassTask)
    assert not isinstance(Regression("size"), ClassTask)
    assert not isinstance(tiny.Shape(), ClassTask)


def test_a_phase_gives_its_loss_to_the_class_tasks_that_are_on() -> None:
    first, second, third = (classes_of(phase) for phase in phases(LATER))
    assert first.losses == {}
    assert isinstance(second.order, Order)
    assert second.losses["kind"].settings.kind == "logit_adjusted"
    assert second.losses["kind"].frequencies == Frequencies.of(COUNTS)
    assert third.losses["kind"].settings.kind == "class_balanced"
    (task,) = (task for task in third.assembly.tasks if task.name == "kind")
    assert isinstance(task, Classification)
    assert task.loss is third.losses["kind"]
    untouched = [task.name for task in third.assembly.tasks]
    assert untouched == ["shape", "kind", "size"]


def test_a_sampler_changes_the_prior_that_the_loss_corrects_for() -> None:
    found = classes_of(phases(TEMPERED)[1])
    assert isinstance(found.order, TemperedOrder)
    frequencies = found.losses["kind"].frequencies
    assert frequencies.counts == COUNTS
    assert len(set(COUNTS)) > 1
    assert frequencies.drawn == pytest.approx([frequencies.drawn[0]] * 3)
    other = classes_of(phases(TEMPERED.replace("task: kind", "task: sign"))[1], signs=True)
    sign, kind = DATA.train["sign"].numpy(), KIND
    by_hand = [
        sum((1 / np.sum(sign == sign[i])) for i in np.flatnonzero(kind == each))
        for each in (0, 1, 2)
    ]
    drawn = np.array(other.losses["kind"].frequencies.drawn)
    np.testing.assert_allclose(drawn / drawn.sum(), np.array(by_hand) / np.sum(by_hand))


def test_labels_are_read_once_and_what_is_below_zero_is_none() -> None:
    reads: list[int] = []

    class Counting(Classification):
        def labels(self, batch: Batch) -> torch.Tensor:
            reads.append(1)
            return batch["kind"].where(batch["kind"] != 0, -7)

    task, labels = Counting("kind", classes=5), TrainLabels(DATA.splits["train"])
    assert labels.of(task).tolist() == np.where(KIND == 0, -1, KIND).tolist()
    order = Order(Place(7, 1), 120)
    assert labels.frequencies(task, order).counts == (0, *COUNTS[1:], 0, 0)
    assert len(reads) == 1


def test_a_sampler_of_a_task_without_classes_is_refused(tmp_path: Path) -> None:
    wrong = TEMPERED.replace("task: kind", "task: size")
    with pytest.raises(PlanError, match="must be a task with classes, found 'size'"):
        run_tiny(tmp_path, overrides=[wrong])
    with pytest.raises(UsageError, match="must be one of the model's with classes"):
        classes_of(phases(wrong)[1])


def test_the_default_draws_what_it_always_drew() -> None:
    expected = Order(Place(7, 1), 120).batch(3, 12)
    found = classes_of(phases()[1]).order.batch(3, 12)
    assert found.samples.tolist() == expected.samples.tolist()


# --- a run --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "measured"),
    [
        ([], ["size"]),
        ([LATER], ["kind", "size"]),
        (["defaults.class_loss={kind: class_balanced, beta: 0.9}"], ["size"]),
        (["phases.third.sampler={kind: tempered, task: kind}"], ["kind", "size"]),
        ([LATER, "defaults.balance.kind=fixed"], None),
    ],
    ids=["none", "another loss", "the same loss", "another sampler", "nothing is measured"],
)
def test_a_task_whose_loss_changed_is_measured_anew(
    tmp_path: Path, change: list[str], measured: list[str] | None
) -> None:
    recorder = Recorder()
    run_tiny(tmp_path, overrides=change, observer=recorder)
    calibrated = [each for each in recorder.of(events.Calibrated) if each.phase == "third"]
    assert [list(each.losses) for each in calibrated] == ([] if measured is None else [measured])


def test_the_journal_says_which_loss_and_sampler_a_phase_has(tmp_path: Path) -> None:
    recorder = Recorder()
    run_tiny(tmp_path, overrides=[LATER], observer=recorder)
    told = [(each.class_loss, each.sampler) for each in recorder.of(events.PhaseStarted)]
    uniform = {"kind": "uniform"}
    assert told == [
        ({"kind": "logit_adjusted", "tau": 1.0}, uniform),
        ({"kind": "logit_adjusted", "tau": 1.0}, uniform),
        ({"kind": "class_balanced", "beta": 0.9}, uniform),
    ]


def test_journals_of_earlier_versions_are_read(tmp_path: Path) -> None:
    started = events.PhaseStarted(
        phase="a", key="k", turned_on=(), weights={}, longest=1, steps_per_epoch=1
    )
    record = dict(journal.decode(journal.encode(started, 0.0)[:-1]))
    del record["class_loss"], record["sampler"]
    assert journal.as_event(record) == started


def test_a_class_loss_without_effect_is_announced(tmp_path: Path) -> None:
    recorder = Recorder()
    change = ["defaults.class_loss={kind: focal}", "phases.second.turn_on={size: 0.5}"]
    run_tiny(
        tmp_path, overrides=[*change, "phases.2.turn_on={}"], until="second", observer=recorder
    )
    said = [each.message for each in recorder.of(events.Warned)]
    assert any("defaults.class_loss: the class loss has no effect" in each for each in said)


# --- a checkpoint -------------------------------------------------------------------------------
def restored(folder: Path, *overrides: str) -> tuple[Any, RunFolder]:
    place = RunFolder(folder)
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds(), overrides)
    return restore_run(place, loaded, Kinds(), Recorder(), trust=True), place


def test_a_checkpoint_says_what_its_logits_mean(tmp_path: Path) -> None:
    run_tiny(tmp_path, overrides=[LATER])
    run, _ = restored(tmp_path, LATER)
    (task,) = (task for task in run.tasks if task.name == "kind")
    assert task.loss.settings.kind == "class_balanced"
    assert task.loss.frequencies == Frequencies.of(COUNTS)


def test_one_of_an_earlier_version_is_trained_as_the_task_itself_says(tmp_path: Path) -> None:
    run_tiny(tmp_path)
    _, place = restored(tmp_path)
    progress = attrs.evolve(load_last_state(place).progress, class_losses={})
    plain = with_saved_losses(tiny.build(None), progress.class_losses, "here")
    (task,) = (task for task in plain.tasks if task.name == "kind")
    assert isinstance(task, Classification)
    assert task.loss is None


def test_one_of_a_later_version_is_refused() -> None:
    saved = {"kind": {"settings": {"kind": "unheard_of"}, "counts": [1], "drawn": [1]}}
    with pytest.raises(CheckpointError, match=r"must say how its tasks .*unheard_of"):
        with_saved_losses(tiny.build(None), saved, "run, phase `a`")


def test_data_without_any_label_still_has_an_order() -> None:
    split = TensorSplit({"x": torch.zeros(9, 2), "kind": torch.full((9,), -1)})
    task, labels = Classification("kind"), TrainLabels(split)
    order = TemperedOrder(Place(1, 0), labels.of(task), 0.5)
    assert sorted(set(order.batch(1, 200).samples.tolist())) == list(range(9))
    assert labels.frequencies(task, order) == Frequencies.of(())
