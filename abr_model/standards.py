"""What is measured once on the training split: units, priors of classes, colour of noise.

T samples of a recording, S static parameters, W waves, K classes. Statistics are computed in
float64 and are robust: the median, and the median absolute deviation scaled to a normal's standard
deviation. Multiplying a quantity by a power of two changes no standardised bit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import attrs
import numpy as np
import torch
from torch import Tensor

from abr_model.conditioning import STATICS, statics_of
from abr_model.diffusion import noise_colour

CLASSES = ("normal", "neuropathy", "sensorineural", "total", "conductive")
WAVES = ("i", "iii", "v")
_WAVEFORMS = 4000
"""Recordings, spread evenly over the split, whose waveforms are looked at: enough for a scale and a
spectrum, and no more than fits into memory however large the data."""


@attrs.frozen(kw_only=True, eq=False)
class Units:
    """Where a quantity's zero lies and how long its unit is: standardised = (x - zero) / scale.

    Both are float64, and so is the arithmetic; what comes out is float32.
    """

    zero: Tensor
    scale: Tensor
    constant: str = ""  # a quantity that is the same wherever it is known, and its value

    def standardise(self, value: Tensor) -> Tensor:
        """Physical to standardised; NaN stays NaN."""
        zero, scale = self.zero.to(value.device), self.scale.to(value.device)
        return ((value.double() - zero) / scale).float()

    def physical(self, value: Tensor) -> Tensor:
        """Standardised to physical."""
        return self.lengths(value) + self.zero.to(value.device).float()

    def lengths(self, value: Tensor) -> Tensor:
        """Standardised differences to physical ones."""
        return (value.double() * self.scale.to(value.device)).float()


@attrs.frozen(kw_only=True, eq=False)
class Standards:
    """Constants of the training split, kept with the model."""

    signal_uv: Units
    statics: Units  # (S,), logarithms where a parameter spans decades
    wave_latency_ms: Units  # (W,)
    wave_amplitude_uv: Units  # (W,)
    threshold_db: Units  # (1,)
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

    @classmethod
    def of_state(cls, tensors: Mapping[str, Tensor]) -> Standards:
        """Those of a model's state, where they are buffers. Notices are not repeated.

        Raises:
            KeyError, TypeError: the state is not that of a model of this version.
        """
        prefix = "constants."
        buffers = {n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)}
        found: dict[str, Any] = {"notices": ()}
        for name, value in buffers.items():
            quantity = name.removesuffix("_zero")
            if quantity != name:
                found[quantity] = Units(zero=value, scale=buffers[f"{quantity}_scale"])
            elif not name.endswith("_scale"):
                found[name] = value
        return cls(**found)


def measure(split: Any) -> Standards:
    """Measure them on a split. A quantity that does not vary keeps its own unit."""
    whole = split.batch(np.arange(len(split)))  # columns are gathered when they are read
    some = split.batch(np.unique(np.linspace(0, len(split) - 1, _WAVEFORMS).astype(np.int64)))
    notices: list[str] = []

    def units(values: Tensor, name: str) -> _Measured:
        return _units(values.double().numpy(), name, notices)

    def by_wave(values_NW: Tensor, name: str) -> Units:
        columns = zip(WAVES, values_NW.unbind(1), strict=True)
        return _stacked([units(column, f"wave {w.upper()} {name}") for w, column in columns])

    statics = zip(STATICS, statics_of(whole).unbind(1), strict=True)
    classes = whole["hearing_class"]
    counts = torch.bincount(classes[classes >= 0], minlength=len(CLASSES))
    signal = units(some["recording_uv"].flatten(), "recording_uv")
    return Standards(
        signal_uv=Units(
            zero=torch.zeros((), dtype=torch.float64),
            scale=torch.tensor(signal.scale, dtype=torch.float64),
        ),
        statics=_stacked([units(column, name) for name, column in statics]),
        wave_latency_ms=by_wave(whole["wave_latency_ms"], "latency"),
        wave_amplitude_uv=by_wave(whole["wave_amplitude_uv"], "amplitude"),
        threshold_db=_stacked([units(whole["threshold_db"], "threshold_db")]),
        class_prior=(counts / counts.sum().clamp_min(1)).float(),
        colour=_colour((some["half_a_uv"] - some["half_b_uv"]) / 2, notices),
        notices=tuple(notices),
    )


def _colour(noise_NT: Tensor, notices: list[str]) -> Tensor:
    """The colour of half-differences; NaN where a recording has no half-averages."""
    known = noise_NT.isfinite().all(1)
    if bool(known.any()):
        return noise_colour(noise_NT[known])
    notices.append("no recording has half-averages: noise is taken to be white")
    return torch.eye(noise_NT.shape[1])


def _units(values: np.ndarray, name: str, notices: list[str]) -> _Measured:
    known = values[np.isfinite(values)]
    if known.size == 0:
        return _Measured(0.0, 1.0)
    zero = float(np.median(known))
    scale = 1.4826 * float(np.median(np.abs(known - zero)))
    if scale == 0.0 and (scale := float(known.std())) > 0.0:
        notices.append(f"the robust scale of `{name}` is 0: its standard deviation is used")
    constant = f"`{name}` is {zero:g}" if scale == 0.0 else ""
    return _Measured(zero, scale or 1.0, constant)


def _stacked(found: Sequence[_Measured]) -> Units:
    return Units(
        zero=torch.tensor([each.zero for each in found], dtype=torch.float64),
        scale=torch.tensor([each.scale for each in found], dtype=torch.float64),
        constant=next((each.constant for each in found if each.constant), ""),
    )


class _Measured(NamedTuple):
    zero: float
    scale: float
    constant: str = ""
