from __future__ import annotations

import pytest

from curriculum.balance import make_balance
from curriculum.config.schema import Calibrated, Fixed


def test_fixed_leaves_losses_as_they_are() -> None:
    balance = make_balance(Fixed())
    assert balance.batches == 0
    state = balance.update(balance.start({}, {"a": 5.0}), {"a": 7.0})
    assert balance.factors(state, ["a", "b"]) == {"a": 1.0, "b": 1.0}


def test_calibrated_divides_by_the_measured_size_then_follows_it() -> None:
    balance = make_balance(Calibrated(batches=3, decay=0.9))
    assert balance.batches == 3
    state = balance.start({}, {"a": 4.0})
    assert balance.factors(state, ["a"]) == {"a": 0.25}
    state = balance.update(state, {"a": 2.0})
    assert balance.factors(state, ["a"])["a"] == pytest.approx(1 / 3.8)


def test_a_loss_multiplied_by_a_power_of_two_contributes_the_same() -> None:
    balance = make_balance(Calibrated())
    losses = [3.7, 2.9, 3.1, 0.4]
    for scale in (2.0**20, 2.0**-20):
        plain, scaled = balance.start({}, {"a": 4.0}), balance.start({}, {"a": 4.0 * scale})
        for loss in losses:
            there = balance.factors(scaled, ["a"])["a"] * loss * scale
            assert balance.factors(plain, ["a"])["a"] * loss == there
            plain = balance.update(plain, {"a": loss})
            scaled = balance.update(scaled, {"a": loss * scale})


def test_a_batch_without_labels_moves_nothing() -> None:
    balance = make_balance(Calibrated())
    state = balance.start({}, {"a": 4.0, "b": 1.0})
    after = balance.update(state, {"a": None, "b": 2.0})
    assert after["a"] == state["a"]
    assert after["b"] != state["b"]


def test_a_task_turned_on_later_keeps_what_others_have_learned() -> None:
    balance = make_balance(Calibrated())
    state = balance.start(balance.update(balance.start({}, {"a": 4.0}), {"a": 2.0}), {"b": 8.0})
    assert state["a"] == pytest.approx(3.98)
    assert state["b"] == 8.0


def test_a_loss_of_zero_does_not_explode() -> None:
    balance = make_balance(Calibrated(decay=0.0))
    state = balance.update(balance.start({}, {"a": 1.0}), {"a": 0.0})
    assert balance.factors(state, ["a"])["a"] <= 1e12
