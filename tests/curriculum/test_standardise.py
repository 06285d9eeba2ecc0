"""Law 3's arithmetic: units are robust, and no unit of the data is seen after them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from curriculum.standardise import NORMAL, Units

NAN, INF = float("nan"), float("inf")
numbers = st.lists(
    st.floats(-1e3, 1e3, width=32).map(lambda x: x if abs(x) > 1e-3 else 0.0), min_size=3
)


def units(*values: float) -> Units:
    return Units.of(torch.tensor(values, dtype=torch.float64), "size")


def test_zero_is_the_median_and_the_scale_is_robust() -> None:
    found = units(1.0, 2.0, 3.0, 4.0, 1e9)
    assert (found.zero.item(), found.scale.item()) == (3.0, pytest.approx(NORMAL))
    assert (found.constant, found.notice) == ("", "")
    normal = Units.of(torch.from_numpy(np.random.default_rng(0).normal(7, 3, 20_000)), "size")
    assert normal.scale.item() == pytest.approx(3.0, rel=0.03)


def test_what_is_missing_or_infinite_does_not_count() -> None:
    assert units(NAN, 1.0, INF, 2.0, 3.0, NAN, -INF).zero.item() == 2.0
    nothing = units(NAN, NAN)
    assert (nothing.zero.item(), nothing.scale.item(), nothing.constant) == (0.0, 1.0, "")


def test_a_robust_scale_of_zero_falls_back_aloud() -> None:
    found = units(2.0, 2.0, 2.0, 2.0, 12.0)
    assert found.scale.item() == pytest.approx(4.0)
    assert found.notice == "the robust scale of `size` is 0: its standard deviation is used"


@pytest.mark.parametrize("value", [0.0, 0.1, 1e9])
def test_a_constant_is_told_as_one(value: float) -> None:
    found = Units.of(torch.full((7,), value), "size")
    assert found.constant == f"`size` is {torch.tensor(value).item():g}"
    assert found.scale.item() == 1.0


@given(numbers)
def test_a_power_of_two_changes_no_bit(values: list[float]) -> None:
    plain = torch.tensor(values)
    for factor in (2.0**20, 2.0**-20):
        one, other = Units.of(plain, "size"), Units.of(plain * factor, "size")
        assert same(one.standardise(plain), other.standardise(plain * factor))
        said = torch.linspace(-2, 2, 5)
        if not one.constant:
            assert same(one.physical(said) * factor, other.physical(said))


@given(numbers, st.sampled_from([1e6, 1e-6]))
def test_another_factor_changes_the_last_place(values: list[float], factor: float) -> None:
    plain = torch.tensor(values, dtype=torch.float64)
    one, other = Units.of(plain, "size"), Units.of(plain * factor, "size")
    before, after = one.standardise(plain), other.standardise(plain * factor)
    ulp = torch.nextafter(before.abs().clamp_min(1e-30), torch.tensor(INF)) - before.abs()
    assert bool(((after - before).abs() <= ulp.clamp_min(1e-12)).all())


def test_standardised_goes_back_to_physical_however_far_the_zero_is() -> None:
    values = 1.7e9 + torch.arange(-5.0, 6.0, dtype=torch.float64)  # seconds since 1970
    found = Units.of(values, "time")
    told = found.standardise(values)
    assert torch.allclose(told.double() * found.scale, values - 1.7e9, atol=1e-6)
    assert found.error(told, values).max().item() < 1e-6
    assert found.error(told + 1, values).mean().item() == pytest.approx(found.scale.item())
    assert found.physical(torch.zeros(1)).item() == pytest.approx(1.7e9)


def test_columns_are_stacked() -> None:
    found = Units.stacked([units(1.0, 2.0, 3.0), units(5.0, 5.0), units(0.0, 0.0, 0.0, 8.0)])
    assert found.zero.tolist() == [2.0, 5.0, 0.0]
    assert found.constant == "`size` is 5"
    assert "standard deviation" in found.notice
    assert found.lengths(torch.ones(2, 3))[1].tolist() == pytest.approx(found.scale.tolist())


def same(one: Tensor, other: Tensor) -> bool:
    return torch.equal(one.view(torch.int32), other.view(torch.int32))
