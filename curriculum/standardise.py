"""Law 3: units do not matter. Where a quantity's zero lies and how long its unit is, robustly.

    units = Units.of(train["y"], "y")
    y_standardised = units.standardise(y)          # (y - zero) / scale: float64, then float32
    y_again = units.physical(y_standardised)

Statistics and arithmetic are float64, and what comes out is float32. Multiplying a quantity by a
power of two changes no standardised bit; by another factor, a unit in the last place.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import torch
from torch import Tensor

NORMAL = 1.4826
"""A normal distribution's standard deviation over its median absolute deviation."""


@attrs.frozen(kw_only=True, eq=False)
class Units:
    """Standardised = (x - zero) / scale, with zero and scale float64 of any one shape.

    `constant` names a quantity that is the same wherever it is known, with its value: there is
    nothing to learn, and its scale is 1. `notice` says what its scale fell back to.
    """

    zero: Tensor
    scale: Tensor
    constant: str = ""
    notice: str = ""

    @classmethod
    def of(cls, values: Tensor, name: str) -> Units:
        """The units of a quantity: its median, and its median absolute deviation x 1.4826.

        Infinite and missing (NaN) values do not count. Where the deviation is zero, the standard
        deviation stands in for it; where that is zero too, the quantity is `constant`. Of a
        quantity that is nowhere known the units are 0 and 1.
        """
        known = values.detach().cpu().double().numpy()
        known = known[np.isfinite(known)]
        zero, scale, constant, notice = 0.0, 1.0, "", ""
        if known.size:
            zero = float(np.median(known))
            scale = NORMAL * float(np.median(np.abs(known - zero)))
            if scale == 0.0 and (scale := _deviation(known)) > 0.0:
                notice = f"the robust scale of `{name}` is 0: its standard deviation is used"
            if scale == 0.0:
                scale, constant = 1.0, f"`{name}` is {zero:g}"
        return cls(
            zero=torch.tensor(zero, dtype=torch.float64),
            scale=torch.tensor(scale, dtype=torch.float64),
            constant=constant,
            notice=notice,
        )

    @classmethod
    def stacked(cls, columns: Sequence[Units]) -> Units:
        """The units of several quantities as those of one, (columns)."""
        return cls(
            zero=torch.stack([each.zero for each in columns]),
            scale=torch.stack([each.scale for each in columns]),
            constant=next((each.constant for each in columns if each.constant), ""),
            notice="; ".join(each.notice for each in columns if each.notice),
        )

    def standardise(self, value: Tensor) -> Tensor:
        """Physical to standardised; NaN stays NaN."""
        zero, scale = self._on(value.device)
        return ((value.double() - zero) / scale).float()

    def physical(self, value: Tensor) -> Tensor:
        """Standardised to physical."""
        zero, scale = self._on(value.device)
        return (value.double() * scale + zero).float()

    def lengths(self, value: Tensor) -> Tensor:
        """Standardised differences to physical ones."""
        return (value.double() * self._on(value.device)[1]).float()

    def error(self, standardised: Tensor, physical: Tensor) -> Tensor:
        """How far a prediction is from its label, in physical units, float64; NaN without one.

        Exact to float32's resolution of the scale, however far the zero lies from 0.
        """
        zero, scale = self._on(physical.device)
        return (standardised.double() * scale - (physical.double() - zero)).abs()

    def _on(self, device: torch.device) -> tuple[Tensor, Tensor]:
        return self.zero.to(device), self.scale.to(device)


def _deviation(known: np.ndarray) -> float:
    """The standard deviation; 0 where all values are one, whatever their mean is rounded to."""
    return 0.0 if known.min() == known.max() else float(known.std())


UNIT = Units(zero=torch.zeros((), dtype=torch.float64), scale=torch.ones((), dtype=torch.float64))
"""Standardised is physical."""
