"""Logistic distributions of numbers: honest likelihoods, exact or censored, with a bounded gain.

A distribution is a tensor (..., 2) of location μ and scale s in standardised units, s above
`SMALLEST_SCALE`. The logistic has what a label here needs in closed form: tails heavy enough for
outliers, a gradient bounded by 1/s, a distribution function for labels of which only a bound is
known (a recording without a response says that the threshold lies above its level), and quantiles.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SMALLEST_SCALE = 0.05
"""Floor of predicted scales: no likelihood gains more than 1/floor, and none is unbounded."""


def distribution(location: Tensor, raw_scale: Tensor) -> Tensor:
    """From what a layer puts out, any real numbers, to a distribution (..., 2).

    The softplus has a gradient everywhere, at the floor too.
    """
    return torch.stack([location, SMALLEST_SCALE + F.softplus(raw_scale)], -1)


def exact(distribution: Tensor, label: Tensor) -> Tensor:
    """Σ -log density of labels; NaN is none.

    Counted from the best that is possible, a hit at the smallest scale, so that it is never below
    zero and can be divided by its own size: z + 2 log(1 + e^-z) - log 4 + log(s / floor) with
    z = |y - μ| / s.
    """
    location, scale, label = _known(distribution, label)
    z = (label - location).abs() / scale
    best = (scale / SMALLEST_SCALE).log() - math.log(4.0)
    return (z + 2 * F.softplus(-z) + best).sum()


def above(distribution: Tensor, bound: Tensor) -> Tensor:
    """Σ -log P(y > bound), for labels that are known to lie above a bound; NaN is none."""
    location, scale, bound = _known(distribution, bound)
    return F.softplus((bound - location) / scale).sum()


def below(distribution: Tensor, bound: Tensor) -> Tensor:
    """Σ -log P(y < bound), for labels that are known to lie below a bound; NaN is none."""
    location, scale, bound = _known(distribution, bound)
    return F.softplus((location - bound) / scale).sum()


def half_width(share: float) -> float:
    """Half the width, in scales, of the central interval that holds a share: log((1+p)/(1-p))."""
    return math.log((1 + share) / (1 - share))


def _known(distribution: Tensor, label: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    known = label.isfinite()
    location, scale = distribution[known].unbind(-1)
    return location, scale, label[known]
