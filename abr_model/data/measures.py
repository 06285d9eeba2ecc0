"""What is measured on recordings themselves: residual noise, detection, and what of them is known.

In chunks of rows, so that arrays which lie on disk are never in memory as a whole. N recordings,
T points.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from curriculum.errors import DataError

ROWS_AT_ONCE = 4096

Floats = NDArray[np.float32]


@attrs.frozen(kw_only=True, eq=False)
class Measures:
    """Arrays of shape (N,)."""

    has_truth: NDArray[np.bool_]
    has_halves: NDArray[np.bool_]
    noise_uv: Floats  # NaN without halves
    detection: Floats  # NaN without halves, or where they do not differ


def row_chunks(count: int, size: int = ROWS_AT_ONCE) -> Iterator[slice]:
    """Slices that cover `count` rows, in order."""
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))


def measure(
    recording_uv: Floats, half_a_uv: Floats, half_b_uv: Floats, truth_uv: Floats, from_point: int
) -> Measures:
    """Check and measure (N, T) arrays; the stimulus artefact lies before `from_point`.

    Raises:
        DataError: a recording is not finite, or a truth or half is known in part.
    """
    count = len(recording_uv)
    found = Measures(
        has_truth=np.zeros(count, np.bool_),
        has_halves=np.zeros(count, np.bool_),
        noise_uv=np.full(count, np.nan, np.float32),
        detection=np.full(count, np.nan, np.float32),
    )
    for rows in row_chunks(count):
        recording, a, b = recording_uv[rows], half_a_uv[rows], half_b_uv[rows]
        _check_finite(recording, rows.start)
        found.has_truth[rows] = _wholly_known(truth_uv[rows], "truth_uv", rows.start)
        known = _wholly_known(a, "half_a_uv", rows.start)
        other = _wholly_known(b, "half_b_uv", rows.start)
        if (known != other).any():
            lacking, there = ("b", "a") if (known & ~other).any() else ("a", "b")
            raise DataError(f"half_{lacking}_uv must be finite wherever half_{there}_uv is")
        found.has_halves[rows] = known
        if known.all():
            found.noise_uv[rows] = noise_uv(a, b)
            found.detection[rows] = detection(recording, a, b, from_point)
        elif known.any():
            index = rows.start + np.flatnonzero(known)
            found.noise_uv[index] = noise_uv(a[known], b[known])
            found.detection[index] = detection(recording[known], a[known], b[known], from_point)
    return found


def noise_uv(half_a_uv: Floats, half_b_uv: Floats) -> Floats:
    """(N,) residual-noise RMS of the mean of two halves (N, T), in their unit.

    Half the difference of two half-averages has the noise of their mean and no response (the ±
    average of Schimmel 1967).
    """
    half_difference = (half_a_uv - half_b_uv) / 2
    return np.sqrt(np.mean(np.square(half_difference), axis=1))


def detection(
    recording_uv: Floats, half_a_uv: Floats, half_b_uv: Floats, from_point: int
) -> Floats:
    """(N,) an F ratio like Fsp and Fmp (Elberling & Don 1984), computed from the recording.

    Variance of the recording over time from `from_point` on, by the residual noise's; about 1 where
    there is noise alone, and unknown where the halves do not differ.
    """
    noise = np.var((half_a_uv - half_b_uv)[:, from_point:] / 2, axis=1)
    variance = np.var(recording_uv[:, from_point:], axis=1)
    unknown = np.full(len(recording_uv), np.nan, np.float32)
    return np.divide(variance, noise, out=unknown, where=noise > 0)


def _check_finite(recording_uv: Floats, first: int) -> None:
    bad = ~np.isfinite(recording_uv).all(axis=1)
    if bad.any():
        where = f"recording {first + int(np.argmax(bad)) + 1}"
        raise DataError(
            "recording_uv must be finite everywhere", found="NaN or infinity", where=where
        )


def _wholly_known(array: NDArray[Any], name: str, first: int) -> NDArray[np.bool_]:
    finite = np.isfinite(array)
    whole = finite.all(axis=1)
    partly = finite.any(axis=1) & ~whole
    if partly.any():
        where = f"recording {first + int(np.argmax(partly)) + 1}"
        raise DataError(f"{name} must be known for a whole recording or not at all", where=where)
    return whole
