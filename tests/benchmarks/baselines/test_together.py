"""All baselines on synthetic ears: in the form of the model's scores, ahead of the trivial ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from abr_model.config import AbrUnet
from abr_model.data import synthetic_data
from abr_model.standards import CLASSES, measure
from abr_model.tasks.assembly import assemble
from benchmarks.baselines import fit_baselines
from benchmarks.baselines.columns import columns_of
from benchmarks.baselines.hearing import features
from benchmarks.judged import best_of, scores


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    splits = synthetic_data(240, 4, 15.0, 0.15, 0.2, seed=3).splits
    train, test = (splits[name].batch(np.arange(len(splits[name]))) for name in ("train", "test"))
    standards = measure(splits["train"])
    tasks = assemble(AbrUnet(base_channels=4, n_levels=2), standards).tasks
    baselines = fit_baselines(train)
    said = baselines.predictions(test, standards)
    trivial = {task.name: task.score.trivial(train) for task in tasks}
    inputs = {task.name: task.score.view.prepare(test, None) for task in tasks}
    beside = {
        task: {by: predict(inputs[task]) for by, predict in each.items()}
        for task, each in trivial.items()
    }
    return {
        "baselines": baselines,
        "test": test,
        "said": said,
        "metrics": scores(tasks, test, said),
        "trivial": scores(tasks, test, beside),
    }


def test_every_task_has_a_method(found: dict[str, Any]) -> None:
    assert set(found["said"]) == {
        "signal",
        "classification",
        "peak_existence",
        "peak_latency",
        "peak_amplitude",
        "threshold",
    }
    size = len(found["test"]["subject"])
    assert found["said"]["classification"]["logistic regression"].shape == (size, len(CLASSES))
    assert found["said"]["peak_latency"]["peak picking"].shape == (size, 3, 2)
    assert found["said"]["threshold"]["correlation"].shape == (size, 1, 2)


@pytest.mark.parametrize(
    ("metric", "method", "trivial", "higher"),
    [
        ("signal/mse_uv2", "Wiener", "raw", False),
        ("signal/mse_uv2", "linear MMSE", "raw", False),
        ("classification/balanced_accuracy", "logistic regression", "majority", True),
        ("peaks/existence_auc", "3:1 rule", "always", True),
        ("peaks/latency_mae_ms", "peak picking", "median", False),
        ("peaks/amplitude_mae_uv", "peak picking", "median", False),
        ("threshold/mae_db", "one recording", "median", False),
    ],
)
def test_they_are_ahead_of_the_trivial(
    found: dict[str, Any], metric: str, method: str, trivial: str, higher: bool
) -> None:
    here, there = found["metrics"][metric][method], found["trivial"][metric][trivial]
    assert here > there if higher else here < there


def test_an_ear_has_one_threshold(found: dict[str, Any]) -> None:
    said, subject = found["said"]["threshold"]["correlation"][:, 0, 0], found["test"]["subject"]
    for ear in subject.unique():
        assert len(said[subject == ear].unique()) == 1


def test_probabilities_add_up(found: dict[str, Any]) -> None:
    said = found["said"]["classification"]["logistic regression"]
    assert torch.allclose(said.exp().sum(1), torch.ones(len(said)), atol=1e-4)


def test_features_are_finite(found: dict[str, Any]) -> None:
    columns = columns_of(found["test"])
    picked = found["baselines"].picker.pick(columns)
    assert features(columns, picked).shape == (len(found["test"]["subject"]), 13)
    assert np.isfinite(features(columns, picked)).all()


def test_the_best_on_training_is_what_counts() -> None:
    best = best_of({"a": 1.0, "b": 2.0}, {"a": 30.0, "b": 20.0}, "lower")
    assert (best.name, best.value) == ("a", 30.0)
    assert best_of({"a": 1.0, "b": 2.0}, {"a": 30.0, "b": 20.0}, "higher").name == "b"
