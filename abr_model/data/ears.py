"""Synthetic ears: what a subject has and how it answers a click.

S subjects, one ear each. Every quantity has a stream of random numbers of its own, of which subject
number s takes the s-th: more subjects move none of those before them.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data import norms
from abr_model.data.recordings import CLASSES, WAVES

CLASS_SHARES = (0.797, 0.008, 0.106, 0.033, 0.056)  # as in a clinic's 2,038 patients
RATES_HZ = (21.1, 27.7, 33.7, 39.1, 46.9)
NORMAL, NEUROPATHY, SENSORINEURAL, TOTAL, CONDUCTIVE = range(len(CLASSES))

# Streams: one number for each quantity of an ear; those of a recording come after `EAR_STREAMS`.
_CLASS, _AGE, _RATE, _BASE, _LOSS, _RESPONDS, _LATENCY, _AMPLITUDE, _NOISE, _INFANT, _SPLIT = range(
    11
)
EAR_STREAMS = 16
_MASK_64 = (1 << 64) - 1
_GOLDEN = (5**0.5 - 1) / 2


def generator(seed: int, stream: int) -> np.random.Generator:
    """The numbers of one stream of a seed; streams of one seed never overlap (Philox keys)."""
    return np.random.Generator(np.random.Philox(key=[seed & _MASK_64, stream]))


def hearing_classes(subjects: int, seed: int) -> NDArray[np.int64]:
    """(S,) the class of each subject, index into CLASSES.

    Subjects step through [0, 1) by the golden ratio from a random start. So any number of them has
    each class in its share to within a subject or two, and a rare class is not left to chance.
    """
    start = generator(seed, _CLASS).random()
    places = (start + _GOLDEN * np.arange(subjects)) % 1
    return np.searchsorted(np.cumsum(CLASS_SHARES)[:-1], places, side="right")


def split_places(hearing_class: NDArray[np.int64], seed: int) -> NDArray[np.float64]:
    """(S,) where each subject lies in [0, 1), by which subjects are split.

    The subjects of a class, in order, step by the golden ratio from a random start. So later
    subjects move none before them, and any eight in a row come into every part of [0, 1) that is
    at least 0.146 long (the longest gap that eight such steps leave): with eight subjects or more,
    a class is in every split of 15 %.
    """
    places = np.empty(len(hearing_class))
    starts = generator(seed, _SPLIT).random(len(CLASSES))
    for hearing, start in enumerate(starts):
        own = hearing_class == hearing
        places[own] = (start + _GOLDEN * np.arange(np.count_nonzero(own))) % 1
    return places


@attrs.frozen(kw_only=True, eq=False)
class Ears:
    """S ears. All arrays have the shape (S,) but for `latency_shift_ms` (S, 3)."""

    hearing_class: NDArray[np.int64]
    age_years: NDArray[np.float64]
    rate_hz: NDArray[np.float64]
    threshold_db: NDArray[np.float64]  # dB nHL; infinite where the ear gives no response
    gap_db: NDArray[np.float64]  # air-bone gap; 0 unless conductive
    loss_db: NDArray[np.float64]  # cochlear loss; 0 unless sensorineural
    latency_shift_ms: NDArray[np.float64]  # of waves I, III, V: the ear, its age and its rate
    amplitude_factor: NDArray[np.float64]  # the ear's, about 1
    noise_place: NDArray[np.float64]  # how noisy the subject is, 0 to 1

    def __len__(self) -> int:
        return len(self.hearing_class)


def make_ears(subjects: int, seed: int) -> Ears:
    """Draw the first `subjects` ears of a seed. Age and rate are independent of the class."""
    draw = {stream: generator(seed, stream).random(subjects) for stream in range(1, _LATENCY)}
    hearing = hearing_classes(subjects, seed)
    infant = generator(seed, _INFANT).random(subjects) < 0.15
    age = np.where(infant, 2 * draw[_AGE], 2 + 83 * draw[_AGE])
    rate = np.asarray(RATES_HZ)[(draw[_RATE] * len(RATES_HZ)).astype(int)]

    gap = np.where(hearing == CONDUCTIVE, 20 + 30 * draw[_LOSS], 0.0)
    loss = np.where(hearing == SENSORINEURAL, 25 + 45 * draw[_LOSS], 0.0)
    threshold = 4 + 14 * draw[_BASE] + gap + loss
    # Neuropathy: a response is present in about a fifth of ears, and then only at high levels.
    threshold = np.where(hearing == NEUROPATHY, 40 + 30 * draw[_LOSS], threshold)
    silent = (hearing == TOTAL) | ((hearing == NEUROPATHY) & (draw[_RESPONDS] > 0.2))
    threshold = np.where(silent, np.inf, threshold)

    own = generator(seed, _LATENCY).standard_normal((subjects, len(WAVES)))
    own = own * [0.10, 0.07, 0.07]  # wave I, then the intervals I-III and III-V, in ms
    shift = np.cumsum(own, axis=1)
    for index, wave in enumerate(WAVES):
        shift[:, index] += norms.rate_delay_ms(wave, rate) + norms.infant_delay_ms(wave, age)
    factor = np.exp(0.2 * generator(seed, _AMPLITUDE).standard_normal(subjects))
    return Ears(
        hearing_class=hearing,
        age_years=age,
        rate_hz=rate,
        threshold_db=threshold,
        gap_db=gap,
        loss_db=loss,
        latency_shift_ms=shift,
        amplitude_factor=factor,
        noise_place=generator(seed, _NOISE).random(subjects),
    )


def latencies_ms(ears: Ears, level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, 3) where waves I, III and V of each ear lie at its level (S,), response or none.

    An air-bone gap shifts the latency-intensity function right by itself, intervals unchanged.
    Cochlear loss delays near threshold, hardly at high level, and above 50 dB by 0.1 ms for 10 dB
    more. Neuropathy lengthens I-V beyond 4.3 ms.
    """
    reached = level_db - ears.gap_db
    sensation = np.maximum(level_db - ears.threshold_db, 0)
    near = np.where(ears.loss_db > 0, 0.8 * np.exp(-sensation / 15), 0.0)
    severe = 0.01 * np.maximum(ears.loss_db - 50, 0)
    central = np.where(ears.hearing_class == NEUROPATHY, 0.8, 0.0)
    late = {"I": near + severe, "III": near + severe + central / 2, "V": near + severe + central}
    columns = [norms.normal_latency_ms(wave, reached) + late[wave] for wave in WAVES]
    return np.stack(columns, axis=1) + ears.latency_shift_ms


