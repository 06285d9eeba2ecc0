from __future__ import annotations

import itertools
import math

import pytest
import torch

from abr_model import logistic, losses, metrics


def test_balanced_accuracy_and_f1_against_a_count_by_hand() -> None:
    label = torch.tensor([0, 0, 0, 0, 2, 2, 4])
    predicted = torch.tensor([0, 0, 0, 2, 2, 0, 1])
    assert metrics.recalls(predicted, label, 5) == {0: 3 / 4, 2: 1 / 2, 4: 0}
    assert metrics.macro_f1(predicted, label, 5) == pytest.approx((6 / 8 + 2 / 4 + 0) / 3)


def test_auc_is_the_chance_to_outrank_with_ties_counting_half() -> None:
    torch.manual_seed(0)
    score, label = torch.randint(0, 6, (60,)).float(), torch.randint(0, 2, (60,)).float()
    wins = [
        1.0 if a > b else 0.5 if a == b else 0.0
        for a, b in itertools.product(score[label == 1].tolist(), score[label == 0].tolist())
    ]
    assert metrics.auc(score, label) == pytest.approx(sum(wins) / len(wins))
    assert metrics.auc(torch.zeros(60), label) == pytest.approx(0.5)


def test_what_cannot_be_judged_is_none() -> None:
    nothing = torch.tensor([], dtype=torch.long)
    assert metrics.recalls(nothing, nothing, 5) == {}
    assert metrics.auc(torch.rand(4), torch.ones(4)) is None
    assert metrics.f1(torch.rand(4), torch.zeros(4)) is None
    assert metrics.known_mean(torch.full((3,), math.nan)) is None
    assert metrics.mean_by(torch.full((3,), math.nan), torch.arange(3)) == {}
    assert metrics.decibels(0.0, 1.0) is None


def test_missing_values_are_left_out_of_means() -> None:
    values = torch.tensor([1.0, math.nan, 3.0, 5.0])
    assert metrics.known_mean(values) == 3.0
    assert metrics.mean_by(values, torch.tensor([7, 7, 2, 2])) == {2: 4.0, 7: 1.0}


def test_f1_against_a_count_by_hand() -> None:
    logit, label = torch.tensor([1.0, 1.0, -1.0, -1.0, 1.0]), torch.tensor([1.0, 0, 1, 0, 1])
    assert metrics.f1(logit, label) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))


def test_calibration_error_against_a_count_by_hand() -> None:
    probability = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.35, 0.65], [0.35, 0.65]])
    label = torch.tensor([0, 1, 1, 1])  # sure to 90 %, right half the time; 65 %, always right
    expected = (2 * abs(0.5 - 0.9) + 2 * abs(1.0 - 0.65)) / 4
    assert metrics.calibration_error(probability, label) == pytest.approx(expected)


def test_decibels() -> None:
    assert metrics.decibels(100.0, 1.0) == pytest.approx(20.0)


def test_correlation_of_rows() -> None:
    one = torch.randn(3, 50)
    both = metrics.correlation(one, torch.stack([2 * one[0] + 1, -one[1], torch.ones(50)]))
    torch.testing.assert_close(both, torch.tensor([1.0, -1.0, 0.0]).double())


@pytest.mark.parametrize(
    ("loss", "tail"),
    [
        (losses.binary_cross_entropy, ()),
        (logistic.exact, (2,)),
        (logistic.above, (2,)),
        (logistic.below, (2,)),
    ],
)
def test_missing_labels_add_nothing(loss: object, tail: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    prediction = torch.rand((6, 3, *tail), requires_grad=True)
    label = torch.randint(0, 2, (6, 3)).float()
    some = label.clone()
    some[2, 1] = some[4] = math.nan
    whole, part = loss(prediction, label), loss(prediction, some)  # type: ignore[operator]
    kept = some.isfinite()
    torch.testing.assert_close(part, loss(prediction[kept], label[kept]))  # type: ignore[operator]
    assert part.item() < whole.item()
    (gradient,) = torch.autograd.grad(part, prediction)
    assert bool((gradient[~kept] == 0).all())
    assert losses.known_labels(some) == 14


def test_labels_that_are_there_are_counted() -> None:
    assert losses.known_labels(torch.tensor([0, 1, 2, 3, 4, 0, -1, -1])) == 6
    assert losses.known_labels(torch.tensor([0.5, torch.nan])) == 1


def test_weighted_squares() -> None:
    found = losses.weighted_square_sum(
        torch.ones(2, 4), torch.zeros(2, 4), torch.tensor([1.0, 3.0])
    )
    assert float(found) == 4.0
