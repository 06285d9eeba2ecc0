"""Recordings of synthetic ears.

A subject is a function of (seed, subject), a recording of (seed, subject, its number): adding
subjects or recordings changes none of the others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abr_model.data.artefact import artefact_uv, make_artefacts
from abr_model.data.clinic import filtered, make_clinics, transfer
from abr_model.data.ears import Ears, make_ears
from abr_model.data.intensity import amplitudes_uv, latencies_ms
from abr_model.data.levels import levels_db
from abr_model.data.noise import half_noise_uv, make_noise
from abr_model.data.recordings import WAVES, Recordings, points_in
from abr_model.data.steady import draw_steady, steady_uv
from abr_model.data.streams import Ear, Recording, of_ears, of_recordings, pick, rows_of
from abr_model.data.waveform import LONGEST, make_shapes, read_peaks, responses_uv

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

GENERATOR_VERSION = 3  # part of the fingerprint: raise it when the same seed gives other recordings
SWEEPS = (500, 750, 1000, 1500, 2000, 4000)
VISIBLE_UV = 0.05  # a wave counts as present from this amplitude on
MARKS_V_ALONE = 0.6  # share of ears whose expert marks wave V alone
EARLY_UNMARKED = 0.35  # share of the others' recordings in which waves I and III are not marked
V_UNMARKED = 0.08  # share of all recordings in which no wave is marked

_CHUNK = 250  # subjects whose recordings are made at once: they fit into a cache


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
    """Recording `number` of each ear, `_CHUNK` subjects at once: arrays of first dimension S."""
    subjects = len(ears)
    level_db = levels_db(subjects, number, seed)
    uniform = of_recordings(seed, number, Recording.SWEEPS).random(subjects)
    sweeps = pick(SWEEPS, uniform)
    marked = _marked(subjects, number, seed)
    for part, truth, halves in _waveforms(ears, level_db, sweeps, number, points, seed):
        some, level = rows_of(ears, part), level_db[part]
        yield {
            "recording_uv": halves.mean(axis=1),
            "half_a_uv": halves[:, 0],
            "half_b_uv": halves[:, 1],
            "truth_uv": truth,
            "sweeps": sweeps[part],
            "level_db": level,
            "age_years": some.age_years,
            "rate_hz": some.rate_hz,
            "hearing_class": some.hearing_class,
            **_labels(some, level, truth, marked[part]),
            "threshold_db": np.where(np.isfinite(some.threshold_db), some.threshold_db, np.nan),
            "subject": np.arange(part.start, part.stop),
        }


def _waveforms(
    ears: Ears, level_db: Array, sweeps: Array, number: int, points: int, seed: int
) -> Iterator[tuple[slice, Floats, Floats]]:
    """Some subjects, (S, T) their responses as the filter leaves them, (S, 2, T) half-averages."""
    subjects = len(ears)
    place_ms, amplitude_uv = latencies_ms(ears, level_db), amplitudes_uv(ears, level_db)
    shapes, clinics = make_shapes(subjects, seed), make_clinics(subjects, seed)
    noise, artefacts = make_noise(sweeps, number, seed), make_artefacts(level_db, seed)
    steady = draw_steady(subjects, seed)
    white = of_recordings(seed, number, Recording.WHITE)
    for start in range(0, subjects, _CHUNK):
        part = slice(start, min(start + _CHUNK, subjects))
        gain = transfer(rows_of(clinics, part))
        unfiltered = responses_uv(
            place_ms[part], amplitude_uv[part], level_db[part], rows_of(shapes, part), LONGEST
        )
        slow = steady_uv(
            steady[part],
            amplitude_uv[part, 2],
            place_ms[part, 2],
            ears.rate_hz[part],
            rows_of(clinics, part),
            points,
        )
        truth = (filtered(unfiltered, gain)[:, :points] + slow).astype(np.float32)
        artefact = filtered(artefact_uv(rows_of(artefacts, part), LONGEST), gain)[:, :points]
        halves = np.repeat((truth + artefact).astype(np.float32)[:, None], 2, axis=1)
        draws = white.standard_normal((part.stop - start, 2, 2, gain.shape[1]), np.float32)
        halves += half_noise_uv(rows_of(noise, part), np.abs(gain), draws)[:, :, :points]
        yield part, truth, halves


def _marked(subjects: int, number: int, seed: int) -> NDArray[np.bool_]:
    """(S, W) which waves an expert looked for."""
    marked = np.ones((subjects, len(WAVES)), np.bool_)
    v_alone = of_ears(seed, Ear.MARKED).random(subjects) < MARKS_V_ALONE
    uniform = of_recordings(seed, number, Recording.MARKED).random((subjects, 2))
    marked[v_alone | (uniform[:, 0] < EARLY_UNMARKED), :2] = False
    marked[uniform[:, 1] < V_UNMARKED] = False
    return marked


def _labels(
    ears: Ears, level_db: Array, truth_uv: Floats, marked: NDArray[np.bool_]
) -> dict[str, NDArray[Any]]:
    """What an expert would have marked, had there been no noise; NaN where nobody marked."""
    latency, amplitude, peaks = read_peaks(truth_uv, latencies_ms(ears, level_db))
    heard = level_db >= ears.threshold_db
    present = (peaks & (amplitude >= VISIBLE_UV) & heard[:, None]).astype(np.float32)
    present[~marked] = np.nan
    return {
        "wave_present": present,
        "wave_latency_ms": np.where(present == 1, latency, np.nan),
        "wave_amplitude_uv": np.where(present == 1, amplitude, np.nan),
    }
