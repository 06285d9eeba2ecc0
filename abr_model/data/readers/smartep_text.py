"""The text that the SmartEP system exports: one file, a block of six columns a record.

Rows of metadata (`Identifier:` … `Zero Position`), the header row `Data Pnt:,Average:,…`, then 1024
numbered points. Whatever is damaged is a `DataError` with file and line.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.readers.text import number
from curriculum.errors import DataError

POINTS = 1024
FIRST_LABEL = "Identifier"
_HEADER = "Data Pnt"
_COLUMNS = ("Average", "Average(uV)", "Buffer1", "Buffer1(uV)", "Buffer2", "Buffer2(uV)")
_MICROVOLTS = (1, 3, 5)
_NUMBERS = ("Intensity", "Stim. Rate", "Sweeps", "Smp. Period", "Zero Position")
_REST = "It may be cut off or edited; export it again"


@attrs.frozen(kw_only=True, eq=False)
class Record:
    """One record of an export, as it is written there."""

    name: str  # `File Name` of the metadata
    subject: str
    ear: str
    level_db: float
    rate_hz: float
    sweeps: float
    period_us: float
    onset: float  # sample of the stimulus onset, counted from 0
    samples_uv: NDArray[np.float64]  # (1024, 3): average, half A, half B


def parse(text: str, where: str) -> list[Record]:
    """All records of an export, in its order; `where` names the file in messages.

    Raises:
        DataError: the text is damaged.
    """
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    header = next((i for i, row in enumerate(rows) if _label(row) == _HEADER), None)
    if header is None:
        raise DataError(
            f"an export must have the row `{_HEADER}:`",
            found=f"{len(rows)} rows without it",
            where=f"{where}:{len(rows)}",
            hint=_REST,
        )
    width = len(rows[header])
    while width > 1 and not rows[header][width - 1]:
        width -= 1
    count = _check_header(rows[header][1:width], f"{where}:{header + 1}")
    meta = {_label(row): (number, row) for number, row in enumerate(rows[:header], 1)}
    text_of = {k: _texts(meta, k, count, where) for k in (FIRST_LABEL, "File Name", "Ear")}
    number_of = {k: _positive(meta, k, count, where) for k in _NUMBERS}
    table = _points(rows[header + 1 :], header + 2, width, where)
    blocks = table[:, 1:].reshape(POINTS, count, len(_COLUMNS))[:, :, _MICROVOLTS]
    return [
        Record(
            name=text_of["File Name"][k],
            subject=text_of[FIRST_LABEL][k],
            ear=text_of["Ear"][k],
            level_db=number_of["Intensity"][k],
            rate_hz=number_of["Stim. Rate"][k],
            sweeps=number_of["Sweeps"][k],
            period_us=number_of["Smp. Period"][k],
            onset=number_of["Zero Position"][k],
            samples_uv=blocks[:, k],
        )
        for k in range(count)
    ]


def _label(row: list[str]) -> str:
    return row[0].rstrip(":")


def _check_header(cells: list[str], where: str) -> int:
    """How many records the header names."""
    count, rest = divmod(len(cells), len(_COLUMNS))
    if rest or not count:
        raise DataError(
            "the header must name six columns for each record", found=len(cells), where=where
        )
    for cell, expected in zip(cells, _COLUMNS * count, strict=True):
        if cell.rstrip(":") != expected:
            hint = "Export the waveforms in microvolts" if "(" in cell else None
            raise DataError(
                f"the column must be `{expected}:`", found=f"`{cell}`", where=where, hint=hint
            )
    return count


def _texts(meta: dict[str, tuple[int, list[str]]], label: str, count: int, where: str) -> list[str]:
    """What a row of metadata says of each record: its first column holds it."""
    if label not in meta:
        raise DataError(f"an export must have the row `{label}`", where=where, hint=_REST)
    line, row = meta[label]
    values = row[1 :: len(_COLUMNS)][:count]
    if len(values) < count or not all(values):
        found = f"{sum(map(bool, values))} of {count}"
        raise DataError(
            f"the row `{label}` must have a value for each record",
            found=found,
            where=f"{where}:{line}",
        )
    return values


def _positive(
    meta: dict[str, tuple[int, list[str]]], label: str, count: int, where: str
) -> list[float]:
    """The numbers of a row of metadata. Levels may be of any sign, all others are above 0."""
    texts = _texts(meta, label, count, where)
    place = f"{where}:{meta[label][0]}"
    numbers = [number(text, place) for text in texts]
    if label != "Intensity" and min(numbers) <= 0:
        raise DataError(f"`{label}` must be above 0", found=min(numbers), where=place)
    return numbers


def _points(rows: list[list[str]], first_line: int, width: int, where: str) -> NDArray[np.float64]:
    """(1024, width) the numbers of the points, whose first column counts from 1."""
    while rows and rows[-1] == [""]:
        rows = rows[:-1]
    table = np.empty((POINTS, width))
    for index, row in enumerate(rows[:POINTS]):
        place = f"{where}:{first_line + index}"
        cells = row[:width]
        if len(cells) < width or any(row[width:]):
            found = len(row) if any(row[width:]) else sum(map(bool, cells))
            raise DataError(
                f"a point must have {width} columns", found=found, where=place, hint=_REST
            )
        try:
            table[index] = [float(cell) for cell in cells]
        except ValueError:
            table[index] = [number(cell, place) for cell in cells]
        if not np.isfinite(table[index]).all():
            raise DataError("every value must be finite", found="NaN or infinity", where=place)
        if table[index, 0] != index + 1:
            raise DataError(
                f"this must be point {index + 1}", found=cells[0], where=place, hint=_REST
            )
    if len(rows) != POINTS:
        raise DataError(
            f"an export must have {POINTS} points",
            found=len(rows),
            where=f"{where}:{first_line + len(rows) - 1}",
            hint=_REST,
        )
    return table
