"""Recordings of synthetic ears.

A subject is a function of (seed, subject), a recording of (seed, subject, its number): adding
subjects or recordings changes none of the others.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from abr_model.data.artefact import artefact_uv, make_artefacts
from abr_model.data.clinic import filtered, make_clinics, transfer
from abr_model.data.ears import Ears, make_ears
from abr_model.data.intensity import amplitudes_uv, latencies_ms
from abr_model.data.levels import levels_db
from abr_model.data.noise import half_noise_uv, make_noise
from abr_model.data.recordings import Recordings, points_in
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
    points = points_in(window_ms)
    numbers = range(recordings_per_subject)
    parts = [_recordings(ears, number, points, seed) for number in numbers]
    # (S, R, ...) from R blocks of S
    columns = {
        name: np.stack([part[name] for part in parts], axis=1).reshape(
            -1, *parts[0][name].shape[1:]
        )
        for name in parts[0]
    }
    return Recordings(**columns)


def _recordings(ears: Ears, number: int, points: int, seed: int) -> dict[str, NDArray[Any]]:
    """Recording `number` of each ear: arrays whose first dimension is S."""
    subjects = len(ears)
    level = levels_db(subjects, number, seed)
    uniform = of_recordings(seed, number, Recording.SWEEPS).random(subjects)
    sweeps = pick(SWEEPS, uniform)
    truth, halves = _waveforms(ears, level, sweeps, number, points, seed)
    return {
        "recording_uv": halves.mean(axis=1),
        "half_a_uv": halves[:, 0],
        "half_b_uv": halves[:, 1],
        "truth_uv": truth,
        "sweeps": sweeps,
        "level_db": level,
        "age_years": ears.age_years,
        "rate_hz": ears.rate_hz,
        "hearing_class": ears.hearing_class,
        **_labels(ears, level, truth, number, seed),
        "threshold_db": np.where(np.isfinite(ears.threshold_db), ears.threshold_db, np.nan),
        "subject": np.arange(subjects),
    }


def _waveforms(
    ears: Ears, level_db: Array, sweeps: Array, number: int, points: int, seed: int
) -> tuple[Floats, Floats]:
    """(S, T) the response as the clinic's filter leaves it, and (S, 2, T) two half-averages."""
    subjects = len(ears)
    place_ms, amplitude_uv = latencies_ms(ears, level_db), amplitudes_uv(ears, level_db)
    shapes, clinics = make_shapes(subjects, seed), make_clinics(subjects, seed)
    noise, artefacts = make_noise(sweeps, number, seed), make_artefacts(level_db, seed)
    steady = draw_steady(subjects, seed)
    white = of_recordings(seed, number, Recording.WHITE)
    truth = np.empty((subjects, points), np.float32)
    halves = np.empty((subjects, 2, points), np.float32)
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
        truth[part] = filtered(unfiltered, gain)[:, :points] + slow
        artefact = filtered(artefact_uv(rows_of(artefacts, part), LONGEST), gain)[:, :points]
        halves[part] = (truth[part] + artefact)[:, None]
        draws = white.standard_normal((part.stop - start, 2, 2, gain.shape[1]), np.float32)
        halves[part] += half_noise_uv(rows_of(noise, part), np.abs(gain), draws)[:, :, :points]
    return truth, halves


def _labels(
    ears: Ears, level_db: Array, truth_uv: Floats, number: int, seed: int
) -> dict[str, NDArray[Any]]:
    """What an expert would have marked, had there been no noise; NaN where nobody marked."""
    latency, amplitude, peaks = read_peaks(truth_uv, latencies_ms(ears, level_db))
    heard = level_db >= ears.threshold_db
    present = (peaks & (amplitude >= VISIBLE_UV) & heard[:, None]).astype(np.float32)
    v_alone = of_ears(seed, Ear.MARKED).random(len(ears)) < MARKS_V_ALONE
    uniform = of_recordings(seed, number, Recording.MARKED).random((len(ears), 2))
    present[v_alone | (uniform[:, 0] < EARLY_UNMARKED), :2] = np.nan
    present[uniform[:, 1] < V_UNMARKED] = np.nan
    return {
        "wave_present": present,
        "wave_latency_ms": np.where(present == 1, latency, np.nan),
        "wave_amplitude_uv": np.where(present == 1, amplitude, np.nan),
    }
