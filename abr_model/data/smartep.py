"""Read a folder of SmartEP text exports as recordings at 20 kHz from stimulus onset.

Every record is either read or left out by name, with the reason, in the notices. Nothing is known
of hearing, peaks, threshold or age: these labels are unknown.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import attrs
import numpy as np

from abr_model.data.recordings import UNKNOWN_CLASS, WAVES, Recordings, points_in
from abr_model.data.resample import points_available, resample
from abr_model.data.smartep_text import Record, decode, is_export, parse, relative_name
from curriculum.errors import DataError

READER_VERSION = 1  # part of the fingerprint: raise it when the same file gives other recordings
_MEAN_WITHIN_UV = 0.001  # the average and the mean of its halves, which are rounded to 0.0001 µV


@attrs.frozen(kw_only=True, eq=False)
class Export:
    """What a folder of exports holds."""

    recordings: Recordings  # in order of the files' names, then as in the file
    subject_names: tuple[str, ...]
    contents: tuple[tuple[str, str], ...]  # each file's name within the folder, and its sha256
    notices: tuple[str, ...]


def read_folder(folder: Path, window_ms: float) -> Export:
    """Read all exports in a folder and its subfolders (`*.txt`, whatever the case).

    Raises:
        DataError: there is no such folder, no export in it, a file is damaged, or no record has
            a whole window.
    """
    folder = Path(folder)
    if not folder.is_dir():
        found = "a file" if folder.exists() else "nothing there"
        raise DataError(
            "recordings must lie in a folder", found=found, where=str(folder), hint="Check the path"
        )
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() == ".txt" and p.is_file())
    kept: list[Record] = []
    contents: list[tuple[str, str]] = []
    notices: list[str] = []
    for path in paths:
        content = _read(path)
        name = relative_name(path, folder)
        text = decode(content, str(path))
        if not is_export(text):
            notices.append(f"{name} was left out: its first row is not that of a SmartEP export")
            continue
        contents.append((name, hashlib.sha256(content).hexdigest()))
        for number, record in enumerate(parse(text, str(path)), 1):
            reason = _unfit(record, points_in(window_ms))
            if reason is None:
                kept.append(record)
            else:
                notices.append(f"{name}, record {number} ({record.name}) was left out: {reason}")
    if not contents:
        raise DataError(
            "the folder must hold SmartEP text exports (*.txt)",
            found=f"{len(paths)} text files, none of them an export",
            where=str(folder),
        )
    if not kept:
        raise DataError(
            f"a record must cover {window_ms:g} ms after onset",
            found=notices[-1],
            where=str(folder),
            hint="Use a shorter window_ms",
        )
    names = tuple(sorted({record.subject for record in kept}))
    return Export(
        recordings=_recordings(kept, names, points_in(window_ms)),
        subject_names=names,
        contents=tuple(contents),
        notices=tuple(notices),
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            "the file must be readable", found=error.strerror, where=str(path)
        ) from error


def _unfit(record: Record, points: int) -> str | None:
    """Why a record cannot be used, or None."""
    samples = record.samples_uv
    has = points_available(len(samples), record.period_us, record.onset)
    if has < points:
        return f"{max(has, 0) / 20:g} ms follow the onset, {points / 20:g} ms are needed"
    if np.abs(samples[:, 0] - samples[:, 1:].mean(axis=1)).max() > _MEAN_WITHIN_UV:
        return "its average is not the mean of its two halves"
    if _begins(record) > record.onset:
        return "it has no values at stimulus onset"
    return None


def _begins(record: Record) -> int:
    """The first sample of the recording: before it all are exactly zero."""
    filled = np.flatnonzero(record.samples_uv.any(axis=1))
    return int(filled[0]) if len(filled) else len(record.samples_uv)


def _recordings(records: list[Record], names: tuple[str, ...], points: int) -> Recordings:
    first = [_begins(record) for record in records]  # crop before filtering
    waves_uv = np.stack(
        [
            resample(record.samples_uv[begin:], record.period_us, record.onset - begin, points)
            for record, begin in zip(records, first, strict=True)
        ]
    )
    count = len(records)
    unknown = np.full(count, np.nan)
    unknown_waves = np.full((count, len(WAVES)), np.nan)
    return Recordings(
        recording_uv=waves_uv[:, :, 0],
        half_a_uv=waves_uv[:, :, 1],
        half_b_uv=waves_uv[:, :, 2],
        truth_uv=np.full((count, points), np.nan),
        sweeps=[record.sweeps for record in records],
        level_db=[record.level_db for record in records],
        age_years=unknown,
        rate_hz=[record.rate_hz for record in records],
        hearing_class=np.full(count, UNKNOWN_CLASS),
        wave_present=unknown_waves,
        wave_latency_ms=unknown_waves,
        wave_amplitude_uv=unknown_waves,
        threshold_db=unknown,
        subject=[names.index(record.subject) for record in records],
    )
