"""What is measured once on the training split: units, priors of classes, colour of noise.

T samples of a recording, S static parameters, W waves, K classes. Units are robust, and multiplying
a quantity by a power of two changes no standardised bit: see `curriculum.standardise`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from abr_model.conditioning import STATICS, statics_of
from abr_model.diffusion import noise_colour
from curriculum.standardise import Units

CLASSES = ("normal", "neuropathy", "sensorineural", "total", "conductive")
WAVES = ("i", "iii", "v")
_WAVEFORMS = 4000
"""Recordings, spread evenly over the split, whose waveforms are looked at: enough for a scale and a
spectrum, and no more than fits into memory however large the data."""


@attrs.frozen(kw_only=True, eq=False)
class Standards:
    """Constants of the training split, kept with the model."""

    signal_uv: Units
    conditions: Units  # (S,) of static parameters, as `conditioning.statics_of` gives them
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

    def units(values: Tensor, name: str) -> Units:
        found = Units.of(values, name)
        notices.extend([found.notice] if found.notice else [])
        return found

    def by_wave(values_NW: Tensor, name: str) -> Units:
        columns = zip(WAVES, values_NW.unbind(1), strict=True)
        return Units.stacked([units(column, f"wave {w.upper()} {name}") for w, column in columns])

    classes = whole["hearing_class"]
    counts = torch.bincount(classes[classes >= 0], minlength=len(CLASSES))
    measured = units(some["recording_uv"].flatten(), "recording_uv")
    signal = attrs.evolve(measured, zero=torch.zeros_like(measured.zero))  # 0 µV is no response
    statics = zip(STATICS, statics_of(whole, signal).unbind(1), strict=True)
    return Standards(
        signal_uv=signal,
        conditions=Units.stacked([units(column, name) for name, column in statics]),
        wave_latency_ms=by_wave(whole["wave_latency_ms"], "latency"),
        wave_amplitude_uv=by_wave(whole["wave_amplitude_uv"], "amplitude"),
        threshold_db=Units.stacked([units(whole["threshold_db"], "threshold_db")]),
        class_prior=(counts / counts.sum().clamp_min(1)).float(),
        colour=_colour((some["half_a_uv"] - some["half_b_uv"]) / 2, notices),
        notices=tuple(notices),
    )


def _colour(noise_NT: Tensor, notices: list[str]) -> Tensor:
    """The colour of half-differences; NaN where a recording has no half-averages."""
    known = noise_NT.isfinite().all(1) & (noise_NT != 0).any(1)
    if bool(known.any()):
        return noise_colour(noise_NT[known])
    notices.append("no recording has half-averages that differ: noise is taken to be white")
    return torch.eye(noise_NT.shape[1])
