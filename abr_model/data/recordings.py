"""Recordings of the auditory brainstem response and what is known of them, as numpy arrays.

N recordings, T points at 20 kHz from stimulus onset, W = 3 waves (I, III, V). NaN means unknown.
"""

# ruff: noqa: RUF009  (`_array` returns an attrs field, which ruff cannot see)

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from curriculum.errors import DataError

SAMPLE_RATE_HZ = 20_000.0
WAVES = ("I", "III", "V")
CLASSES = ("normal", "neuropathy", "sensorineural", "total", "conductive")
UNKNOWN_CLASS = -1
_DETECTION_FROM_MS = 1.0  # the stimulus artefact lies before

Floats = NDArray[np.float32]


def points_in(window_ms: float) -> int:
    """How many points at 20 kHz a window of this many ms has."""
    return round(window_ms * SAMPLE_RATE_HZ / 1000)


def _array(dtype: type[np.generic], *shape: str) -> Any:
    """A field that holds an array of this type; `shape` names its dimensions."""
    return attrs.field(converter=lambda x: np.asarray(x, dtype), metadata={"shape": shape})


@attrs.frozen(kw_only=True, eq=False)
class Recordings:
    """N recordings and their labels; the shapes and the ranges are checked when it is made.

    Raises:
        DataError: an array has the wrong shape, or holds values that cannot be.
    """

    recording_uv: Floats = _array(np.float32, "N", "T")  # mean of the two halves
    half_a_uv: Floats = _array(np.float32, "N", "T")  # average of one half of the sweeps
    half_b_uv: Floats = _array(np.float32, "N", "T")
    truth_uv: Floats = _array(np.float32, "N", "T")  # the response without noise, or NaN
    sweeps: Floats = _array(np.float32, "N")
    level_db: Floats = _array(np.float32, "N")  # dB nHL
    age_years: Floats = _array(np.float32, "N")
    rate_hz: Floats = _array(np.float32, "N")  # stimuli per second
    hearing_class: NDArray[np.int64] = _array(np.int64, "N")  # index into CLASSES, or -1
    wave_present: Floats = _array(np.float32, "N", "W")  # 1, 0 or NaN
    wave_latency_ms: Floats = _array(np.float32, "N", "W")  # of the peak, after onset
    wave_amplitude_uv: Floats = _array(np.float32, "N", "W")  # peak to following trough
    threshold_db: Floats = _array(np.float32, "N")  # of the ear, dB nHL; NaN: not measurable
    subject: NDArray[np.int64] = _array(np.int64, "N")  # index into the source's subject names

    def __attrs_post_init__(self) -> None:
        _check_shapes(self)
        _check_values(self)

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def points(self) -> int:
        """T, the number of points of a recording."""
        return self.recording_uv.shape[1]

    @property
    def has_truth(self) -> NDArray[np.bool_]:
        """(N,) whether the response without noise is known."""
        return np.isfinite(self.truth_uv).all(axis=1)

    @property
    def noise_uv(self) -> Floats:
        """(N,) residual-noise RMS of each recording, in µV.

        Half the difference of two half-averages has the noise of their mean and no response
        (the ± average of Schimmel 1967).
        """
        half_difference = (self.half_a_uv - self.half_b_uv) / 2
        return np.sqrt(np.mean(np.square(half_difference), axis=1))

    @property
    def detection(self) -> Floats:
        """(N,) an F ratio like Fsp and Fmp (Elberling & Don 1984), computed from the recording.

        Variance of the recording over time after 1 ms, by the residual noise's; about 1 where there
        is noise alone, and unknown where the halves do not differ.
        """
        from_point = points_in(_DETECTION_FROM_MS)
        noise = np.var((self.half_a_uv - self.half_b_uv)[:, from_point:] / 2, axis=1)
        variance = np.var(self.recording_uv[:, from_point:], axis=1)
        unknown = np.full(len(self), np.nan, np.float32)
        return np.divide(variance, noise, out=unknown, where=noise > 0)

    def select(self, indices: NDArray[Any]) -> Recordings:
        """The recordings at these indices (integers or a mask), as a copy."""
        return Recordings(**{name: array[indices] for name, array in _arrays(self).items()})


def concatenate(parts: Sequence[Recordings]) -> Recordings:
    """All recordings of the parts, in order.

    Raises:
        DataError: the parts' recordings differ in length, or there are no parts.
    """
    lengths = sorted({part.points for part in parts})
    if len(lengths) != 1:
        raise DataError(
            "recordings that are put together must have one number of points", found=lengths
        )
    names = [field.name for field in attrs.fields(Recordings)]
    return Recordings(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def _arrays(recordings: Recordings) -> dict[str, NDArray[Any]]:
    return {field.name: getattr(recordings, field.name) for field in attrs.fields(type(recordings))}


def _check_shapes(recordings: Recordings) -> None:
    if recordings.recording_uv.ndim != 2:
        raise DataError(
            "recording_uv must have the shape (N, T)", found=recordings.recording_uv.shape
        )
    sizes = dict(zip("NT", recordings.recording_uv.shape, strict=True), W=len(WAVES))
    for field in attrs.fields(type(recordings)):
        expected = tuple(sizes[letter] for letter in field.metadata["shape"])
        found = getattr(recordings, field.name).shape
        if found != expected:
            letters = ", ".join(field.metadata["shape"])
            raise DataError(
                f"{field.name} must have the shape ({letters}) = {expected}", found=found
            )


def _check_values(recordings: Recordings) -> None:
    for name in ("recording_uv", "half_a_uv", "half_b_uv", "sweeps", "level_db"):
        if not np.isfinite(getattr(recordings, name)).all():
            raise DataError(f"{name} must be finite everywhere", found="NaN or infinity")
    if (recordings.sweeps <= 0).any():
        raise DataError("sweeps must be above 0", found=float(recordings.sweeps.min()))
    known = np.isin(recordings.hearing_class, range(UNKNOWN_CLASS, len(CLASSES)))
    if not known.all():
        bad = int(recordings.hearing_class[~known][0])
        raise DataError(f"hearing_class must be -1 to {len(CLASSES) - 1}", found=bad)
    present = recordings.wave_present
    if not (np.isnan(present) | (present == 0) | (present == 1)).all():
        raise DataError("wave_present must be 1, 0 or NaN")
    for name in ("wave_latency_ms", "wave_amplitude_uv"):
        if (np.isfinite(getattr(recordings, name)) & (present != 1)).any():
            raise DataError(f"{name} must be NaN where the wave is not present")
    partly = np.isfinite(recordings.truth_uv).any(axis=1) & ~recordings.has_truth
    if partly.any():
        raise DataError("truth_uv must be known for a whole recording or not at all")
