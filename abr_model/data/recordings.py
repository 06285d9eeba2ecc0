"""Recordings of the auditory brainstem response and what is known of them, as numpy arrays.

N recordings, T points at 20 kHz from stimulus onset, W = 3 waves (I, III, V). NaN means unknown.
The arrays may lie on disk (memory-mapped): nothing here makes a copy of a whole (N, T) array.
"""

# ruff: noqa: RUF009  (`_array` returns an attrs field, which ruff cannot see)

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.measures import Measures, measure
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


def unknown(*shape: int) -> Floats:
    """NaN of this shape that takes no memory; it cannot be written to."""
    return np.broadcast_to(np.float32(np.nan), shape)


def _array(dtype: type[np.generic], *shape: str, unit: str = "", measured: bool = False) -> Any:
    """A field that holds an array of this type.

    `shape` names its dimensions; `measured`: it is computed where it is not given.
    """
    metadata = {"shape": shape, "dtype": dtype, "unit": unit}
    if not measured:
        return attrs.field(converter=lambda x: np.asarray(x, dtype), metadata=metadata)
    given = attrs.converters.optional(lambda x: np.asarray(x, dtype))
    return attrs.field(converter=given, metadata=metadata, default=None)


@attrs.frozen(kw_only=True, eq=False)
class Recordings:
    """N recordings and their labels; the shapes and the ranges are checked when it is made.

    `noise_uv` and `detection` are computed from the halves of a recording that has them; of others
    they are what the source says, or NaN. Of z-scored data everything in µV but the waves'
    amplitudes is in units of the recording's own standard deviation (see `Dataset.z_scored`).

    Raises:
        DataError: an array has the wrong shape, or holds values that cannot be.
    """

    recording_uv: Floats = _array(np.float32, "N", "T", unit="µV")  # mean of the two halves
    half_a_uv: Floats = _array(np.float32, "N", "T", unit="µV")  # of one half of the sweeps, or NaN
    half_b_uv: Floats = _array(np.float32, "N", "T", unit="µV")
    truth_uv: Floats = _array(np.float32, "N", "T", unit="µV")  # response without noise, or NaN
    sweeps: Floats = _array(np.float32, "N", unit="sweeps")
    level_db: Floats = _array(np.float32, "N", unit="dB nHL")
    age_years: Floats = _array(np.float32, "N", unit="years")
    rate_hz: Floats = _array(np.float32, "N", unit="stimuli per second")
    hearing_class: NDArray[np.int64] = _array(np.int64, "N")  # index into CLASSES, or -1
    wave_present: Floats = _array(np.float32, "N", "W")  # 1, 0 or NaN
    wave_latency_ms: Floats = _array(np.float32, "N", "W", unit="ms")  # of the peak, after onset
    wave_amplitude_uv: Floats = _array(np.float32, "N", "W", unit="µV")  # to the following trough
    threshold_db: Floats = _array(np.float32, "N", unit="dB nHL")  # the ear's; NaN: not measurable
    subject: NDArray[np.int64] = _array(np.int64, "N")  # index into the source's subject names
    noise_uv: Floats = _array(np.float32, "N", unit="µV", measured=True)  # RMS of residual noise
    detection: Floats = _array(np.float32, "N", measured=True)  # F ratio like Fsp
    has_truth: NDArray[np.bool_] = _array(np.bool_, "N", measured=True)
    has_halves: NDArray[np.bool_] = _array(np.bool_, "N", measured=True)

    def __attrs_post_init__(self) -> None:
        _check_shapes(self)
        waves = (self.recording_uv, self.half_a_uv, self.half_b_uv, self.truth_uv)
        _fill_in(self, measure(*waves, from_point=points_in(_DETECTION_FROM_MS)))
        _check_values(self)

    @classmethod
    def of_checked(cls, arrays: Mapping[str, NDArray[Any]]) -> Recordings:
        """Recordings of arrays that were checked and measured before: all fields, by name.

        Shapes and what has one value a recording are checked again; (N, T) arrays are not read.
        """
        made = object.__new__(cls)
        for field in attrs.fields(cls):
            array = np.asarray(arrays[field.name], field.metadata["dtype"])
            object.__setattr__(made, field.name, array)
        _check_shapes(made)
        _check_values(made)
        return made

    def __len__(self) -> int:
        return len(self.subject)

    @property
    def points(self) -> int:
        """T, the number of points of a recording."""
        return self.recording_uv.shape[1]

    def select(self, indices: NDArray[Any] | slice) -> Recordings:
        """The recordings at these indices (integers or a mask) as a copy, or a slice as a view."""
        return self.of_checked({name: array[indices] for name, array in arrays_of(self).items()})

    def crop(self, points: int) -> Recordings:
        """The first points of each recording, as a view.

        Noise and detection stay as they were measured on the whole.
        """
        return self.of_checked(
            {
                field.name: getattr(self, field.name)[:, :points]
                if field.metadata["shape"] == ("N", "T")
                else getattr(self, field.name)
                for field in attrs.fields(Recordings)
            }
        )

    def without_labels_after(self, latency_ms: float) -> tuple[Recordings, int]:
        """The same with labels of later waves unknown, and how many those were."""
        late = self.wave_latency_ms >= latency_ms  # False for NaN
        if not late.any():
            return self, 0
        waves = {
            name: np.where(late, np.float32(np.nan), getattr(self, name))
            for name in ("wave_present", "wave_latency_ms", "wave_amplitude_uv")
        }
        return self.of_checked({**arrays_of(self), **waves}), int(late.sum())


