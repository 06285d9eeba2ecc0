"""Latencies and amplitudes of the click-evoked response of adults with normal hearing.

Latencies are in ms after onset at a reference rate of 20 clicks per second: Atcherson & Stoody
(2012), Hall (2007) and Katz (2015). Amplitudes of wave V are in µV: Elberling et al. (2010). Levels
are in dB nHL. Between the levels of a table values are interpolated; beyond them they follow the
stated slopes, which are assumptions.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# wave: (levels in dB nHL, means in ms, standard deviations in ms)
LATENCY_NORMS: dict[str, tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = {
    "I": (
        (40, 50, 60, 70, 80, 90),
        (3.01, 2.43, 2.04, 1.82, 1.62, 1.53),
        (0.25, 0.17, 0.20, 0.17, 0.12, 0.11),
    ),
    "III": (
        (20, 30, 40, 50, 60, 70, 80, 90),
        (5.56, 5.45, 4.94, 4.60, 4.06, 3.85, 3.68, 3.58),
        (0.57, 0.30, 0.25, 0.23, 0.21, 0.13, 0.08, 0.09),
    ),
    "V": (
        (20, 30, 40, 50, 60, 70, 80, 90),
        (7.52, 7.24, 6.65, 6.19, 5.88, 5.64, 5.47, 5.37),
        (0.63, 0.42, 0.32, 0.32, 0.25, 0.16, 0.14, 0.12),
    ),
}
# levels in dB nHL, means and standard deviations in µV
WAVE_V_AMPLITUDE_NORMS = ((20.0, 40.0, 60.0), (0.256, 0.368, 0.407), (0.061, 0.092, 0.091))

_LATER_BELOW_MS_PER_DB = {"I": 0.045, "III": 0.03, "V": 0.04}  # below the table's lowest level
_AMPLITUDE_POINTS = ((-20.0, 0.0, 20.0, 40.0, 60.0, 90.0), (0.03, 0.14, 0.256, 0.368, 0.407, 0.44))


def normal_latency_ms(wave: str, level_db: Any) -> Array:
    """Mean latency of wave I, III or V at each level, in ms; no earlier above 90 dB nHL."""
    levels, means, _ = LATENCY_NORMS[wave]
    level = np.asarray(level_db, float)
    below = np.maximum(levels[0] - level, 0)
    return np.interp(level, levels, means) + below * _LATER_BELOW_MS_PER_DB[wave]


def normal_latency_sd_ms(wave: str, level_db: Any) -> Array:
    """Standard deviation of that latency between ears, in ms, held beyond the table's ends."""
    levels, _, sds = LATENCY_NORMS[wave]
    return np.interp(np.asarray(level_db, float), levels, sds)


def normal_wave_v_amplitude_uv(level_db: Any) -> Array:
    """Mean amplitude of wave V at each level, peak to following trough, in µV."""
    return np.interp(np.asarray(level_db, float), *_AMPLITUDE_POINTS)


def rate_delay_ms(wave: str, rate_hz: Any) -> Array:
    """How much later a wave is than at 20 clicks per second: 0.39 ms for wave V at 90 per second.

    Wave I moves a quarter as much and wave III half as much.
    """
    share = {"I": 0.25, "III": 0.5, "V": 1.0}[wave]
    return share * 0.39 * (np.asarray(rate_hz, float) - 20) / 70


def infant_delay_ms(wave: str, age_years: Any) -> Array:
    """How much later waves III and V are in infants: 0.3 and 0.6 ms at birth, gone by two years."""
    at_birth = {"I": 0.0, "III": 0.3, "V": 0.6}[wave]
    return at_birth * np.exp(-np.asarray(age_years, float) / 0.6)
