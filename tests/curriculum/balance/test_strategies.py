"""Each strategy's formula, against values computed by hand."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pytest

from curriculum.balance import Balance, State, Term, make_balance
from curriculum.config.balances import Balance as Settings
from curriculum.config.balances import Calibrated, Dwa, Fixed, GradNorm, Log, TorchJd, Uncertainty
from curriculum.units import Duration

EPOCH = 2


def made(settings: Settings) -> Balance:
    return make_balance(
        settings, lambda length: length.count * (EPOCH if "epoch" in str(length) else 1)
    )


def factors(balance: Balance, state: State, *tasks: str) -> list[float]:
    terms = balance.terms(state, tasks)
    assert list(terms) == list(tasks)
    return [term.factor for term in terms.values()]


def after(balance: Balance, state: State, *losses: Mapping[str, float | None]) -> State:
    for each in losses:
        state = balance.update(state, each, {})
    return state


# --- terms --------------------------------------------------------------------------------------
def test_a_term_and_its_slope() -> None:
    assert Term(0.5, offset=3.0).value(4.0) == 5.0
    assert Term(0.5, offset=3.0).slope(4.0) == 0.5
    logarithm = Term(logarithm=True)
    assert logarithm.value(math.e) == pytest.approx(1.0)
    assert logarithm.slope(4.0) == 0.25
    assert math.isnan(logarithm.value(-1.0))
    assert logarithm.value(0.0) == pytest.approx(math.log(1e-12))


# --- fixed and log ------------------------------------------------------------------------------
@pytest.mark.parametrize(("settings", "term"), [(Fixed(), Term()), (Log(), Term(logarithm=True))])
def test_fixed_and_log_remember_nothing(settings: Settings, term: Term) -> None:
    balance = made(settings)
    assert (balance.batches, balance.name) == (0, settings.kind)
    state = balance.update(balance.start({}, {"a": 5.0}), {"a": 7.0}, {})
    assert state == {}
    assert balance.terms(state, ["a", "b"]) == {"a": term, "b": term}


# --- calibrated ---------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [Calibrated, TorchJd])
def test_calibrated_divides_by_the_measured_size_then_follows_it(
    kind: type[Calibrated | TorchJd],
) -> None:
    balance = made(kind(batches=3, decay=0.9))
    assert balance.batches == 3
    state = balance.start({}, {"a": 4.0})
    assert factors(balance, state, "a") == [0.25]
    state = after(balance, state, {"a": 2.0})
    assert factors(balance, state, "a") == [pytest.approx(1 / 3.8)]


def test_the_name_tells_the_aggregator() -> None:
    assert made(Calibrated()).name == "calibrated"
    balance = made(TorchJd(aggregator="pcgrad"))
    assert (balance.name, balance.aggregator) == ("torchjd/pcgrad", "pcgrad")


def test_a_loss_of_zero_does_not_explode() -> None:
    balance = made(Calibrated(decay=0.0))
    state = after(balance, balance.start({}, {"a": 1.0}), {"a": 0.0})
    assert factors(balance, state, "a")[0] <= 1e12


# --- uncertainty --------------------------------------------------------------------------------
def test_uncertainty_starts_at_its_optimum_for_the_measured_loss() -> None:
    balance = made(Uncertainty(rate=0.1))
    state = balance.start({}, {"a": 4.0})
    (term,) = balance.terms(state, ["a"]).values()
    assert term.factor == pytest.approx(1 / 8)
    assert term.value(4.0) == pytest.approx(0.5 + 0.5 * math.log(4))
    still = after(balance, state, {"a": 4.0})
    assert still["a"]["variance"] == pytest.approx(4.0)


def test_uncertainty_goes_down_the_slope_of_its_own_term() -> None:
    balance = made(Uncertainty(rate=0.1))
    state = after(balance, balance.start({}, {"a": 4.0}), {"a": 2.0})
    # d/ds (e^-s L / 2 + s / 2) = (1 - 2/4) / 2
    assert math.log(state["a"]["variance"]) == pytest.approx(math.log(4) - 0.1 * 0.25)


def test_uncertainty_survives_an_outlier() -> None:
    balance = made(Uncertainty(rate=0.1))
    state = after(balance, balance.start({}, {"a": 4.0}), {"a": 4e9})
    assert math.log(state["a"]["variance"]) == pytest.approx(math.log(4) + 0.05)


# --- dwa ----------------------------------------------------------------------------------------
def test_dwa_by_hand() -> None:
    balance = made(Dwa(temperature=2.0))
    state = balance.start({}, {"a": 4.0, "b": 10.0})
    first = after(balance, state, {"a": 4.0, "b": 10.0}, {"a": 2.0, "b": 6.0})
    assert factors(balance, first, "a", "b") == [0.25, 0.1]  # one epoch: ratios of 1
    second = after(balance, first, {"a": 1.0, "b": 8.0}, {"a": 2.0, "b": 8.0})
    ratios = [1.5 / 3.0, 8.0 / 8.0]
    powers = [math.exp(ratio / 2.0) for ratio in ratios]
    expected = [2 * power / sum(powers) for power in powers]
    found = factors(balance, second, "a", "b")
    assert found == pytest.approx([expected[0] / 4.0, expected[1] / 10.0])
    raw = made(Dwa(temperature=2.0, normalize=False))
    assert factors(raw, second, "a", "b") == pytest.approx(expected)


def test_dwa_leaves_batches_without_labels_out_of_its_means() -> None:
    balance = made(Dwa())
    state = after(balance, balance.start({}, {"a": 4.0}), {"a": None}, {"a": 2.0})
    assert state["a"]["last"] == 2.0
    assert after(balance, state, {"a": None}, {"a": None})["a"]["last"] == 2.0


# --- gradnorm -----------------------------------------------------------------------------------
def test_gradnorm_by_hand() -> None:
    balance = made(GradNorm(alpha=1.0, rate=0.1, measure_every=Duration(3, "steps")))
    assert [balance.measures(step) for step in (1, 2, 3, 4)] == [True, False, False, True]
    state = balance.start({}, {"a": 2.0, "b": 4.0})
    assert factors(balance, state, "a", "b") == [1.0, 1.0]
    moved = balance.update(state, {"a": 2.0, "b": 1.0}, {"a": 3.0, "b": 9.0})
    # ratios 1 and 1/4, relative 1.6 and 0.4; the mean norm 6; targets 9.6 and 2.4: a is too small
    # and b too large, and Adam's first step is the rate; then the sum is 2 again.
    assert factors(balance, moved, "a", "b") == pytest.approx([1.1, 0.9])
    again = balance.update(moved, {"a": 2.0, "b": 1.0}, {"a": 30.0, "b": 0.9})
    slopes = [[-3.0, 30.0], [9.0, -0.9]]
    steps: list[float] = []
    for one, two in slopes:
        first = (0.9 * 0.1 * one + 0.1 * two) / (1 - 0.9**2)
        second = (0.999 * 0.001 * one**2 + 0.001 * two**2) / (1 - 0.999**2)
        steps.append(0.1 * first / math.sqrt(second))
    weights = [1.1 - steps[0], 0.9 - steps[1]]
    expected = [2 * weight / sum(weights) for weight in weights]
    assert factors(balance, again, "a", "b") == pytest.approx(expected)


def test_gradnorm_normalized_sees_the_losses_over_their_size() -> None:
    balance = made(GradNorm(normalize=True))
    state = balance.start({}, {"a": 2.0, "b": 4.0})
    assert factors(balance, state, "a", "b") == [0.5, 0.25]
    loud = balance.start({}, {"a": 2.0, "b": 4e6})
    quiet_after = balance.update(state, {"a": 1.0, "b": 3.0}, {"a": 1.0, "b": 5.0})
    loud_after = balance.update(loud, {"a": 1.0, "b": 3e6}, {"a": 1.0, "b": 5e6})
    assert quiet_after["b"]["weight"] == pytest.approx(loud_after["b"]["weight"])


def test_gradnorm_keeps_the_weights_of_tasks_without_a_label() -> None:
    balance = made(GradNorm())
    state = balance.start({}, {"a": 2.0, "b": 4.0, "c": 1.0})
    after_one = balance.update(state, {"a": None, "b": 4.0, "c": 1.0}, {"b": 1.0, "c": 2.0})
    assert after_one["a"] == state["a"]
    assert sum(known["weight"] for known in after_one.values()) == pytest.approx(3.0)
    assert balance.update(state, {"a": 2.0, "b": None, "c": None}, {"a": 1.0}) == state


def test_gradnorm_never_gives_a_task_up() -> None:
    balance = made(GradNorm(rate=0.9, alpha=0.0))
    state = balance.start({}, {"a": 1.0, "b": 1.0})
    for _ in range(50):
        state = balance.update(state, {"a": 1.0, "b": 1.0}, {"a": 1e12, "b": 1.0})
    assert 0 < factors(balance, state, "a")[0] < 1e-5


# --- all that measure ---------------------------------------------------------------------------
MEASURING: tuple[Settings, ...] = (
    Calibrated(),
    Uncertainty(),
    Dwa(),
    GradNorm(normalize=True),
    TorchJd(),
)


@pytest.mark.parametrize("settings", MEASURING, ids=lambda each: each.kind)
def test_a_loss_multiplied_counts_the_same(settings: Settings) -> None:
    balance = made(settings)
    losses = [3.7, 2.9, 3.1, 0.4, 0.2, 0.9]
    for scale in (1e6, 2.0**20, 2.0**-20):
        plain = balance.start({}, {"a": 4.0, "b": 1.0})
        scaled = balance.start({}, {"a": 4.0 * scale, "b": 1.0})
        for loss in losses:
            here = balance.terms(plain, ["a", "b"])["a"].factor * loss
            there = balance.terms(scaled, ["a", "b"])["a"].factor * loss * scale
            assert there == (pytest.approx(here, rel=1e-9) if scale == 1e6 else here)
            plain = balance.update(plain, {"a": loss, "b": 1.0}, {"a": 5.0, "b": 2.0})
            scaled = balance.update(
                scaled, {"a": loss * scale, "b": 1.0}, {"a": 5.0 * scale, "b": 2.0}
            )


@pytest.mark.parametrize("settings", MEASURING, ids=lambda each: each.kind)
def test_a_batch_without_labels_moves_nothing_that_counts(settings: Settings) -> None:
    balance = made(settings)
    state = balance.start({}, {"a": 4.0, "b": 1.0})
    moved = balance.update(state, {"a": None, "b": 2.0}, {"b": 1.0})
    assert factors(balance, moved, "a") == factors(balance, state, "a")


@pytest.mark.parametrize("settings", MEASURING, ids=lambda each: each.kind)
def test_a_task_turned_on_later_keeps_what_others_have_learned(settings: Settings) -> None:
    balance = made(settings)
    moved = after(balance, balance.start({}, {"a": 4.0}), {"a": 2.0})
    later = balance.start(moved, {"b": 8.0})
    assert later["a"] == moved["a"]
    assert later["b"] == balance.start({}, {"b": 8.0})["b"]
