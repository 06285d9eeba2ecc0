from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest
import torch

from abr_model.config import ABR_KINDS, Synthetic, summarize_synthetic
from abr_model.data import AbrData, synthetic_data
from abr_model.data.splits import check_disjoint, place_in_unit, split_subjects
from abr_model.loading import load_synthetic
from curriculum.errors import DataError


@pytest.fixture(scope="module")
def data() -> AbrData:
    return synthetic_data(400, 3, 12.0, 0.15, 0.15, seed=7)


def everything(data: AbrData, split: str) -> dict[str, torch.Tensor]:
    return data.splits[split].batch(np.arange(len(data.splits[split])))


def test_a_batch_has_exactly_the_settled_tensors(data: AbrData) -> None:
    batch = data.splits["train"].batch(np.array([5, 0, 5], np.int64))
    of_time, of_waves = (3, 240), (3, 3)
    shapes = dict.fromkeys(("recording_uv", "half_a_uv", "half_b_uv", "truth_uv"), of_time)
    shapes |= dict.fromkeys(("wave_present", "wave_latency_ms", "wave_amplitude_uv"), of_waves)
    numbers = (
        "noise_uv",
        "sweeps",
        "level_db",
        "age_years",
        "rate_hz",
        "detection",
        "threshold_db",
    )
    shapes |= dict.fromkeys((*numbers, "has_truth", "has_halves", "hearing_class", "subject"), (3,))
    assert {name: tuple(tensor.shape) for name, tensor in batch.items()} == shapes
    types = {name: tensor.dtype for name, tensor in batch.items()}
    assert types.pop("has_truth") is torch.bool
    assert types.pop("has_halves") is torch.bool
    assert types.pop("hearing_class") is torch.int64
    assert types.pop("subject") is torch.int64
    assert set(types.values()) == {torch.float32}
    assert torch.equal(batch["recording_uv"][0], batch["recording_uv"][2])
    assert not torch.equal(batch["recording_uv"][0], batch["recording_uv"][1])


def test_batches_are_copies(data: AbrData) -> None:
    first = data.splits["test"].batch(np.array([0]))
    before = first["recording_uv"].clone()
    first["recording_uv"].zero_()
    assert torch.equal(data.splits["test"].batch(np.array([0]))["recording_uv"], before)


def test_no_subject_is_in_two_splits_and_none_is_lost(data: AbrData) -> None:
    subjects = [set(everything(data, split)["subject"].tolist()) for split in data.splits]
    assert sum(map(len, subjects)) == 400
    assert set.union(*subjects) == set(range(400))
    assert len(data.subject_names) == len(set(data.subject_names)) == 400
    assert data.held_out == "test"


def test_more_subjects_move_none_to_another_split() -> None:
    few, many = (synthetic_data(n, 1, 10.0, 0.2, 0.1, seed=7) for n in (300, 600))
    for split in ("train", "validation", "test"):
        now = everything(many, split)["subject"]
        before = everything(few, split)["subject"]
        assert torch.equal(now[now < 300], before)


def test_shares_hold_on_average() -> None:
    places = np.array([place_in_unit(f"p{i}", i % 5) for i in range(20_000)])
    assert (places < 0.15).mean() == pytest.approx(0.15, abs=0.01)
    assert place_in_unit("p1", 0) != place_in_unit("p1", 1)


def test_a_subjects_place_is_the_same_for_ever() -> None:
    assert place_in_unit("synthetic-42-0", 0) == pytest.approx(0.96263671215, abs=1e-9)


def test_a_subject_in_two_splits_is_refused() -> None:
    check_disjoint({"train": ["a", "b"], "test": ["c"]})
    with pytest.raises(DataError, match=r"one split only. Found b in train and test"):
        check_disjoint({"train": ["a", "b"], "test": ["b"]})


def test_an_absent_class_is_said_and_an_empty_split_refused() -> None:
    names = [f"p{i}" for i in range(200)]
    notices = split_subjects(names, np.zeros(200, int), 0.15, 0.15).notices
    assert notices[0] == (
        "the train split has no subject of the class: neuropathy, sensorineural, total, conductive"
    )
    with pytest.raises(DataError, match=r"the test split must have a subject. Found none of 200"):
        split_subjects(names, np.zeros(200, int), 0.15, 0.0)


@pytest.mark.parametrize("seed", [0, 7, 2**63])
def test_the_summary_agrees_with_the_data(seed: int) -> None:
    settings = Synthetic(subjects=200, recordings_per_subject=2, window_ms=10.0)
    summary, loaded = summarize_synthetic(settings, seed), load_synthetic(settings, seed)
    assert summary.fingerprint == loaded.fingerprint
    assert summary.train_size == len(loaded.splits["train"])
    assert summary.notices == loaded.notices


def test_the_fingerprint_changes_with_every_setting_and_the_seed() -> None:
    settings = [
        Synthetic(),
        Synthetic(subjects=1501),
        Synthetic(recordings_per_subject=7),
        Synthetic(window_ms=12.0),
        Synthetic(validation_share=0.2),
        Synthetic(test_share=0.2),
    ]
    prints = {summarize_synthetic(s, 1).fingerprint for s in settings}
    prints.add(summarize_synthetic(Synthetic(), 2).fingerprint)
    assert len(prints) == 7


def test_a_summary_needs_no_torch_and_no_waveforms() -> None:
    code = (
        "import sys; from abr_model.config import *; "
        "print(summarize_synthetic(Synthetic(subjects=20000), 1).train_size > 0, "
        "'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["True", "False"]


def test_making_the_default_data_is_fast() -> None:
    start = time.process_time()  # not by the wall clock: other work may share the machine
    synthetic_data(1500, 6, 15.0, 0.15, 0.15, seed=42)
    assert time.process_time() - start < 6


def test_all_kinds_of_data_resolve() -> None:
    from curriculum.cli.client import resolve_name

    assert set(ABR_KINDS.data) == {"synthetic", "recordings", "mixed"}
    for kind in ABR_KINDS.data.values():
        assert callable(resolve_name(kind.load))
        assert callable(resolve_name(kind.summarize))


def test_a_class_can_be_told_from_level_latency_and_amplitude() -> None:
    """Nearest neighbours in what an audiologist reads beat chance (0.25) by far."""
    made = synthetic_data(1500, 6, 15.0, 0.15, 0.15, seed=42)
    train, test = everything(made, "train"), everything(made, "test")

    def features(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        latency = torch.nan_to_num(batch["wave_latency_ms"][:, 2], nan=5.0)
        amplitude = torch.nan_to_num(batch["wave_amplitude_uv"][:, 2], nan=0.0)
        level = batch["level_db"] / 10
        return torch.stack([level, latency, amplitude * 8, batch["wave_present"][:, 2] * 2], 1)

    x, y = features(train), train["hearing_class"]
    distance = torch.cdist(features(test), x)
    votes = torch.nn.functional.one_hot(y[distance.topk(15, largest=False).indices], 5).sum(1)
    weighted = votes / torch.bincount(y, minlength=5)
    guess = weighted.argmax(1)
    recall = [(guess[test["hearing_class"] == c] == c).float().mean().item() for c in (0, 2, 3, 4)]
    assert np.mean(recall) > 0.45
