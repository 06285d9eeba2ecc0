"""Is what was exported what the model says?"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from curriculum.errors import CurriculumError

TOLERANCE = 1e-4
"""Largest difference of an output, as a share of its largest value: float32 in another order."""


def largest_difference(
    expected: Sequence[Tensor], found: Sequence[Tensor], names: Sequence[str], where: str
) -> float:
    """The largest difference of any output, relative to the output's largest value.

    Raises:
        CurriculumError: an output has another shape, or other values; says which.
    """
    if len(expected) != len(found):
        raise _mismatch(f"{len(found)} outputs instead of {len(expected)}", where)
    worst = 0.0
    for name, one, other in zip(names, expected, found, strict=True):
        if one.shape != other.shape:
            shapes = f"`{name}` of shape {tuple(other.shape)} instead of {tuple(one.shape)}"
            raise _mismatch(shapes, where)
        known = one.isfinite()
        if not torch.equal(known, other.isfinite()):
            raise _mismatch(f"`{name}` is not finite at other places", where)
        one, other = one[known].double(), other[known].double()
        if one.numel() == 0:
            continue
        difference, size = float((one - other).abs().max()), float(one.abs().max())
        if difference > TOLERANCE * max(size, 1e-6):
            said = f"`{name}` differs by {difference:.3g}, with values up to {size:.3g}"
            raise _mismatch(said, where)
        worst = max(worst, difference / max(size, 1e-6))
    return worst


def _mismatch(found: str, where: str) -> CurriculumError:
    return CurriculumError(
        "an export must say what the model says",
        found=found,
        where=where,
        hint="Nothing was written. Try another format, and report this",
    )
