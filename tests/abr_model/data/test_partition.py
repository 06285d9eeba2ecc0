from __future__ import annotations

from pathlib import Path

import attrs
import numpy as np
import pytest
import torch

from abr_model.config import (
    HumanRecordings,
    Mixed,
    RecordingsFolder,
    Synthetic,
    recordings_at,
)
from abr_model.config import summarize_mixed as mixed_summary
from abr_model.config import summarize_recordings as summary
from abr_model.data.dataset import Dataset
from abr_model.data.partition import partition, subject_classes
from abr_model.data.recordings import Recordings, arrays_of, unknown
from abr_model.data.source import TENSORS, AbrSplit, Part
from abr_model.data.synthetic import make_recordings
from abr_model.data.write import write_dataset
from abr_model.loading import load_mixed, load_recordings
from curriculum.config.schema import Choice, PythonFactory
from curriculum.errors import DataError


@pytest.fixture(scope="module")
def clinic() -> Dataset:
    """Recordings with labels, whose subjects have names of their own."""
    return Dataset(
        recordings=make_recordings(200, 2, 10.0, seed=11),
        subject_names=tuple(f"patient {i}" for i in range(200)),
        content="made",
    )


def unlabelled(dataset: Dataset) -> Dataset:
    made = dataset.recordings
    waves = unknown(len(made), 3)
    bare = attrs.evolve(
        made,
        hearing_class=np.full(len(made), -1),
        wave_present=waves,
        wave_latency_ms=waves,
        wave_amplitude_uv=waves,
        threshold_db=unknown(len(made)),
    )
    return attrs.evolve(dataset, recordings=bare)


def everything(split: AbrSplit) -> dict[str, torch.Tensor]:
    return dict(split.batch(np.arange(len(split))))


def test_labelled_recordings_are_split_by_subject_and_none_is_lost(
    clinic: Dataset, tmp_path: Path
) -> None:
    write_dataset(clinic, tmp_path / "set")
    settings = RecordingsFolder(path=tmp_path / "set", window_ms=10.0)
    data, said = load_recordings(settings, 1), summary(settings, 1)
    assert data.held_out == "test"
    assert list(data.splits) == ["train", "validation", "test"]
    subjects = [set(everything(split)["subject"].tolist()) for split in data.splits.values()]
    assert sum(map(len, subjects)) == 200
    assert set.union(*subjects) == set(range(200))
    assert 15 < len(subjects[1]) < 50
    assert said.train_size == len(data.splits["train"])
    assert (said.fingerprint, said.notices) == (data.fingerprint, data.notices)
    assert data.subject_names == clinic.subject_names


def test_a_subject_keeps_its_split_when_others_come(clinic: Dataset) -> None:
    few = Dataset(
        recordings=clinic.recordings.select(clinic.recordings.subject < 150),
        subject_names=clinic.subject_names[:150],
        content="made",
    )
    before, now = partition(few, 0.15, 0.15), partition(clinic, 0.15, 0.15)
    for split, members in before.subjects.items():
        assert [s for s in now.subjects[split] if s < 150] == members.tolist()


def test_unlabelled_recordings_are_one_split_that_is_held_out(
    clinic: Dataset, tmp_path: Path
) -> None:
    write_dataset(unlabelled(clinic), tmp_path / "set")
    data = load_recordings(RecordingsFolder(path=tmp_path / "set", window_ms=10.0), 1)
    assert list(data.splits) == [data.held_out] == ["recordings"]
    assert len(data.splits["recordings"]) == 400


def test_with_both_shares_0_labelled_recordings_are_held_out(clinic: Dataset) -> None:
    assert partition(clinic, 0, 0).held_out == "recordings"
    with pytest.raises(DataError, match=r"the test split must have a subject"):
        partition(clinic, 0.2, 0)


