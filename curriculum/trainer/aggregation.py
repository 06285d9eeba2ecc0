"""TorchJD's aggregators: from one gradient a task to one for the trunk. Needs the extra `torchjd`.

Only those that remember nothing from step to step and need nothing beyond the extra: GradVac, PCD,
ExcessMTL and NashMTL keep a state of their own, CAGrad and FairGrad need a solver more.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Aggregate = Callable[[Tensor, Tensor], Tensor]
"""Calibrated gradients (m, n) and their weights (m,) to one gradient (n,)."""

_PREFERRING = {
    "upgrad": "UPGrad",
    "dualproj": "DualProj",
    "aligned_mtl": "AlignedMTL",
    "config": "ConFIG",
}
_SCALED = {"pcgrad": "PCGrad", "graddrop": "GradDrop"}
_WEIGHTED = {"mgda": "MGDA", "imtl_g": "IMTLG", "random": "Random"}


def make_aggregate(name: str) -> Aggregate:
    """The aggregator of a plan's `balance.aggregator`, with the plan's weights in their place.

    A weight is a share that acts after the gradients were made comparable. Where the method has
    a preference vector (UPGrad, DualProj, AlignedMTL, ConFIG), the weights are that. Where it
    treats each row by itself (PCGrad, GradDrop), the rows are scaled by them. Where it finds
    coefficients from the rows' sizes (MGDA, IMTL-G, Random), in which a small row would get a large
    one, coefficients are found from unweighted rows, and times the weights; they add up to 1, and
    are multiplied by m, so that the trunk moves as much as under a sum.
    """
    import torchjd.aggregation as jd

    library: Any = jd
    if name in _PREFERRING:
        make = getattr(library, _PREFERRING[name])
        return lambda rows_MN, weights_M: make(pref_vector=weights_M)(rows_MN)
    if name in _SCALED:
        scaled = getattr(library, _SCALED[name])()
        return lambda rows_MN, weights_M: scaled(rows_MN * weights_M[:, None])
    if name == "random":
        matrix_weighting = library.RandomWeighting()
        return lambda rows_MN, weights_M: _combine(rows_MN, weights_M, matrix_weighting(rows_MN))
    gramian_weighting = getattr(library, f"{_WEIGHTED[name]}Weighting")()
    return lambda rows_MN, weights_M: _combine(
        rows_MN, weights_M, gramian_weighting(rows_MN @ rows_MN.T)
    )


def _combine(rows_MN: Tensor, weights_M: Tensor, coefficients_M: Tensor) -> Tensor:
    return len(rows_MN) * (coefficients_M * weights_M) @ rows_MN


def scatter(vector: Tensor, parameters: list[torch.nn.Parameter]) -> None:
    """Give each parameter its part of a flat gradient."""
    start = 0
    for parameter in parameters:
        part = vector[start : start + parameter.numel()]
        parameter.grad = part.view_as(parameter).clone()
        start += parameter.numel()
