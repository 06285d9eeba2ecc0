"""What a data set holds, in numbers: a plain document, computed in chunks.

L levels, T points, S subjects.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.dataset import Dataset
from abr_model.data.measures import row_chunks
from abr_model.data.partition import Partition
from abr_model.data.plausibility import sizes_uv
from abr_model.data.recordings import CLASSES, UNKNOWN_CLASS, WAVES, Recordings

_NUMBERS = (
    "level_db",
    "age_years",
    "rate_hz",
    "sweeps",
    "noise_uv",
    "detection",
    "threshold_db",
)


@attrs.frozen(kw_only=True, eq=False)
class GrandAverages:
    """The mean of all recordings at each level."""

    levels_db: NDArray[np.float32]  # (L,), ascending
    counts: NDArray[np.int64]  # (L,)
    means_uv: NDArray[np.float64]  # (L, T)


def describe(dataset: Dataset, split: Partition | None = None) -> dict[str, Any]:
    """Counts, ranges and what is missing, as JSON data."""
    made = dataset.recordings
    document: dict[str, Any] = {
        "recordings": len(made),
        "subjects": len(dataset.subject_names),
        "window_ms": made.points / 20,
        "unit": "standard deviations of each recording" if dataset.z_scored else "µV",
        "classes": _classes(made, len(dataset.subject_names)),
        "levels_db": _levels(made.level_db),
        "recordings_per_subject": _spread(
            np.bincount(made.subject, minlength=len(dataset.subject_names))
        ),
        "known": _known(made),
        "ranges": _ranges(made),
        "sources": [{"file": name, "sha256": sha} for name, sha in dataset.sources],
        "notices": list(dataset.notices),
    }
    if split is not None:
        document["splits"] = {
            name: {
                "recordings": len(rows),
                "subjects": len(split.subjects[name]),
                "classes": _counts(made.hearing_class[rows]),
            }
            for name, rows in split.rows.items()
        }
        document["notices"] += list(split.notices)
    return document


def grand_averages(recordings: Recordings) -> GrandAverages:
    """The mean recording at each level; all recordings weigh the same."""
    levels, place = np.unique(recordings.level_db, return_inverse=True)
    place = place.reshape(-1)
    sums = np.zeros((len(levels), recordings.points))
    for rows in row_chunks(len(recordings)):
        here = np.zeros((len(levels), rows.stop - rows.start), np.float32)
        here[place[rows], np.arange(rows.stop - rows.start)] = 1
        sums += here @ recordings.recording_uv[rows]
    counts = np.bincount(place, minlength=len(levels))
    return GrandAverages(levels_db=levels, counts=counts, means_uv=sums / counts[:, None])


def _classes(made: Recordings, subjects: int) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for number, name in [*enumerate(CLASSES), (UNKNOWN_CLASS, "unknown")]:
        of_class = made.hearing_class == number
        if of_class.any():
            people = np.bincount(made.subject[of_class], minlength=subjects) > 0
            found[name] = {"recordings": int(of_class.sum()), "subjects": int(people.sum())}
    return found


def _counts(hearing_class: NDArray[np.int64]) -> dict[str, int]:
    counts = np.bincount(hearing_class + 1, minlength=len(CLASSES) + 1).tolist()
    named = zip(("unknown", *CLASSES), counts, strict=True)
    return {name: count for name, count in named if count}


def _levels(level_db: NDArray[np.float32]) -> dict[str, int]:
    levels, counts = np.unique(level_db, return_counts=True)
    return {f"{level:g}": int(count) for level, count in zip(levels, counts, strict=True)}


def _known(made: Recordings) -> dict[str, int]:
    """Of how many recordings each label or number is known."""
    found = {"hearing_class": int((made.hearing_class != UNKNOWN_CLASS).sum())}
    for name in ("present", "latency_ms", "amplitude_uv"):
        known = np.isfinite(getattr(made, f"wave_{name}")).sum(axis=0)
        found |= {f"wave_{w}_{name}": int(n) for w, n in zip(WAVES, known, strict=True)}
    found |= {name: int(np.isfinite(getattr(made, name)).sum()) for name in _NUMBERS}
    found |= {"truth": int(made.has_truth.sum()), "half_averages": int(made.has_halves.sum())}
    return found


def _ranges(made: Recordings) -> dict[str, dict[str, float]]:
    columns = {name: getattr(made, name) for name in _NUMBERS}
    columns["size_uv"] = sizes_uv(made.recording_uv)
    for place, wave in enumerate(WAVES):
        columns[f"wave_{wave}_latency_ms"] = made.wave_latency_ms[:, place]
        columns[f"wave_{wave}_amplitude_uv"] = made.wave_amplitude_uv[:, place]
    return {
        name: _spread(column[np.isfinite(column)])
        for name, column in columns.items()
        if np.isfinite(column).any()
    }


def _spread(values: NDArray[Any]) -> dict[str, float]:
    if not len(values):
        return {}
    found = {"least": values.min(), "median": np.median(values), "most": values.max()}
    return {name: float(f"{float(value):.4g}") for name, value in found.items()}
