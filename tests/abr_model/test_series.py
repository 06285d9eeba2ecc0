"""An ear from its recordings."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from abr_model import logistic
from abr_model.series import ears_of, pooled_scores, pooled_threshold

NUMBERS = st.floats(-5, 5)
SCALES = st.floats(0.05, 5)


def distributions(*pairs: tuple[float, float]) -> torch.Tensor:
    return torch.tensor(pairs, dtype=torch.float64)


def quantile(distribution: torch.Tensor, share: float) -> float:
    location, scale = distribution.tolist()
    return location + scale * math.log(share / (1 - share))


@given(st.lists(st.tuples(NUMBERS, SCALES), min_size=1, max_size=6), st.floats(0.01, 0.99))
def test_quantiles_are_averages_weighted_by_certainty(
    pairs: list[tuple[float, float]], share: float
) -> None:
    made = distributions(*pairs)
    (found,) = pooled_threshold(made, ears_of(torch.zeros(len(pairs), dtype=torch.long)))
    weights = [1 / scale for _, scale in pairs]
    average = sum(
        weight * quantile(each, share) for weight, each in zip(weights, made, strict=True)
    ) / sum(weights)
    assert quantile(found, share) == pytest.approx(average, abs=1e-6)


def test_each_ear_is_made_of_its_own_recordings_in_any_order() -> None:
    made = distributions((1.0, 0.5), (9.0, 1.0), (3.0, 0.5), (5.0, 2.0), (7.0, 1.0))
    ears = ears_of(torch.tensor([4, 2, 4, 11, 2]))
    assert ears.numbers_E.tolist() == [2, 4, 11]
    assert ears.sizes.tolist() == [2, 2, 1]
    assert pooled_threshold(made, ears).tolist() == [[8.0, 1.0], [2.0, 0.5], [5.0, 2.0]]


def test_the_same_recording_again_is_no_news() -> None:
    once = pooled_threshold(distributions((3.0, 0.7)), ears_of(torch.tensor([0])))
    twice = pooled_threshold(distributions((3.0, 0.7), (3.0, 0.7)), ears_of(torch.tensor([0, 0])))
    torch.testing.assert_close(once, twice)


def test_who_is_sure_counts_for_more() -> None:
    made = distributions((10.0, 0.1), (60.0, 10.0))
    (found,) = pooled_threshold(made, ears_of(torch.tensor([0, 0])))
    reach = logistic.half_width(0.95) * float(found[1])
    assert float(found[0]) == pytest.approx(10.5, abs=0.01)
    assert 0.1 < reach < 1


def test_classes_lie_between_independent_witnesses_and_one() -> None:
    score = torch.tensor([[2.0, 0.0, -1.0]])
    single = score[0].double().log_softmax(0)
    for count, worth in ((2, 2 / 1.3), (6, 2.4), (1000, 1 / 0.3)):
        ears = ears_of(torch.zeros(count, dtype=torch.long))
        (pooled,) = pooled_scores(score.expand(count, -1), ears)
        torch.testing.assert_close(pooled, worth * single, rtol=3e-3, atol=0)
    (alone,) = pooled_scores(score, ears_of(torch.tensor([7])))
    torch.testing.assert_close(alone, single)
