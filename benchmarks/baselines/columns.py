"""A batch of recordings as numpy arrays, and the band that waves are read in.

N recordings, T points at 20 kHz from onset, W = 3 waves (I, III, V).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from abr_model.data.norms import infant_delay_ms, normal_latency_ms, rate_delay_ms
from abr_model.data.recordings import SAMPLE_RATE_HZ, WAVES

Array = NDArray[np.float64]
Columns = Mapping[str, NDArray[Any]]

PER_MS = SAMPLE_RATE_HZ / 1000
NEEDED = (
    "recording_uv",
    "half_a_uv",
    "half_b_uv",
    "truth_uv",
    "level_db",
    "age_years",
    "rate_hz",
    "noise_uv",
    "subject",
    "hearing_class",
    "wave_present",
    "wave_latency_ms",
    "wave_amplitude_uv",
    "threshold_db",
)


def columns_of(batch: Mapping[str, Any]) -> Columns:
    """What baselines read of a batch of tensors."""
    return {name: batch[name].numpy() for name in NEEDED}


def band_pass(signal_NT: NDArray[Any], low_hz: float, high_hz: float) -> Array:
    """Zero-phase Butterworth of second order, forwards and backwards; the ends are reflected."""
    edges = (low_hz, high_hz)
    sections = signal.butter(2, edges, "bandpass", fs=SAMPLE_RATE_HZ, output="sos")
    padding = min(signal_NT.shape[1] - 1, 250)
    found: Array = signal.sosfiltfilt(
        sections, np.asarray(signal_NT, float), axis=1, padtype="even", padlen=padding
    )
    return found


def expected_ms(columns: Columns) -> Array:
    """(N, W) where adults' norms put each wave at the level, the rate and the age.

    Where rate or age is not known, as for adults at 20 per second.
    """
    rate, age = np.nan_to_num(columns["rate_hz"], nan=20.0), columns["age_years"]
    age = np.nan_to_num(age, nan=30.0)
    found = [
        normal_latency_ms(wave, columns["level_db"])
        + rate_delay_ms(wave, rate)
        + infant_delay_ms(wave, age)
        for wave in WAVES
    ]
    return np.stack(found, 1)