def test_a_subject_of_several_classes_is_placed_by_the_most_frequent(clinic: Dataset) -> None:
    hearing = clinic.recordings.hearing_class.copy()
    hearing[0], hearing[1] = 3, 3
    several = attrs.evolve(clinic.recordings, hearing_class=hearing)
    assert subject_classes(attrs.evolve(clinic, recordings=several))[1] == 0
    hearing[1] = 4
    several = attrs.evolve(clinic.recordings, hearing_class=hearing)
    mixed = attrs.evolve(clinic, recordings=several)
    classes, count = subject_classes(mixed)
    assert (classes[0], count) == (3, 1)
    assert partition(mixed, 0.15, 0.15).notices[-1] == (
        "1 of 200 subjects have recordings of more than one class; the most frequent one places "
        "them in their split"
    )


def test_a_set_with_thresholds_alone_says_nothing_of_absent_classes(clinic: Dataset) -> None:
    bare = unlabelled(clinic)
    made = attrs.evolve(bare.recordings, threshold_db=clinic.recordings.threshold_db)
    found = partition(attrs.evolve(bare, recordings=made), 0.15, 0.15)
    assert found.held_out == "test"
    assert found.notices == ()


def test_mixed_data_chain_the_human_splits_behind_the_synthetic_ones(
    clinic: Dataset, tmp_path: Path
) -> None:
    write_dataset(clinic, tmp_path / "set")
    ears = Synthetic(subjects=100, recordings_per_subject=2, window_ms=10.0)
    settings = Mixed(synthetic=ears, recordings=HumanRecordings(path=tmp_path / "set"))
    data, said = load_mixed(settings, 5), mixed_summary(settings, 5)
    assert said.train_size == len(data.splits["train"])
    assert (said.fingerprint, said.notices) == (data.fingerprint, data.notices)
    assert data.held_out == "recordings"
    found = {name: everything(split)["subject"] for name, split in data.splits.items()}
    assert found["train"].min() < 100 <= found["train"].max()
    assert set(found["recordings"].tolist()) <= set(found["test"].tolist())
    human = {name: set(s[s >= 100].tolist()) for name, s in found.items()}
    assert not human["train"] & (human["validation"] | human["test"])
    last = data.splits["train"].batch(np.array([len(data.splits["train"]) - 1]))
    row = partition(clinic, 0.15, 0.15).rows["train"][-1]
    np.testing.assert_array_equal(last["recording_uv"][0], clinic.recordings.recording_uv[row])
    assert data.subject_names[last["subject"].item()] == "patient 199" or last["subject"] >= 100


def test_one_subject_in_two_splits_is_refused(clinic: Dataset, tmp_path: Path) -> None:
    """As where synthetic ears of the same seed stand for human recordings."""
    same = attrs.evolve(
        clinic, subject_names=tuple(f"synthetic-5-{i}" for i in reversed(range(200)))
    )
    write_dataset(same, tmp_path / "set")
    ears = Synthetic(subjects=200, recordings_per_subject=1, window_ms=10.0)
    settings = Mixed(synthetic=ears, recordings=HumanRecordings(path=tmp_path / "set"))
    with pytest.raises(DataError, match=r"one split only. Found synthetic-5-\d+ in"):
        load_mixed(settings, 5)


def test_z_scored_recordings_are_not_mixed_with_microvolts(clinic: Dataset, tmp_path: Path) -> None:
    write_dataset(attrs.evolve(clinic, z_scored=True), tmp_path / "set")
    settings = Mixed(
        recordings=HumanRecordings(path=tmp_path / "set"), synthetic=Synthetic(window_ms=10)
    )
    with pytest.raises(DataError) as raised:
        mixed_summary(settings, 1)
    assert str(raised.value) == (
        f"{tmp_path / 'set'}: recordings must be in µV to be trained on together with synthetic "
        "ones. Found z-scored recordings. Train on them alone: `data: {kind: recordings, path: …}`."
    )
    assert load_recordings(RecordingsFolder(path=tmp_path / "set", window_ms=10), 1).z_scored