def concatenate(parts: Sequence[Recordings]) -> Recordings:
    """All recordings of the parts, in order, in memory.

    Raises:
        DataError: the parts' recordings differ in length, or there are no parts.
    """
    lengths = sorted({part.points for part in parts})
    if len(lengths) != 1:
        raise DataError(
            "recordings that are put together must have one number of points", found=lengths
        )
    names = [field.name for field in attrs.fields(Recordings)]
    return Recordings.of_checked(
        {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
    )


def arrays_of(recordings: Recordings) -> dict[str, NDArray[Any]]:
    """All arrays by name."""
    return {field.name: getattr(recordings, field.name) for field in attrs.fields(Recordings)}


def _fill_in(recordings: Recordings, found: Measures) -> None:
    """Set what is measured; what the source says counts where there are no halves."""
    for name in ("noise_uv", "detection"):
        given, measured = getattr(recordings, name), getattr(found, name)
        if given is not None:
            measured = np.where(found.has_halves, measured, given)
        object.__setattr__(recordings, name, measured)
    object.__setattr__(recordings, "has_truth", found.has_truth)
    object.__setattr__(recordings, "has_halves", found.has_halves)


def _check_shapes(recordings: Recordings) -> None:
    if recordings.recording_uv.ndim != 2:
        raise DataError(
            "recording_uv must have the shape (N, T)", found=recordings.recording_uv.shape
        )
    sizes = dict(zip("NT", recordings.recording_uv.shape, strict=True), W=len(WAVES))
    for field in attrs.fields(Recordings):
        expected = tuple(sizes[letter] for letter in field.metadata["shape"])
        array = getattr(recordings, field.name)
        if array is not None and array.shape != expected:
            letters = ", ".join(field.metadata["shape"])
            raise DataError(
                f"{field.name} must have the shape ({letters}) = {expected}", found=array.shape
            )


def _check_values(recordings: Recordings) -> None:
    if not np.isfinite(recordings.level_db).all():
        raise DataError("level_db must be finite everywhere", found="NaN or infinity")
    for name in ("sweeps", "age_years", "rate_hz", "noise_uv", "detection", "threshold_db"):
        if np.isinf(getattr(recordings, name)).any():
            raise DataError(f"{name} must be finite or NaN", found="infinity")
    if (recordings.sweeps <= 0).any():
        raise DataError("sweeps must be above 0", found=float(np.nanmin(recordings.sweeps)))
    hearing = recordings.hearing_class
    bad = (hearing < UNKNOWN_CLASS) | (hearing >= len(CLASSES))
    if bad.any():
        raise DataError(
            f"hearing_class must be -1 to {len(CLASSES) - 1}", found=int(hearing[bad][0])
        )
    present = recordings.wave_present
    if not (np.isnan(present) | (present == 0) | (present == 1)).all():
        raise DataError("wave_present must be 1, 0 or NaN")
    for name in ("wave_latency_ms", "wave_amplitude_uv"):
        if (np.isfinite(getattr(recordings, name)) & (present != 1)).any():
            raise DataError(f"{name} must be NaN where the wave is not present")
