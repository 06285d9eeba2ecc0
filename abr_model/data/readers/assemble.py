"""From what readers give to recordings at 20 kHz from stimulus onset, checked."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.plausibility import (
    MICROVOLTS,
    check_unit,
    check_z_scores,
    examine,
    in_words,
    may_be_clipped,
)
from abr_model.data.readers.trace import Z_SCORED, Options, Reading, Trace
from abr_model.data.recordings import WAVES, Recordings, points_in
from abr_model.data.resample import points_available, resample
from curriculum.errors import DataError

_NUMBERS = (
    "sweeps",
    "level_db",
    "age_years",
    "rate_hz",
    "threshold_db",
    "noise_uv",
    "detection",
    "hearing_class",
)

Floats = NDArray[np.float32]


@attrs.frozen(kw_only=True, eq=False)
class Assembled:
    """Recordings of several files."""

    recordings: Recordings
    subject_names: tuple[str, ...]
    notices: tuple[str, ...]
    z_scored: bool


def assemble(readings: Sequence[Reading], options: Options, where: str) -> Assembled:
    """Bring recordings to one unit, 20 kHz and one window, and leave out by name what cannot be.

    Raises:
        DataError: their unit is not what it is said to be, some are z-scored and others not, or
            none is left.
    """
    units = {options.unit or reading.unit for reading in readings if reading.traces}
    if Z_SCORED in units and len(units) > 1:
        raise DataError(
            "recordings must all be z-scored or all be in volts", found="both", where=where
        )
    z_scored = units == {Z_SCORED}
    points = points_in(options.window_ms)
    left_out = [entry for reading in readings for entry in reading.left_out]
    fit: list[tuple[Trace, str]] = []
    for reading in readings:
        for found in reading.traces:
            trace = _with_level(found, options)
            reason = _unfit(trace, points)
            if reason is None:
                fit.append((trace, options.unit or reading.unit))
            else:
                left_out.append((trace.where, reason))
    _require(fit, left_out, options, where)
    traces = [trace for trace, _ in fit]
    waves_uv = _resampled(traces, [unit for _, unit in fit], points)
    if z_scored:
        check_z_scores(waves_uv[:, 0], where)
    else:
        for unit in sorted(units):
            check_unit(waves_uv[[each == unit for _, each in fit], 0], where, unit)
    names = [trace.where for trace in traces]
    unusable = examine(waves_uv[:, 0], names, in_microvolts=not z_scored)
    left_out += [(names[index], reason) for index, reason in unusable.items()]
    kept = np.array([i for i in range(len(traces)) if i not in unusable], np.int64)
    _require(kept, left_out, options, where)
    chosen = [traces[i] for i in kept]
    subjects = tuple(sorted({trace.subject for trace in chosen}))
    notices = dict.fromkeys(notice for reading in readings for notice in reading.notices)
    chosen, dropped = _labels_in_window(chosen, options.window_ms)
    looked_at = ((trace.where, may_be_clipped(trace.samples[:, 0])) for trace in chosen)
    clipped = [(name, reason) for name, reason in looked_at if reason is not None]
    return Assembled(
        recordings=_recordings(chosen, waves_uv[kept], subjects),
        subject_names=subjects,
        notices=(
            *notices,
            *in_words(left_out),
            *in_words(clipped, "may be clipped"),
            *in_words(dropped, "lost a label"),
            *_varying_thresholds(chosen),
        ),
        z_scored=z_scored,
    )


def _unfit(trace: Trace, points: int) -> str | None:
    if trace.onset < 0:
        return "it has no values at stimulus onset"
    has = points_available(len(trace.samples), trace.period_us, trace.onset)
    if has < points:
        return f"{max(has, 0) / 20:g} ms follow the onset, {points / 20:g} ms are needed"
    return None


def _with_level(trace: Trace, options: Options) -> Trace:
    if options.level_db is not None:
        return attrs.evolve(trace, level_db=options.level_db)
    if not np.isfinite(trace.level_db):
        raise DataError(
            "each recording must have a level",
            found="none",
            where=trace.where,
            hint="Say that of all of them, as `--level-db 80`",
        )
    return trace


def _require(
    left: Sequence[object] | NDArray[np.int64],
    left_out: list[tuple[str, str]],
    options: Options,
    where: str,
) -> None:
    if len(left):
        return
    name, reason = left_out[-1] if left_out else (where, "there are no recordings")
    short = "are needed" in reason
    raise DataError(
        f"a record must cover {options.window_ms:g} ms after onset"
        if short
        else "at least one recording must be usable",
        found=f"{name} was left out: {reason}" if left_out else reason,
        where=where,
        hint="Use a shorter window_ms" if short else None,
    )


def _labels_in_window(
    traces: Sequence[Trace], window_ms: float
) -> tuple[list[Trace], list[tuple[str, str]]]:
    """Recordings without labels of peaks that cannot be, and which lost one."""
    kept: list[Trace] = []
    dropped: list[tuple[str, str]] = []
    for trace in traces:
        latency, height = trace.waves[1], trace.waves[2]
        outside = (latency <= 0) | (latency >= window_ms)
        below = height <= 0
        if not (outside.any() or below.any()):
            kept.append(trace)
            continue
        waves = trace.waves.copy()
        waves[:, outside] = np.nan
        waves[2, below] = np.nan
        kept.append(attrs.evolve(trace, waves=waves))
        for index, wave in enumerate(WAVES):
            if outside[index]:
                dropped.append((trace.where, f"wave {wave} is said to lie outside the window"))
            elif below[index]:
                dropped.append((trace.where, f"the amplitude of wave {wave} is not above 0"))
    return kept, dropped


def _varying_thresholds(traces: Sequence[Trace]) -> tuple[str, ...]:
    """A threshold belongs to an ear: labels that vary within a subject are worth a word."""
    found: dict[str, set[float]] = {}
    for trace in traces:
        if np.isfinite(trace.threshold_db):
            found.setdefault(trace.subject, set()).add(trace.threshold_db)
    varying = sum(len(labels) > 1 for labels in found.values())
    if not varying:
        return ()
    said = f"{varying} of {len(found)} subjects have more than one threshold: a threshold belongs "
    return (said + "to an ear, so these are of two ears, or were made up from something else",)


def _resampled(traces: Sequence[Trace], units: Sequence[str], points: int) -> Floats:
    """(N, 3, T) average and halves; halves are NaN where there are none.

    Traces of one length, sampling and onset are resampled together: the filter is the same.
    """
    made = np.full((len(traces), 3, points), np.nan, np.float32)
    alike: dict[tuple[int, float, float], list[int]] = {}
    for index, trace in enumerate(traces):
        key = (len(trace.samples), trace.period_us, trace.onset)
        alike.setdefault(key, []).append(index)
    for (_, period_us, onset), members in alike.items():
        together = np.concatenate(
            [traces[i].samples * MICROVOLTS.get(units[i], 1.0) for i in members], axis=1
        )
        brought = resample(together, period_us, onset, points)
        first = 0
        for index in members:
            channels = traces[index].samples.shape[1]
            made[index, :channels] = brought[:, first : first + channels].T
            first += channels
    return made


def _recordings(traces: Sequence[Trace], waves_uv: Floats, subjects: tuple[str, ...]) -> Recordings:
    place = {name: index for index, name in enumerate(subjects)}
    numbers = {name: [getattr(trace, name) for trace in traces] for name in _NUMBERS}
    waves = np.array([trace.waves for trace in traces]).reshape(-1, 3, len(WAVES))
    return Recordings(
        recording_uv=waves_uv[:, 0],
        half_a_uv=waves_uv[:, 1],
        half_b_uv=waves_uv[:, 2],
        truth_uv=np.full_like(waves_uv[:, 0], np.nan),
        wave_present=waves[:, 0],
        wave_latency_ms=waves[:, 1],
        wave_amplitude_uv=waves[:, 2],
        subject=[place[trace.subject] for trace in traces],
        **numbers,
    )
