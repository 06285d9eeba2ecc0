"""How an ear answers a click of some level: latencies and amplitudes of waves I, III and V.

S ears, each at one level in dB nHL. Means and spreads are those of `norms`; what is said of losses
follows Hall (2007) and Katz (2015).
"""

from __future__ import annotations

import numpy as np

from abr_model.data import norms
from abr_model.data.ears import (
    NEUROPATHY,
    SENSORINEURAL,
    TYPICAL_THRESHOLD_DB,
    Array,
    Ears,
)
from abr_model.data.recordings import CLASSES, WAVES

# Of the norms' spread this much is the ear's own. Its threshold, its rate and how the filter and
# the neighbours of a wave move the peak are the rest.
_OWN_SPREAD = 0.65
_THRESHOLD_COUNTS = 0.7  # of each dB that an ear hears worse than others without loss
_FILTER_DELAYS_MS = (0.08, 0.10, 0.09)  # on average; the norms are of filtered recordings
_CENTRAL_DELAY_MS = 0.8  # of wave V in neuropathy: I-V beyond 4.3 ms


def latencies_ms(ears: Ears, level_db: Array) -> Array:
    """(S, 3) where waves I, III and V of each ear lie at its level (S,), response or none.

    An air-bone gap shifts the latency-intensity function right by itself, intervals unchanged.
    Cochlear loss delays near threshold, hardly at high level, and above 50 dB by 0.1 ms for 10 dB
    more. Neuropathy lengthens I-V beyond 4.3 ms. Infants' waves III and V are late, and so are all
    at a high rate.
    """
    reached = _reached_db(ears, level_db)
    sensation = np.maximum(level_db - ears.threshold_db, 0)
    near = np.where(ears.loss_db > 0, 0.8 * np.exp(-sensation / 15), 0.0)
    severe = 0.01 * np.maximum(ears.loss_db - 50, 0)
    central = np.where(ears.hearing_class == NEUROPATHY, _CENTRAL_DELAY_MS, 0.0)
    columns = []
    for place, (wave, share) in enumerate(zip(WAVES, (0.0, 0.5, 1.0), strict=True)):
        own = _OWN_SPREAD * ears.latency_z[:, place] * norms.normal_latency_sd_ms(wave, reached)
        late = norms.rate_delay_ms(wave, ears.rate_hz) + norms.infant_delay_ms(wave, ears.age_years)
        mean = norms.normal_latency_ms(wave, reached)
        columns.append(
            mean - _FILTER_DELAYS_MS[place] + own + late + near + severe + share * central
        )
    return np.stack(columns, axis=1)


def amplitudes_uv(ears: Ears, level_db: Array) -> Array:
    """(S, 3) amplitudes of waves I, III and V at each ear's level (S,); 0 below its threshold.

    Wave V is the norm at the level that passes the air-bone gap, times a growth that starts at a
    quarter at threshold. Wave I falls faster with level. Cochlear loss takes more from wave I than
    from V; neuropathy takes wave I and leaves a low wave V.
    """
    passed = level_db - ears.gap_db
    above = level_db - ears.threshold_db
    # The norms are of ears that hear like most: relative to those a growth of 1.
    growth = _growth(above) / _growth(np.maximum(passed - TYPICAL_THRESHOLD_DB, 5))
    wave_v = np.where(above >= 0, norms.normal_wave_v_amplitude_uv(passed) * growth, 0.0)
    share_i = 0.6 * np.clip((passed - 25) / 50, 0, 1)
    share_iii = 0.3 + 0.35 * np.clip((passed - 15) / 50, 0, 1)
    by_class = np.ones((len(CLASSES), len(WAVES)))
    by_class[SENSORINEURAL] = [0.35, 0.6, 0.8]
    by_class[NEUROPATHY] = [0.0, 0.2, 0.35]
    shares = np.stack([share_i, share_iii, np.ones_like(share_i)], axis=1)
    return wave_v[:, None] * shares * by_class[ears.hearing_class] * ears.amplitude_factor


def _reached_db(ears: Ears, level_db: Array) -> Array:
    """What reaches the cochlea, as if it heard like most."""
    worse = ears.healthy_threshold_db - TYPICAL_THRESHOLD_DB
    return level_db - ears.gap_db - _THRESHOLD_COUNTS * worse


def _growth(above_db: Array) -> Array:
    return 1 - 0.75 * np.exp(-np.maximum(above_db, 0) / 8)
