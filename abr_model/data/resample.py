"""Bring a recording to 20 kHz, from stimulus onset."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import SAMPLE_RATE_HZ

_ZERO_CROSSINGS = 16  # of the sinc on each side
_KAISER_BETA = 8.0  # about 80 dB of stop-band attenuation
_PASS = 0.9  # cutoff as a share of the lower Nyquist frequency


def resample(
    samples: NDArray[np.float64], period_us: float, onset: float, points: int
) -> NDArray[np.float64]:
    """(T, C) samples at 20 kHz from `onset` (in input samples, counted from 0) of (n, C) channels.

    The first sample must belong to the recording, not to what lies before it. A sinc with a Kaiser
    window serves as the anti-alias filter; beyond both ends the outermost samples are held. Input
    at 20 kHz is cropped and nothing else.
    """
    step = 1e6 / SAMPLE_RATE_HZ / period_us
    if step == 1 and onset == int(onset):
        return samples[int(onset) : int(onset) + points]
    cutoff = _PASS * min(1.0, 1 / step)  # as a share of the input's Nyquist frequency
    margin = int(np.ceil(_ZERO_CROSSINGS / cutoff))
    held = np.pad(samples, ((margin, margin), (0, 0)), mode="edge")
    wanted = onset + margin + step * np.arange(points)
    distance = wanted[:, None] - np.arange(len(held))
    inside = np.clip(1 - np.square(distance / margin), 0, None)
    weights = np.sinc(cutoff * distance) * np.i0(_KAISER_BETA * np.sqrt(inside)) * (inside > 0)
    return (weights / weights.sum(axis=1, keepdims=True)) @ held


def points_available(samples: int, period_us: float, onset: float) -> int:
    """How many points at 20 kHz from onset lie within this many input samples."""
    return int(np.floor((samples - 1 - onset) * period_us * SAMPLE_RATE_HZ / 1e6 + 1e-9)) + 1
