"""What benchmarks/balance.py makes of the CPU times that it measured."""

from __future__ import annotations

import pytest

from benchmarks import balance
from curriculum.config import load_plan
from curriculum.config.balances import Calibrated

NAMES = list(balance.BALANCES)


def test_the_page_has_the_price_of_a_step_and_of_a_look() -> None:
    spent = dict(zip(NAMES, ([2.0, 2.0], [2.0, 2.1], [2.0, 2.2], [2.2, 2.3]), strict=True))
    page = balance.page(spent, calibration=1.4)
    assert "| fixed, no watch | 100.00 | +0.00 % (+0.00 to +0.00) |" in page
    assert "| calibrated, its watch (default) | 105.00 | +5.00 % (" in page
    # A turn of 20 steps with a look takes 0.2 s longer than one without: two steps of 0.1 s.
    assert "One look costs 2.00 steps: 1.00 % of the steps at the default" in page
    assert "costs\n14 steps, once." in page


def test_what_it_calls_the_default_is_the_default() -> None:
    plan = load_plan(balance.ROOT / "phases" / "joint.yaml", balance.ABR_KINDS).plan
    assert plan.phases[0].training.balance == Calibrated()
    assert str(Calibrated().watch.watch_every) == f"{balance.WATCH_EVERY} steps"
    assert balance.BALANCES["calibrated, its watch (default)"] == "kind: calibrated"


def test_the_interval_is_of_the_mean() -> None:
    low, high = balance.interval([1.0, 1.2, 0.8, 1.0])
    assert (low + high) / 2 == pytest.approx(1.0)
    assert high - low == pytest.approx(2 * 1.96 * (0.08 / 3) ** 0.5 / 2)
