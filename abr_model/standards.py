"""What is measured once on the training split: units, priors of classes, colour of noise.

T samples of a recording, S static parameters, W waves, K classes. Statistics are computed in
float64 and are robust: the median, and the median absolute deviation scaled to a normal's standard
deviation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from abr_model.conditioning import LOGARITHMIC, STATICS
from abr_model.diffusion import noise_colour
from curriculum.errors import DataError

CLASSES = ("normal", "neuropathy", "sensorineural", "total", "conductive")
WAVES = ("i", "iii", "v")
_COLOUR_RECORDS = 4000  # recordings that the noise's colour is estimated from


@attrs.frozen(kw_only=True, eq=False)
class Units:
    """Where a quantity's zero lies and how long its unit is: standardised = (x - zero) / scale."""

    zero: Tensor
    scale: Tensor

    def standardise(self, value: Tensor) -> Tensor:
        """Physical to standardised; NaN stays NaN."""
        return (value - self.zero.to(value.device)) / self.scale.to(value.device)

    def physical(self, value: Tensor) -> Tensor:
        """Standardised to physical."""
        return value * self.scale.to(value.device) + self.zero.to(value.device)


@attrs.frozen(kw_only=True, eq=False)
class Standards:
    """Constants of the training split, kept with the model."""

    signal_uv: Units
    statics: Units  # (S,), logarithms where a parameter spans decades
    wave_latency_ms: Units  # (W,)
    wave_amplitude_uv: Units  # (W,)
    threshold_db: Units
    class_prior: Tensor  # (K,)
    colour: Tensor  # (T, T)
    notices: tuple[str, ...]

    def buffers(self) -> Mapping[str, Tensor]:
        """All of them by name, for the checkpoint."""
        found: dict[str, Tensor] = {}
        for field in attrs.fields(Standards):
            value = getattr(self, field.name)
            if isinstance(value, Units):
                found[f"{field.name}_zero"], found[f"{field.name}_scale"] = value.zero, value.scale
            elif isinstance(value, Tensor):
                found[field.name] = value
        return found


def measure(split: Any, chunk: int = 2048) -> Standards:
    """Measure them on a split.

    Raises:
        DataError: a target is the same wherever it is known, or the noise cannot be estimated.
    """
    batches = [
        split.batch(np.arange(start, min(start + chunk, len(split))))
        for start in range(0, len(split), chunk)
    ]

    def column(name: str, change: Callable[[Tensor], Tensor] = lambda x: x) -> np.ndarray:
        return np.concatenate([change(batch[name].double()).numpy() for batch in batches])

    notices: list[str] = []
    statics = [
        _units(column(name, torch.log) if name in LOGARITHMIC else column(name), name, notices)
        for name in STATICS
    ]
    latency, amplitude = column("wave_latency_ms"), column("wave_amplitude_uv")
    classes = column("hearing_class").astype(int)
    counts = np.bincount(classes[classes >= 0], minlength=len(CLASSES))
    signal = _units(column("recording_uv").ravel(), "recording_uv", notices, target=True)
    halves = (column("half_a_uv") - column("half_b_uv"))[:_COLOUR_RECORDS] / 2
    return Standards(
        signal_uv=Units(zero=torch.zeros(()), scale=torch.tensor(signal[1]).float()),
        statics=_stacked(statics),
        wave_latency_ms=_stacked(
            [_units(latency[:, w], f"wave {n} latency", notices, target=True) for w, n in _waves()]
        ),
        wave_amplitude_uv=_stacked(
            [
                _units(amplitude[:, w], f"wave {n} amplitude", notices, target=True)
                for w, n in _waves()
            ]
        ),
        threshold_db=_stacked(
            [_units(column("threshold_db"), "threshold_db", notices, target=True)]
        ),
        class_prior=torch.from_numpy(counts / max(1, counts.sum())).float(),
        colour=noise_colour(torch.from_numpy(halves)),
        notices=tuple(notices),
    )


def _waves() -> list[tuple[int, str]]:
    return [(place, name.upper()) for place, name in enumerate(WAVES)]


def _units(
    values: np.ndarray, name: str, notices: list[str], *, target: bool = False
) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    if known.size == 0:
        return 0.0, 1.0
    zero = float(np.median(known))
    scale = 1.4826 * float(np.median(np.abs(known - zero)))
    if scale == 0.0:
        scale = float(known.std())
        if scale > 0.0:
            notices.append(f"the robust scale of `{name}` is 0: its standard deviation is used")
    if scale == 0.0 and target:
        raise DataError(
            "a target must vary over the training split",
            found=f"`{name}` = {zero:g} everywhere",
            hint="Leave its task off, or add recordings",
        )
    return zero, scale or 1.0


def _stacked(pairs: list[tuple[float, float]]) -> Units:
    zero, scale = torch.tensor(pairs, dtype=torch.float64).float().unbind(1)
    return Units(zero=zero, scale=scale)