def amplitudes_uv(ears: Ears, level_db: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S, 3) amplitudes of waves I, III and V at each ear's level (S,); 0 below its threshold.

    Wave V is the norm at the level that passes the air-bone gap, times a growth that starts at the
    threshold. Wave I falls faster with level. Cochlear loss takes more from wave I than from V;
    neuropathy takes wave I and leaves a low wave V.
    """
    reached = level_db - ears.gap_db
    above = level_db - ears.threshold_db
    growth = np.where(above >= 0, 1 - 0.6 * np.exp(-np.maximum(above, 0) / 8), 0.0)
    wave_v = norms.normal_wave_v_amplitude_uv(reached) * growth * ears.amplitude_factor
    ratio_i = 0.6 * np.clip((reached - 25) / 50, 0, 1)
    ratio_iii = 0.25 + 0.4 * np.clip((reached - 15) / 50, 0, 1)
    by_class = np.ones((len(CLASSES), len(WAVES)))
    by_class[SENSORINEURAL] = [0.35, 0.6, 0.8]
    by_class[NEUROPATHY] = [0.0, 0.2, 0.35]
    ratios = np.stack([ratio_i, ratio_iii, np.ones_like(ratio_i)], axis=1)
    return wave_v[:, None] * ratios * by_class[ears.hearing_class]
