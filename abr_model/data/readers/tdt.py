"""TDT CSV exports: one row a recording, samples in the columns `0`, `1`, … after `Data(uv)`.

Peaks are in the columns `T1(ms)`, `V1(uv)` to `T10`, `V10`, of which wave n has the n-th pair; -1.0
means that nobody marked it, which says nothing of whether the wave is there. `V` is read as the
wave's amplitude only where it is above 0: the format does not say from which trough it is measured.
Levels are what the system calls them (dB SPL as a rule). The samples begin at the stimulus onset
unless `--onset-ms` says otherwise.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from abr_model.data.readers.text import decode, number, positive
from abr_model.data.readers.trace import Head, Options, Reading, Trace, no_waves
from curriculum.errors import DataError

_PERIOD, _COUNT, _LEVEL, _SWEEPS, _SUBJECT = (
    "Samp. Per.",
    "No. Samps.",
    "Level(dB)",
    "No. Avgs",
    "Sub. ID",
)
_NEEDED = (_LEVEL, _PERIOD, _COUNT)
_WAVE_NUMBERS = (1, 3, 5)
_NOT_MARKED = -1.0
_CUT = "It may be cut off or edited; export it again"


@attrs.frozen(kw_only=True)
class _Columns:
    """Where in a row each thing lies."""

    of: Mapping[str, int]  # by name
    first_sample: int
    samples: int
    width: int


class TdtCsv:
    """See the module."""

    name = "tdt"
    version = 1
    suffixes = frozenset({".csv"})

    def sniff(self, head: Head) -> bool:
        """The header names the sample period and the level as TDT does."""
        header = head.text.split("\n", 1)[0]
        return all(name in header for name in _NEEDED) and "," in header

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """Each row of the file."""
        lines = decode(content, str(path)).splitlines()
        rows = [[cell.strip() for cell in row] for row in csv.reader(lines)]
        columns = _columns(rows[0], f"{path}:1")
        traces = [
            _trace(row, columns, path, line, where, options)
            for line, row in enumerate(rows[1:], 2)
            if any(row)
        ]
        if not traces:
            raise DataError(
                "an export must hold records", found="a header alone", where=f"{path}:1"
            )
        return Reading(traces=traces, unit="uV")


def _columns(header: Sequence[str], where: str) -> _Columns:
    of: dict[str, int] = {}
    for place, cell in enumerate(header):
        of.setdefault(cell, place)
    for name in _NEEDED:
        if name not in of:
            raise DataError(f"the header must name the column `{name}`", where=where, hint=_CUT)
    data = next((cell for cell in header if cell.lower().startswith("data(")), None)
    if data is not None and not data.lower().startswith("data(uv)"):
        raise DataError(
            "samples must be in the column `Data(uv)`",
            found=f"`{data}`",
            where=where,
            hint="Export the waveforms in microvolts",
        )
    if "0" not in of:
        raise DataError(
            "the header must number the samples from `0`", found="no column `0`", where=where
        )
    first = of["0"]
    count = 0
    while first + count < len(header) and header[first + count] == str(count):
        count += 1
    return _Columns(of=of, first_sample=first, samples=count, width=len(header))


def _trace(
    row: Sequence[str], columns: _Columns, path: Path, line: int, where: str, options: Options
) -> Trace:
    place = f"{path}:{line}"
    # Spreadsheets drop empty cells at the end, or add some; no cell with a value may be missing.
    if len(row) < columns.first_sample or any(row[columns.width :]):
        raise DataError(
            f"a record must have {columns.width} columns", found=len(row), where=place, hint=_CUT
        )

    def cell(name: str) -> str:
        return row[columns.of[name]] if name in columns.of else ""

    period_us = positive(cell(_PERIOD), _PERIOD, place)
    count = _whole(cell(_COUNT), place)
    if count > columns.samples:
        raise DataError(
            f"`{_COUNT}` must be at most the number of sample columns, {columns.samples}",
            found=count,
            where=place,
        )
    cells = row[columns.first_sample : columns.first_sample + count]
    if len(cells) < count or "" in cells:
        found = sum(map(bool, cells))
        raise DataError(
            f"a record must have {count} samples, as it says", found=found, where=place, hint=_CUT
        )
    onset_ms = options.onset_ms or 0.0
    return Trace(
        where=f"{where}:{line}",
        subject=cell(_SUBJECT) or options.subject_of(path),
        samples=np.array([number(text, place) for text in cells])[:, None],
        period_us=period_us,
        onset=onset_ms * 1000 / period_us,
        level_db=number(cell(_LEVEL), place),
        sweeps=positive(cell(_SWEEPS), _SWEEPS, place) if cell(_SWEEPS) else np.nan,
        waves=_waves(row, columns, place),
    )


def _waves(row: Sequence[str], columns: _Columns, place: str) -> np.ndarray:
    waves = no_waves()
    for index, wave in enumerate(_WAVE_NUMBERS):
        latency = _peak(row, columns, f"T{wave}", place)
        if latency is None:
            continue
        if latency <= 0:
            raise DataError(
                f"`T{wave}` must be above 0, or -1 where it is not marked",
                found=latency,
                where=place,
            )
        height = _peak(row, columns, f"V{wave}", place)
        waves[0, index], waves[1, index] = 1.0, latency
        if height is not None and height > 0:
            waves[2, index] = height
    return waves


def _peak(row: Sequence[str], columns: _Columns, name: str, place: str) -> float | None:
    pattern = re.compile(rf"{name}(\(\w+\))?$")
    at = next((place for label, place in columns.of.items() if pattern.match(label)), None)
    if at is None or at >= len(row) or not row[at]:
        return None
    value = number(row[at], place)
    return None if value == _NOT_MARKED else value


def _whole(text: str, place: str) -> int:
    value = positive(text, _COUNT, place)
    if value != int(value):
        raise DataError(f"`{_COUNT}` must be a whole number", found=text, where=place)
    return int(value)
