"""Logistic distributions: likelihoods against numerical integration, and their bounds."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from abr_model import logistic

FLOATS = st.floats(-20, 20, width=32)


def density(location: float, scale: float, at: torch.Tensor) -> torch.Tensor:
    """The textbook density, e^-z / (s (1 + e^-z)^2)."""
    z = (at.double() - location) / scale
    return (-z - 2 * torch.nn.functional.softplus(-z)).exp() / scale


@given(location=FLOATS, raw=FLOATS, label=FLOATS)
def test_it_is_the_density_up_to_a_constant_and_never_below_zero(
    location: float, raw: float, label: float
) -> None:
    made = logistic.distribution(torch.tensor([location]), torch.tensor([raw]))
    found = logistic.exact(made, torch.tensor([label])).item()
    scale = made[0, 1].item()
    z = abs(label - location) / scale
    expected = z + 2 * math.log1p(math.exp(-z)) + math.log(scale)
    expected -= math.log(4 * logistic.SMALLEST_SCALE)
    assert found == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert found >= -1e-5


def test_bounds_are_the_tails_of_the_density() -> None:
    made = logistic.distribution(torch.tensor([0.7]), torch.tensor([0.2]))
    location, scale = made[0].tolist()
    at = torch.linspace(-60, 60, 600_001, dtype=torch.float64)
    mass = density(location, scale, at) * (at[1] - at[0])
    assert float(mass.sum()) == pytest.approx(1, abs=1e-6)
    for bound in (-1.0, 0.7, 2.5):
        there = torch.tensor([bound])
        above, below = logistic.above(made, there).item(), logistic.below(made, there).item()
        assert math.exp(-above) == pytest.approx(float(mass[at > bound].sum()), abs=1e-3)
        assert math.exp(-below) == pytest.approx(float(mass[at < bound].sum()), abs=1e-3)
    for share in (0.5, 0.9, 0.95):
        reach = logistic.half_width(share) * scale
        inside = (at > location - reach) & (at < location + reach)
        assert float(mass[inside].sum()) == pytest.approx(share, abs=1e-3)


@pytest.mark.parametrize("raw", [-80.0, -5.0, 0.0, 5.0])
@pytest.mark.parametrize("distance", [0.0, 1e-3, 1.0, 1e6])
def test_no_likelihood_has_an_unbounded_gain(raw: float, distance: float) -> None:
    """The run of FACTS: a log standard deviation clamped to (-10, 2) had a gain of 2.4e8."""
    location = torch.zeros(1, requires_grad=True)
    loss = logistic.exact(
        logistic.distribution(location, torch.tensor([raw])), torch.tensor([distance])
    )
    (gradient,) = torch.autograd.grad(loss, location)
    assert abs(gradient.item()) <= 1 / logistic.SMALLEST_SCALE + 1e-4


@pytest.mark.parametrize("raw", [-8.0, 0.0, 8.0])
def test_the_scale_has_a_gradient_at_its_floor_and_far_from_it(raw: float) -> None:
    """The same run: pinned at the clamp, gradient zero, a dead head looked like success."""
    raw_scale = torch.tensor([raw], requires_grad=True)
    loss = logistic.exact(logistic.distribution(torch.zeros(1), raw_scale), torch.tensor([3.0]))
    (gradient,) = torch.autograd.grad(loss, raw_scale)
    assert abs(gradient.item()) > 1e-4
