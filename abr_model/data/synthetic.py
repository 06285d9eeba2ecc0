"""Recordings of synthetic ears.

A subject is a function of (seed, subject), a recording of (seed, subject, its number): adding
subjects or recordings changes none of the others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.ears import EAR_STREAMS, Ears, amplitudes_uv, generator, latencies_ms, make_ears
from abr_model.data.recordings import Recordings, points_in
from abr_model.data.waveform import NOISE_POINTS, coloured_noise, read_peaks, responses_uv

GENERATOR_VERSION = 2  # part of the fingerprint: raise it when the same seed gives other recordings
LEVELS_DB = np.arange(10, 91, 5)
SWEEPS = (500, 1000, 2000)
VISIBLE_UV = 0.05  # a wave counts as present from this amplitude on
NOISE_UV = (0.020, 0.190)  # least and largest residual-noise RMS at 500 sweeps
EARLY_LABELS_MISSING = 0.5  # share of recordings of which an expert marked wave V alone

_LEVEL, _SWEEPS, _NOISE_SIZE, _MISSING, _WHITE = range(5)
_STREAMS = 8  # of each recording of an ear
_CHUNK = 500  # subjects whose noise is coloured at once, to bound memory


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


def _recordings(ears: Ears, number: int, points: int, seed: int) -> dict[str, NDArray[np.generic]]:
    """Recording `number` of each ear: arrays whose first dimension is S."""
    first = EAR_STREAMS + number * _STREAMS
    subjects = len(ears)
    uniform = {k: generator(seed, first + k).random((subjects, 2)) for k in range(_WHITE)}
    level = _levels_db(ears, number, uniform[_LEVEL])
    sweeps = np.asarray(SWEEPS)[(uniform[_SWEEPS][:, 0] * len(SWEEPS)).astype(int)]

    amplitude = amplitudes_uv(ears, level)
    place_ms = latencies_ms(ears, level)
    truth = responses_uv(place_ms, amplitude, points)
    wave_latency, wave_amplitude = read_peaks(truth, place_ms)
    audible = (amplitude > 0) & (level >= ears.threshold_db)[:, None]
    visible = audible & (wave_amplitude >= VISIBLE_UV)
    present = visible.astype(np.float32)
    present[uniform[_MISSING][:, 0] < EARLY_LABELS_MISSING, :2] = np.nan
    labelled = present == 1

    place = 0.35 * ears.noise_place + 0.65 * uniform[_NOISE_SIZE][:, 0]
    noise = NOISE_UV[0] * (NOISE_UV[1] / NOISE_UV[0]) ** place * np.sqrt(500 / sweeps)
    halves = _halves(truth, noise, generator(seed, first + _WHITE))
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
        "wave_present": present,
        "wave_latency_ms": np.where(labelled, wave_latency, np.nan),
        "wave_amplitude_uv": np.where(labelled, wave_amplitude, np.nan),
        "threshold_db": np.where(np.isfinite(ears.threshold_db), ears.threshold_db, np.nan),
        "subject": np.arange(subjects),
    }


def _levels_db(ears: Ears, number: int, uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """(S,) a level for each ear from `uniform` (S, 2), on a grid of 5 dB from 10 to 90 dB nHL.

    The first recording is above the threshold and the second below it, as far as the grid reaches.
    Of the others half lie from 15 dB below the threshold to 45 dB above it and half anywhere; so
    the level alone tells little of the class. Ears without a response are tested anywhere.
    """
    lowest, highest = float(LEVELS_DB[0]), float(LEVELS_DB[-1])
    threshold = np.where(np.isfinite(ears.threshold_db), ears.threshold_db, 50.0)
    silent = ~np.isfinite(ears.threshold_db)
    anywhere = silent | (uniform[:, 1] < 0.5)
    low, high = threshold - 15, threshold + 45
    if number == 0:
        anywhere, low, high = silent, threshold + 2.5, np.full_like(threshold, highest)
    elif number == 1:
        anywhere, low, high = silent, threshold - 25, threshold - 2.5
    low = np.where(anywhere, lowest, np.clip(low, lowest, highest))
    high = np.where(anywhere, highest, np.clip(high, lowest, highest))
    return np.clip(5 * np.rint((low + (high - low) * uniform[:, 0]) / 5), lowest, highest)


def _halves(
    truth: NDArray[np.float32], noise_uv: NDArray[np.float64], white: np.random.Generator
) -> NDArray[np.float32]:
    """(S, 2, T) two half-averages, whose mean has residual noise of RMS `noise_uv` (S,)."""
    halves = np.empty((len(truth), 2, truth.shape[1]), np.float32)
    for start in range(0, len(truth), _CHUNK):
        part = slice(start, min(start + _CHUNK, len(truth)))
        draws = white.standard_normal((part.stop - start, 2, NOISE_POINTS), np.float32)
        size = np.float32(np.sqrt(2)) * noise_uv[part].astype(np.float32)  # half of the sweeps
        halves[part] = coloured_noise(draws, truth.shape[1]) * size[:, None, None]
        halves[part] += truth[part, None, :]
    return halves
