"""The slow steady-state response: middle-latency waves that overlap at usual stimulus rates.

At 20 to 50 clicks per second the middle-latency responses to successive clicks add up to nearly a
sinusoid of the stimulus rate (Galambos et al. 1981, the 40-Hz response). A high pass of 100 Hz
takes most of it away, one of 30 Hz little; what is left tilts the recording, as it does in life.

S ears, T points at 20 kHz from onset.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.clinic import Clinics, gain_at
from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.data.streams import Ear, of_ears

Array = NDArray[np.float64]

LARGEST_SHARE = 1.2  # of wave V's amplitude, from middle to peak; 0.4 of it on average


def draw_steady(subjects: int, seed: int) -> Array:
    """(S, 2) its share of wave V's amplitude and its phase, for each ear."""
    uniform = of_ears(seed, Ear.STEADY).random((subjects, 2))
    return np.stack([LARGEST_SHARE * uniform[:, 0] ** 2, 2 * np.pi * uniform[:, 1]], axis=1)


def steady_uv(
    steady: Array,
    wave_v_uv: Array,
    wave_v_ms: Array,
    rate_hz: Array,
    clinics: Clinics,
    points: int,
) -> NDArray[np.float32]:
    """(S, T) the steady-state response behind the filter, in µV; it comes later with wave V."""
    share, phase = steady.T
    height = share * wave_v_uv * np.abs(gain_at(clinics, rate_hz[:, None])[:, 0])
    time_ms = np.arange(points, dtype=np.float32) * np.float32(1000 / SAMPLE_RATE_HZ)
    per_ms = (2 * np.pi / 1000 * rate_hz).astype(np.float32)
    start = (phase - 2 * np.pi / 1000 * rate_hz * wave_v_ms).astype(np.float32)
    return height.astype(np.float32)[:, None] * np.cos(per_ms[:, None] * time_ms + start[:, None])
