"""The ready parts: a trunk with heads, data held as tensors, regression and classification."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor, nn

from curriculum.supervised import (
    SHARED,
    Classification,
    Regression,
    SharedTrunk,
    TensorData,
    TensorSplit,
)

NAN = float("nan")


def tensors(**values: list[float] | list[int]) -> Mapping[str, Tensor]:
    return {name: torch.tensor(value) for name, value in values.items()}


# --- the model ---------------------------------------------------------------------------------
def test_every_head_reads_the_trunks_output() -> None:
    trunk, head = nn.Linear(3, 4), nn.Linear(4, 2)
    model = SharedTrunk("x", trunk, {"y": head, "z": nn.Linear(4, 1)})
    x = torch.randn(5, 3)
    features = model.features({"x": x, "other": x[:, :1]}, frozenset({SHARED}))
    assert set(features) == {SHARED}
    assert torch.equal(features[SHARED], trunk(x))
    assert torch.equal(model.heads["y"](features), head(trunk(x)))
    assert set(model.heads) == {"y", "z"}


# --- data --------------------------------------------------------------------------------------
DATA = TensorData(train=tensors(x=[1.0, 2.0, 3.0]), validation=tensors(x=[4.0]))


def test_splits_give_their_samples_in_any_order() -> None:
    assert {name: len(split) for name, split in DATA.splits.items()} == {
        "train": 3,
        "validation": 1,
    }
    batch = DATA.splits["train"].batch(np.array([2, 0, 2]))
    assert batch["x"].tolist() == [3.0, 1.0, 3.0]


@pytest.mark.parametrize(
    ("columns", "found"), [({"x": [1.0], "y": [1.0, 2.0]}, r"\[1, 2\]"), ({}, r"\[\]")]
)
def test_a_split_has_one_length(columns: dict[str, list[float]], found: str) -> None:
    with pytest.raises(ValueError, match=rf"must have one length\. Found {found}\."):
        TensorSplit(tensors(**columns))


@pytest.mark.parametrize(
    "other",
    [
        attrs.evolve(DATA, train=tensors(x=[1.0, 2.0, 3.5])),
        attrs.evolve(DATA, train=tensors(y=[1.0, 2.0, 3.0])),
        attrs.evolve(DATA, train={"x": DATA.train["x"].double()}),
        attrs.evolve(DATA, train={"x": DATA.train["x"][:, None]}),
        attrs.evolve(DATA, validation=tensors(x=[4.5])),
        TensorData(train=DATA.validation, validation=DATA.train),
    ],
    ids=["value", "name", "type", "shape", "validation", "swapped"],
)
def test_the_fingerprint_changes_with_the_data(other: TensorData) -> None:
    assert attrs.evolve(DATA).fingerprint == DATA.fingerprint
    assert other.fingerprint != DATA.fingerprint


# --- regression --------------------------------------------------------------------------------
def test_names_follow_from_the_task_unless_given() -> None:
    assert (Regression("size").target, Regression("size").group) == ("size", "size")
    assert Regression("size", target="mm", group="body").better == {"body/size_mae": "lower"}
    assert Classification("kind", group="body").better == {"body/kind_balanced_accuracy": "higher"}


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_regression_learns_from_labelled_samples(shape: tuple[int, ...]) -> None:
    batch = tensors(size=[1.0, NAN, 5.0])
    prediction = torch.tensor([1.5, 9.0, 2.0]).reshape(shape).requires_grad_()
    task = Regression("size")
    assert task.count(batch) == 2.0
    loss = task.loss_sum(prediction, batch)
    assert loss.item() == pytest.approx(0.5 * 0.5**2 + (3.0 - 0.5))
    loss.backward()
    assert prediction.grad is not None
    assert prediction.grad.flatten().tolist() == pytest.approx([0.5, 0.0, -1.0])


def test_regression_is_judged_by_its_mean_absolute_error() -> None:
    task = Regression("size")
    kept = task.score.keep(torch.tensor([1.5, 9.0, 2.0]), tensors(size=[1.0, NAN, 5.0]))
    assert task.error(kept) == pytest.approx((0.5 + 3.0) / 2)
    assert task.metrics(kept) == {"size/size_mae": task.error(kept)}


def test_the_median_is_the_trivial_size() -> None:
    (predictor,) = Regression("size").trivial(tensors(size=[1.0, NAN, 2.0, 9.0])).values()
    assert predictor(tensors(size=[0.0, 0.0])).tolist() == [2.0, 2.0]


def test_an_infinite_target_is_objected_to() -> None:
    task = Regression("size")
    assert task.objection(tensors(size=[1.0, NAN])) is None
    assert task.objection(tensors(size=[1.0, -float("inf")])) == "`size` is infinite"


# --- classification ----------------------------------------------------------------------------
LOGITS = torch.tensor([[2.0, 0.0], [2.0, 0.0], [0.0, 2.0], [0.0, 2.0]])


def test_classification_learns_from_labelled_samples() -> None:
    task, batch = Classification("kind"), tensors(kind=[0, -1, 0, 1])
    assert task.count(batch) == 3.0
    right, wrong = -torch.log_softmax(LOGITS[0], 0)
    assert task.loss_sum(LOGITS, batch).item() == pytest.approx(float(right + wrong + right))


def test_classification_is_judged_by_balanced_accuracy() -> None:
    task = Classification("kind")
    kept = task.score.keep(LOGITS, tensors(kind=[0, -1, 0, 1]))
    assert task.error(kept) == pytest.approx(1 - (1 / 2 + 1) / 2)
    assert task.metrics(kept) == {"kind/kind_balanced_accuracy": pytest.approx(0.75)}


def test_the_most_frequent_class_is_the_trivial_kind() -> None:
    (predictor,) = Classification("kind").trivial(tensors(kind=[2, 0, 2, -1, -1, -1])).values()
    assert predictor(tensors(kind=[0, 1])).argmax(1).tolist() == [2, 2]


def test_a_class_that_the_head_has_not_is_objected_to() -> None:
    batch = tensors(kind=[0, -1, 2])
    assert Classification("kind").objection(batch) is None
    assert Classification("kind", classes=3).objection(batch) is None
    assert Classification("kind", classes=2).objection(batch) == (
        "`kind` has class 2, the head has classes 0 to 1"
    )


# --- nothing to judge --------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("task", "batch", "prediction"),
    [
        (Regression("y"), tensors(y=[NAN, NAN]), torch.zeros(2)),
        (Classification("y"), tensors(y=[-1, -1]), torch.zeros(2, 3)),
    ],
    ids=["regression", "classification"],
)
def test_what_nobody_labelled_is_not_judged(
    task: Regression | Classification, batch: Mapping[str, Tensor], prediction: Tensor
) -> None:
    assert task.count(batch) == 0.0
    kept = task.keep(prediction, batch)
    assert task.error(kept) is None
    assert task.metrics(kept) == {}
    for predictor in task.trivial(batch).values():
        assert task.error(task.keep(predictor(batch), batch)) is None
