"""Whether recordings can be what they are said to be: units, NaN, flat, clipped, twice the same.

The limits are wide: an average of clicks has 0.05 to 1 µV, its residual noise 0.02 to 0.2 µV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from abr_model.data.measures import row_chunks
from abr_model.data.recordings import points_in
from curriculum.errors import DataError

MICROVOLTS = {"V": 1e6, "mV": 1e3, "uV": 1.0, "nV": 1e-3}
SMALLEST_UV, LARGEST_UV = 0.002, 10.0  # root mean square of a typical recording
_FROM_MS = 1.0  # the stimulus artefact lies before
_CLIPPED_POINTS = 5  # at one extreme value in a row
_MOST_NAMED = 20
_ABSURD_UV = 100.0  # root mean square that no average has

Floats = NDArray[np.float32]


def check_unit(recording_uv: Floats, where: str, said: str) -> None:
    """Check that recordings (N, T) have the size of an average in µV.

    `said` is the unit that they were taken to have. By the median over the recordings, so that a
    few with artefacts do not matter.

    Raises:
        DataError: they have not; the message says which unit would fit.
    """
    size = float(np.median(sizes_uv(recording_uv)))
    if size == 0 or SMALLEST_UV <= size <= LARGEST_UV:
        return
    raw = size / MICROVOLTS[said]
    fits = [u for u, factor in MICROVOLTS.items() if SMALLEST_UV <= raw * factor <= LARGEST_UV]
    raise DataError(
        f"averages must have {SMALLEST_UV:g} to {LARGEST_UV:g} µV (root mean square from "
        f"{_FROM_MS:g} ms on, the median of all recordings)",
        found=f"{size:.3g} µV, where they are read as {said}",
        where=where,
        hint=f"They look like {fits[0]}: say `--unit {fits[0]}`" if fits else "Check their unit",
    )


def check_z_scores(recording: Floats, where: str) -> None:
    """Check that recordings (N, T) have a standard deviation of about 1.

    Raises:
        DataError: they have not.
    """
    size = float(np.median([each.std() for each in recording]))
    if not 0.5 <= size <= 2:
        raise DataError(
            "z-scored recordings must have a standard deviation of about 1",
            found=f"{size:.3g} (the median of all recordings)",
            where=where,
            hint="If they are in volts, say so, as `--unit uV`",
        )


def sizes_uv(recording_uv: Floats) -> NDArray[np.float64]:
    """(N,) root mean square of each recording from 1 ms on, without its mean."""
    found = np.empty(len(recording_uv))
    for rows in row_chunks(len(recording_uv)):
        found[rows] = recording_uv[rows, points_in(_FROM_MS) :].astype(np.float64).std(axis=1)
    return found


def examine(
    recording_uv: Floats, names: Sequence[str], *, in_microvolts: bool
) -> Mapping[int, str]:
    """Which recordings (N, T) cannot be used, and why; `names` says where each comes from."""
    unusable: dict[int, str] = {}
    seen: dict[bytes, int] = {}
    for index, recording in enumerate(recording_uv):
        if not np.isfinite(recording).all():
            unusable[index] = "it has values that are not numbers"
        elif np.ptp(recording) == 0:
            unusable[index] = "it is flat"
        elif in_microvolts and recording[points_in(_FROM_MS) :].std() > _ABSURD_UV:
            unusable[index] = f"it has more than {_ABSURD_UV:g} µV (root mean square)"
        else:
            first = seen.setdefault(recording.tobytes(), index)
            if first != index:
                unusable[index] = f"it is identical to {names[first]}"
    return unusable


def may_be_clipped(samples: NDArray[np.floating]) -> str | None:
    """What makes a recording (n,) in its own sampling look clipped, or None."""
    away = 2 * samples.std()  # a quiet baseline is no rail
    for extreme in (samples.max(), samples.min()):
        if abs(extreme - samples.mean()) < away:
            continue
        at = (samples == extreme).astype(np.int8)
        edges = np.flatnonzero(np.diff(at, prepend=0, append=0))
        if (edges[1::2] - edges[::2]).max() >= _CLIPPED_POINTS:
            return f"it stays at its extreme value for {_CLIPPED_POINTS} points or more"
    return None


def in_words(
    found: Sequence[tuple[str, str]], what: str = "was left out", *, of: str = "recordings"
) -> tuple[str, ...]:
    """Notices of (name, reason), those of one reason together."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in found:
        by_reason.setdefault(reason, []).append(name)
    notices = []
    for reason, names in by_reason.items():
        if len(names) == 1:
            notices.append(f"{names[0]} {what}: {reason}")
            continue
        more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
        listed = "; ".join(names[:_MOST_NAMED])
        several = f"{len(names)} {of} {what.replace('was ', 'were ')}"
        notices.append(f"{several}, each because {reason} ({listed}{more})")
    return tuple(notices)
