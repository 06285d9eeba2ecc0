"""Recordings of synthetic ears.

A subject is a function of (seed, subject), a recording of (seed, subject, its number): adding
subjects or recordings changes none of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.answers import Answers, answers_in_parts
from abr_model.data.artefact import artefact_uv, make_artefacts
from abr_model.data.clinic import filtered, make_clinics, transfer
from abr_model.data.ears import Ears, make_ears
from abr_model.data.levels import levels_db, sweeps
from abr_model.data.noise import half_noise_uv, make_noise
from abr_model.data.recordings import Recordings, points_in
from abr_model.data.streams import Recording, of_recordings, rows_of
from abr_model.data.waveform import LONGEST

GENERATOR_VERSION = 5  # part of the fingerprint: raise it when the same seed gives other recordings


def subject_name(seed: int, subject: int) -> str:
    """The name that a synthetic subject goes by; subjects of other seeds are other subjects."""
    return f"synthetic-{seed}-{subject}"


def make_recordings(
    subjects: int, recordings_per_subject: int, window_ms: float, seed: int
) -> Recordings:
    """All recordings of the first `subjects` ears: subject by subject, in order of their number."""
    ears = make_ears(subjects, seed)
    numbers = range(recordings_per_subject)
    parts = [_together(_parts(ears, number, points_in(window_ms), seed)) for number in numbers]
    # (S, R, ...) from R blocks of S
    columns = {
        name: np.stack([part[name] for part in parts], axis=1).reshape(
            -1, *parts[0][name].shape[1:]
        )
        for name in parts[0]
    }
    return Recordings(**columns)


def iter_recordings(
    subjects: int, recordings_per_subject: int, window_ms: float, seed: int
) -> Iterator[Recordings]:
    """The same recordings in another order, some hundred at once: all first ones, all second ones.

    For data sets that are larger than memory.
    """
    ears = make_ears(subjects, seed)
    for number in range(recordings_per_subject):
        for columns in _parts(ears, number, points_in(window_ms), seed):
            yield Recordings(**columns)


def _together(parts: Iterable[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    listed = list(parts)
    return {name: np.concatenate([part[name] for part in listed]) for name in listed[0]}


def _parts(ears: Ears, number: int, points: int, seed: int) -> Iterator[dict[str, NDArray[Any]]]:
    """Recording `number` of each ear, some subjects at once: arrays of first dimension S."""
    subjects = len(ears)
    level_db, averaged = levels_db(subjects, number, seed), sweeps(subjects, number, seed)
    clinics, artefacts = make_clinics(subjects, seed), make_artefacts(level_db, seed)
    noise = make_noise(averaged, number, seed)
    white = of_recordings(seed, number, Recording.WHITE)
    for part, found in answers_in_parts(ears, level_db, number, points, seed):
        some, gain = rows_of(ears, part), transfer(rows_of(clinics, part))
        draws = white.standard_normal((len(gain), 2, 2, gain.shape[1]), np.float32)
        halves = half_noise_uv(rows_of(noise, part), np.abs(gain), draws)[:, :, :points]
        artefact = filtered(artefact_uv(rows_of(artefacts, part), LONGEST), gain)[:, :points]
        halves += (found.truth_uv + artefact)[:, None]
        yield {
            "recording_uv": halves.mean(axis=1),
            "half_a_uv": halves[:, 0],
            "half_b_uv": halves[:, 1],
            "sweeps": averaged[part],
            "level_db": level_db[part],
            "age_years": some.age_years,
            "rate_hz": some.rate_hz,
            "hearing_class": some.hearing_class,
            **{field.name: getattr(found, field.name) for field in attrs.fields(Answers)},
            "threshold_db": np.where(np.isfinite(some.threshold_db), some.threshold_db, np.nan),
            "subject": np.arange(part.start, part.stop),
        }
