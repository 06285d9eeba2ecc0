"""Synthetic ears: who they are.

S subjects, one ear each. How an ear answers a click is in `intensity`.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import CLASSES, WAVES
from abr_model.data.streams import GOLDEN, Ear, of_ears

Array = NDArray[np.float64]

CLASS_SHARES = (0.797, 0.008, 0.106, 0.033, 0.056)  # as in a clinic's 2,038 patients
RATES_HZ = (21.1, 27.7, 33.7, 37.1, 39.1, 46.9)
NORMAL, NEUROPATHY, SENSORINEURAL, TOTAL, CONDUCTIVE = range(len(CLASSES))
TYPICAL_THRESHOLD_DB = 11.0  # dB nHL, of ears without loss, which lie within 7 dB of it
_NEUROPATHY_RESPONDS = 0.2  # in about a fifth of ears there is a response
_FARTHEST_SD = 2.2  # from the mean latency


def hearing_classes(subjects: int, seed: int) -> NDArray[np.int64]:
    """(S,) the class of each subject, index into CLASSES.

    Subjects step through [0, 1) by the golden ratio from a random start. So any number of them has
    each class in its share to within a subject or two, and a rare class is not left to chance.
    """
    start = of_ears(seed, Ear.CLASS).random()
    places = (start + GOLDEN * np.arange(subjects)) % 1
    return np.searchsorted(np.cumsum(CLASS_SHARES)[:-1], places, side="right")


def split_places(hearing_class: NDArray[np.int64], seed: int) -> Array:
    """(S,) where each subject lies in [0, 1), by which subjects are split.

    The subjects of a class, in order, step by the golden ratio from a random start. So later
    subjects move none before them, and any eight in a row come into every part of [0, 1) that is
    at least 0.146 long (the longest gap that eight such steps leave): with eight subjects or more,
    a class is in every split of 15 %.
    """
    places = np.empty(len(hearing_class))
    starts = of_ears(seed, Ear.SPLIT).random(len(CLASSES))
    for hearing, start in enumerate(starts):
        own = hearing_class == hearing
        places[own] = (start + GOLDEN * np.arange(np.count_nonzero(own))) % 1
    return places


@attrs.frozen(kw_only=True, eq=False)
class Ears:
    """S ears. All arrays have the shape (S,) but for those of waves I, III and V, (S, 3)."""

    hearing_class: NDArray[np.int64]
    age_years: Array
    rate_hz: Array
    threshold_db: Array  # dB nHL; infinite where the ear gives no response
    healthy_threshold_db: Array  # what it would be without gap, loss or neuropathy
    gap_db: Array  # air-bone gap; 0 unless conductive
    loss_db: Array  # cochlear loss at 4 kHz; 0 unless sensorineural
    latency_z: Array  # (S, 3) standard deviations from the mean, the same at every level
    amplitude_factor: Array  # (S, 3) about 1

    def __len__(self) -> int:
        return len(self.hearing_class)


def make_ears(subjects: int, seed: int) -> Ears:
    """Draw the first `subjects` ears of a seed."""
    return ears_of(hearing_classes(subjects, seed), seed)


def ears_of(hearing: NDArray[np.int64], seed: int) -> Ears:
    """Draw an ear for each class (S,). Age and rate are independent of it."""
    subjects = len(hearing)
    age, infant, rate, base, loss, responds = (
        of_ears(seed, quantity).random(subjects)
        for quantity in (Ear.AGE, Ear.INFANT, Ear.RATE, Ear.BASE, Ear.LOSS, Ear.RESPONDS)
    )
    healthy = TYPICAL_THRESHOLD_DB + 14 * (base - 0.5)
    gap_db = np.where(hearing == CONDUCTIVE, 20 + 30 * loss, 0.0)
    loss_db = np.where(hearing == SENSORINEURAL, 25 + 45 * loss, 0.0)
    threshold = healthy + gap_db + loss_db
    threshold = np.where(hearing == NEUROPATHY, 40 + 30 * loss, threshold)
    deaf_nerve = (hearing == NEUROPATHY) & (responds > _NEUROPATHY_RESPONDS)
    threshold = np.where((hearing == TOTAL) | deaf_nerve, np.inf, threshold)
    return Ears(
        hearing_class=hearing,
        age_years=np.where(infant < 0.15, 2 * age, 2 + 83 * age),
        rate_hz=np.asarray(RATES_HZ)[(rate * len(RATES_HZ)).astype(int)],
        threshold_db=threshold,
        healthy_threshold_db=healthy,
        gap_db=gap_db,
        loss_db=loss_db,
        latency_z=_latency_z(subjects, seed),
        amplitude_factor=_amplitude_factor(subjects, seed),
    )


def _latency_z(subjects: int, seed: int) -> Array:
    """Waves of an ear correlate by one half, which gives intervals the spread of the norms."""
    normal = of_ears(seed, Ear.LATENCY).standard_normal((subjects, 1 + len(WAVES)))
    both = np.sqrt(0.5) * (normal[:, :1] + normal[:, 1:])
    return np.clip(both, -_FARTHEST_SD, _FARTHEST_SD)


def _amplitude_factor(subjects: int, seed: int) -> Array:
    """The root of wave V's amplitude is near normal; waves I and III vary beside it."""
    normal = of_ears(seed, Ear.AMPLITUDE).standard_normal((subjects, len(WAVES)))
    wave_v = np.square(1 + 0.11 * np.clip(normal[:, 2], -3, 3))
    beside = np.exp(np.clip(normal[:, :2], -2.5, 2.5) * [0.35, 0.35])
    return np.concatenate([wave_v[:, None] * beside, wave_v[:, None]], axis=1)