def test_the_fingerprint_follows_the_content_and_every_setting(
    clinic: Dataset, tmp_path: Path
) -> None:
    def fingerprint(**settings: float) -> str:
        asked = {"window_ms": 10.0, **settings}
        return summary(RecordingsFolder(path=tmp_path / "set", **asked), 1).fingerprint

    write_dataset(
        attrs.evolve(clinic, recordings=make_recordings(200, 2, 12.0, seed=11)), tmp_path / "set"
    )
    found = [fingerprint(), fingerprint(window_ms=12.0), fingerprint(test_share=0.2)]
    found.append(fingerprint(validation_share=0.2))
    for changed in (
        attrs.evolve(clinic, z_scored=True),
        attrs.evolve(clinic, subject_names=tuple(f"p{i}" for i in range(200))),
        attrs.evolve(clinic, recordings=make_recordings(200, 2, 10.0, seed=12)),
    ):
        write_dataset(changed, tmp_path / "set", force=True)
        found.append(fingerprint())
    assert len(set(found)) == 7
    write_dataset(attrs.evolve(clinic, notices=("said",)), tmp_path / "set", force=True)
    before = fingerprint()
    write_dataset(clinic, tmp_path / "set", force=True)
    assert fingerprint() == before


class Counting:
    """Recordings that keep count of the arrays that were read."""

    def __init__(self, recordings: Recordings) -> None:
        self._arrays, self.read = arrays_of(recordings), list[str]()

    def __getattr__(self, name: str) -> np.ndarray:
        self.read.append(name)
        return self._arrays[name]


def test_a_batch_reads_a_column_when_it_is_asked_for_and_once(clinic: Dataset) -> None:
    counting = Counting(clinic.recordings)
    split = AbrSplit(Part(counting, np.arange(400)))  # type: ignore[arg-type]
    batch = split.batch(np.arange(400))
    assert counting.read == []
    first = batch["threshold_db"]
    assert batch["threshold_db"] is first
    assert counting.read == ["threshold_db"]
    assert set(batch) == set(TENSORS)
    assert len(batch) == len(TENSORS)
    assert "nonsense" not in batch
    assert counting.read == ["threshold_db"]


def test_batches_are_in_the_order_that_was_asked_for(clinic: Dataset) -> None:
    """Against plain indexing, for any order, with repeats, over several parts."""
    generator = np.random.default_rng(0)
    made = clinic.recordings
    rows = [generator.permutation(400)[:90], np.arange(400)[::3], np.array([], np.int64)]
    split = AbrSplit(Part(made, rows[0]), Part(made, rows[2]), Part(made, rows[1], 1000))
    flat, offset = np.concatenate(rows), np.repeat([0, 1000], [90, 134])
    flat = np.concatenate([rows[0], rows[1]])
    assert len(split) == len(flat)
    for size in (0, 1, 7, 200):
        wanted = generator.integers(0, len(flat), size)
        batch = split.batch(wanted)
        for name in TENSORS:
            expected = getattr(made, name)[flat[wanted]]
            if name == "subject":
                expected = expected + offset[wanted]
            np.testing.assert_array_equal(batch[name].numpy(), expected, err_msg=name)
    with pytest.raises(IndexError, match=r"indices must be 0 to 223"):
        split.batch(np.array([224]))
    with pytest.raises(IndexError, match=r"indices must be 0 to 223"):
        split.batch(np.array([-1]))


def test_a_path_to_evaluate_on_is_held_out_whole_in_the_window_trained_on() -> None:
    human = HumanRecordings(path=Path("clinic"))
    for settings in (
        Synthetic(window_ms=12.0),
        RecordingsFolder(path=Path("clinic"), window_ms=12.0),
        Mixed(synthetic=Synthetic(window_ms=12.0), recordings=human),
    ):
        found = recordings_at(Path("new"), Choice(kind="any", settings=settings))
        expected = RecordingsFolder(
            path=Path("new"), window_ms=12.0, validation_share=0, test_share=0
        )
        assert found == Choice(kind="recordings", settings=expected)
    own = Choice(kind="python", settings=PythonFactory(factory="m:f"))
    assert recordings_at(Path("new"), own).settings.window_ms == 15.0
