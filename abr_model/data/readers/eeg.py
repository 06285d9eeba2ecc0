"""EDF, BDF and FIF recordings through MNE: sweeps are averaged here, into two halves.

Needs the extra: `pip install 'abr-curriculum[eeg]'`. A file is one level of one subject (say
`--level-db`, and `--subject` where the file does not name it). The stimulus is an annotation or a
value of the stimulus channel, said by `--event` where there is more than one kind. The first EEG
channel is read unless `--channel` says another. Sweeps go alternately into the two halves, so that
slow changes are in both. Nothing is filtered, and no sweep is rejected but those without a whole
window: what is to be rejected is best taken out before.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import numpy as np

from abr_model.data.readers.trace import Head, Options, Reading, Trace
from curriculum.errors import DataError

_FEWEST_SWEEPS = 2
_FORMATS = {".edf": "read_raw_edf", ".bdf": "read_raw_bdf", ".fif": "read_raw_fif"}
_BDF_START, _EDF_START = b"\xffBIOSEMI", b"0       "
_FIF_START = b"\x00\x00\x00\x64\x00\x00\x00\x1f"  # the file's id: kind 100, type 31


class Eeg:
    """See the module."""

    name = "eeg"
    version = 1
    suffixes = frozenset(_FORMATS)

    def sniff(self, head: Head) -> bool:
        """The first bytes of EDF, BDF or FIF."""
        return _kind(head.start) is not None

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """The average of the file's sweeps."""
        kind = _kind(content)
        if kind is None:
            raise DataError(
                "the file must begin as EDF, BDF or FIF does", found="other bytes", where=str(path)
            )
        raw = _open(path, kind)
        rate = float(raw.info["sfreq"])
        channel = _channel(raw, options.channel, path)
        samples_uv = np.asarray(raw.get_data(picks=[channel]), np.float64)[0] * 1e6
        starts = _stimuli(raw, options.event, path)
        length = int(np.ceil(options.window_ms * rate / 1000)) + 1
        before = round((options.onset_ms or 0.0) * rate / 1000)
        whole = starts[(starts + before >= 0) & (starts + before + length <= len(samples_uv))]
        if len(whole) < _FEWEST_SWEEPS:
            raise DataError(
                f"a recording must have {_FEWEST_SWEEPS} sweeps at least, each with a whole window "
                f"of {options.window_ms:g} ms",
                found=len(whole),
                where=str(path),
            )
        sweeps = samples_uv[whole[:, None] + before + np.arange(length)]
        halves = [sweeps[first::2].mean(axis=0) for first in (0, 1)]
        trace = Trace(
            where=where,
            subject=_subject(raw, options, path),
            samples=np.stack([np.mean(halves, axis=0), *halves], axis=1),
            period_us=1e6 / rate,
            onset=0.0,
            level_db=np.nan,  # said by `--level-db`
            sweeps=len(whole),
            rate_hz=float(1 / np.median(np.diff(np.sort(whole))) * rate),
        )
        lost = len(starts) - len(whole)
        notices = [f"{where}: {channel}, the average of {len(whole)} sweeps, none of them rejected"]
        if lost:
            notices.append(f"{where}: {lost} sweeps were left out: they have no whole window")
        return Reading(traces=[trace], unit="uV", notices=tuple(notices))


def _kind(start: bytes) -> str | None:
    if start.startswith(_BDF_START):
        return ".bdf"
    if start.startswith(_EDF_START):
        return ".edf"
    return ".fif" if start.startswith(_FIF_START) else None


def _open(path: Path, kind: str) -> Any:
    try:
        mne = importlib.import_module("mne")
    except ImportError:
        raise DataError(
            "EDF, BDF and FIF files are read through MNE, which must be installed",
            found="no module `mne`",
            where=str(path),
            hint="pip install 'abr-curriculum[eeg]'",
        ) from None
    try:
        return getattr(mne.io, _FORMATS[kind])(path, preload=True, verbose="error")
    except Exception as error:  # MNE raises whatever its parsers do
        raise DataError(
            "the file must be one that MNE can read",
            found=f"{type(error).__name__}: {error}",
            where=str(path),
        ) from error


def _channel(raw: Any, wanted: str | None, path: Path) -> str:
    names = list(raw.ch_names)
    eeg = [name for name, kind in zip(names, raw.get_channel_types(), strict=True) if kind == "eeg"]
    if wanted is None and eeg:
        return str(eeg[0])
    if wanted in names:
        return str(wanted)
    raise DataError(
        "the channel must be one of the file's" if wanted else "the file must have an EEG channel",
        found=repr(wanted) if wanted else f"channels {', '.join(names)}",
        where=str(path),
        hint=f"Say `--channel` with one of {', '.join(names)}",
    )


def _stimuli(raw: Any, wanted: str | None, path: Path) -> np.ndarray:
    """(n,) samples of the stimuli: annotations, or else rising values of the stimulus channel."""
    mne = importlib.import_module("mne")
    if len(raw.annotations):
        events, codes = mne.events_from_annotations(raw, verbose="error")
    else:
        events = mne.find_events(raw, shortest_event=1, verbose="error")
        codes = {str(code): code for code in np.unique(events[:, 2]).tolist()}
    if wanted is None and len(codes) == 1:
        wanted = next(iter(codes))
    if wanted not in codes:
        raise DataError(
            "the stimulus must be one of the file's events",
            found=f"{len(codes)} kinds, none said" if wanted is None else repr(wanted),
            where=str(path),
            hint=f"Say `--event` with one of {', '.join(codes)}" if codes else "It has no events",
        )
    samples = events[events[:, 2] == codes[wanted], 0]
    return np.asarray(samples, np.int64) - int(raw.first_samp)


def _subject(raw: Any, options: Options, path: Path) -> str:
    if options.subject is not None:
        return options.subject_of(path)
    info = raw.info.get("subject_info") or {}
    named = str(info.get("his_id") or "").strip()
    return named if named not in ("", "X") else options.subject_of(path)
