"""What the watch makes of losses and gradients. Pure."""

from __future__ import annotations

import math

import pytest

from curriculum.balance import Term
from curriculum.balance.watching import (
    Watched,
    after_look,
    after_probe,
    after_step,
    as_shares,
    judge,
    mean_cosines,
    shares,
)

TERMS = {"a": Term(0.5), "b": Term(2.0, offset=7.0), "c": Term(logarithm=True)}


def test_shares_are_slope_times_loss_over_the_steps_with_a_label() -> None:
    watched = after_step(Watched(), TERMS, {"a": 4.0, "b": -1.0, "c": 9.0})
    watched = after_step(watched, TERMS, {"a": 2.0, "b": None, "c": 1e9})
    assert shares(watched) == pytest.approx({"a": 1.5 / 4.5, "b": 2.0 / 4.5, "c": 1.0 / 4.5})
    begun = after_look(watched, 2, "warning")
    assert (begun.since, begun.level, shares(begun)) == (2, "warning", {})


@pytest.mark.parametrize(
    ("small", "level"),
    [(1.0, ""), (0.1, ""), (0.0999, "warning"), (0.01, "warning"), (0.0099, "alarm"), (0, "alarm")],
)
def test_ten_to_one_is_a_warning_and_a_hundred_to_one_an_alarm(small: float, level: str) -> None:
    verdict = judge({"a": 1.0, "b": small, "c": 0.9})
    assert verdict is not None
    assert verdict.level == level
    assert verdict.most == "a"


def test_one_task_or_none_is_in_balance() -> None:
    assert judge({"a": 1.0}) is None
    assert judge({}) is None
    assert as_shares({"a": 0.0}) == as_shares({"a": math.inf, "b": 1.0}) == {}


def test_cosines_are_means_over_probes() -> None:
    watched = after_probe(Watched(), ["a", "b"], [[4.0, 3.0], [3.0, 9.0]])
    watched = after_probe(watched, ["a", "b", "c"], [[1.0, -1.0, 0], [-1.0, 1.0, 0], [0, 0, 0]])
    assert watched.probes == 2
    assert mean_cosines(watched) == {"a": {"b": (0.5 - 1.0) / 2}}  # c has no gradient


def test_a_gradient_that_is_not_finite_spoils_no_mean() -> None:
    watched = after_probe(Watched(), ["a", "b"], [[math.inf, math.nan], [math.nan, 1.0]])
    watched = after_probe(watched, ["a", "b"], [[1.0, 0.5], [0.5, 1.0]])
    assert mean_cosines(watched) == {"a": {"b": 0.5}}


def test_cosines_of_large_gradients_stay_finite() -> None:
    large = 1e300
    (row,) = mean_cosines(after_probe(Watched(), ["a", "b"], [[large] * 2] * 2)).values()
    assert math.isclose(row["b"], 1.0)
