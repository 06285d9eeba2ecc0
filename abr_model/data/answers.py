"""What synthetic ears answer, and what an expert would mark in it, had there been no noise.

S ears, T points at 20 kHz from onset, W = 3 waves (I, III, V).
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.clinic import filtered, make_clinics, transfer
from abr_model.data.ears import Ears
from abr_model.data.intensity import amplitudes_uv, latencies_ms
from abr_model.data.recordings import WAVES
from abr_model.data.steady import draw_steady, steady_uv
from abr_model.data.streams import Ear, Recording, of_ears, of_recordings, rows_of
from abr_model.data.waveform import LONGEST, make_shapes, read_peaks, responses_uv

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

VISIBLE_UV = 0.05  # a wave counts as present from this amplitude on
MARKS_V_ALONE = 0.6  # share of ears whose expert marks wave V alone
EARLY_UNMARKED = 0.35  # share of the others' recordings in which waves I and III are not marked
V_UNMARKED = 0.08  # share of all recordings in which no wave is marked
_CHUNK = 250  # subjects whose recordings are made at once: they fit into a cache


@attrs.frozen(kw_only=True, eq=False)
class Answers:
    """Noise-free recordings of S ears, each at a level of its own, and their labels."""

    truth_uv: Floats  # (S, T) the response as the clinic's filter leaves it
    wave_present: Floats  # (S, W) 1, 0 or NaN
    wave_latency_ms: Array  # (S, W)
    wave_amplitude_uv: Array  # (S, W)


def answers(ears: Ears, level_db: Array, number: int, points: int, seed: int) -> Answers:
    """What all ears of a seed answer in recording `number`, which says whose marks are missing."""
    found = [some for _, some in answers_in_parts(ears, level_db, number, points, seed)]
    names = [field.name for field in attrs.fields(Answers)]
    return Answers(**{name: np.concatenate([getattr(a, name) for a in found]) for name in names})


def answers_in_parts(
    ears: Ears, level_db: Array, number: int, points: int, seed: int
) -> Iterator[tuple[slice, Answers]]:
    """The same, some ears at once."""
    subjects = len(ears)
    place_ms, amplitude_uv = latencies_ms(ears, level_db), amplitudes_uv(ears, level_db)
    shapes, clinics = make_shapes(subjects, seed), make_clinics(subjects, seed)
    steady, marked = draw_steady(subjects, seed), _marked(subjects, number, seed)
    for start in range(0, subjects, _CHUNK):
        part = slice(start, min(start + _CHUNK, subjects))
        some, clinic = rows_of(ears, part), rows_of(clinics, part)
        place, height = place_ms[part], amplitude_uv[part]
        passed_db = level_db[part] - some.gap_db  # the cochlea's level says how wide waves are
        waves = responses_uv(place, height, passed_db, rows_of(shapes, part), LONGEST)
        slow = steady_uv(steady[part], height[:, 2], place[:, 2], some.rate_hz, clinic, points)
        truth = filtered(waves, transfer(clinic))[:, :points] + slow
        yield part, _with_labels(truth, some, level_db[part], place, marked[part])


def _with_labels(
    truth_uv: Floats, ears: Ears, level_db: Array, place_ms: Array, marked: NDArray[np.bool_]
) -> Answers:
    """Read the peaks; NaN where nobody marked or where there is none."""
    latency, amplitude, peaks = read_peaks(truth_uv, place_ms)
    heard = level_db >= ears.threshold_db
    present = (peaks & (amplitude >= VISIBLE_UV) & heard[:, None]).astype(np.float32)
    present[~marked] = np.nan
    return Answers(
        truth_uv=truth_uv,
        wave_present=present,
        wave_latency_ms=np.where(present == 1, latency, np.nan),
        wave_amplitude_uv=np.where(present == 1, amplitude, np.nan),
    )


def _marked(subjects: int, number: int, seed: int) -> NDArray[np.bool_]:
    """(S, W) which waves an expert looked for: whatever the ear, its class or its level."""
    marked = np.ones((subjects, len(WAVES)), np.bool_)
    v_alone = of_ears(seed, Ear.MARKED).random(subjects) < MARKS_V_ALONE
    uniform = of_recordings(seed, number, Recording.MARKED).random((subjects, 2))
    marked[v_alone | (uniform[:, 0] < EARLY_UNMARKED), :2] = False
    marked[uniform[:, 1] < V_UNMARKED] = False
    return marked
