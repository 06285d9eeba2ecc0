"""A table of one's own: one row a recording, with a mapping file that says which column is what.

The mapping says everything (see `mapping`); nothing is guessed from the names of columns.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import numpy as np

from abr_model.data.readers.mapping import NUMBER_FIELDS, TableMapping, read_mapping
from abr_model.data.readers.text import decode, number
from abr_model.data.readers.trace import Head, Options, Reading, Trace, no_waves
from abr_model.data.recordings import CLASSES, UNKNOWN_CLASS
from curriculum.errors import DataError

_ABOVE_0 = ("sweeps", "rate_hz", "detection", "noise_uv")


@attrs.frozen(kw_only=True)
class _Layout:
    """Where in a row each thing lies."""

    mapping: TableMapping
    at: dict[str, int]  # field to column
    channels: Sequence[Sequence[int]]  # columns of the average, or of it and its two halves
    width: int


class Table:
    """See the module."""

    name = "table"
    version = 1
    suffixes = frozenset({".csv", ".tsv", ".txt"})

    def sniff(self, head: Head) -> bool:
        """Never by itself: a table is read where a mapping is given."""
        del head
        return False

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """Each row of the table."""
        if options.mapping is None:
            raise DataError(
                "a table must be described by a mapping file",
                where=str(path),
                hint="Say `--mapping FILE.yaml`",
            )
        mapping = read_mapping(options.mapping)
        lines = decode(content, str(path)).splitlines()
        rows = csv.reader(lines, delimiter=mapping.delimiter)
        header = [cell.strip() for cell in next(rows)]
        layout = _layout(mapping, header, f"{path}:1")
        traces = []
        for row in rows:
            cells = [cell.strip() for cell in row]
            if any(cells):
                line = rows.line_num
                traces.append(_trace(cells, layout, f"{path}:{line}", f"{where}:{line}", options))
        if not traces:
            raise DataError("a table must have rows", found="a header alone", where=f"{path}:1")
        return Reading(traces=traces, unit=mapping.unit)


def _layout(mapping: TableMapping, header: Sequence[str], where: str) -> _Layout:
    at: dict[str, int] = {}
    for field, column in mapping.columns.items():
        if header.count(column.column) != 1:
            raise DataError(
                f"the header must have the column `{column.column}` once",
                found=f"it {header.count(column.column)} times",
                where=where,
                hint=f"It is said to be `{field}` in the mapping",
            )
        at[field] = header.index(column.column)
    patterns = [mapping.samples]
    if mapping.half_a is not None and mapping.half_b is not None:
        patterns += [mapping.half_a, mapping.half_b]
    channels = [_numbered(pattern, header, where) for pattern in patterns]
    if len({len(channel) for channel in channels}) != 1:
        raise DataError(
            "the average and its halves must have the same number of columns",
            found=[len(channel) for channel in channels],
            where=where,
        )
    return _Layout(mapping=mapping, at=at, channels=channels, width=len(header))


def _numbered(pattern: re.Pattern[str], header: Sequence[str], where: str) -> list[int]:
    """The columns that a pattern matches whole, in the order of their numbers, none missing."""
    numbers: dict[int, int] = {}
    for place, cell in enumerate(header):
        found = pattern.fullmatch(cell)
        if found is None:
            continue
        if not found[1].isdecimal() or int(found[1]) in numbers:
            raise DataError(
                f"columns of samples must be numbered by the group of {pattern.pattern!r}",
                found=f"`{cell}`",
                where=where,
            )
        numbers[int(found[1])] = place
    first = min(numbers, default=0)
    if sorted(numbers) != list(range(first, first + len(numbers))) or len(numbers) < 2:
        raise DataError(
            f"columns that match {pattern.pattern!r} must be numbered without a gap",
            found=f"{len(numbers)} columns",
            where=where,
        )
    return [numbers[n] for n in sorted(numbers)]


def _trace(row: Sequence[str], layout: _Layout, place: str, where: str, options: Options) -> Trace:
    if len(row) != layout.width:
        raise DataError(f"a row must have {layout.width} columns", found=len(row), where=place)
    mapping = layout.mapping

    def cell(field: str) -> str | None:
        """The text of a field, or None where it is not known."""
        if field not in layout.at or row[layout.at[field]] in mapping.missing:
            return None
        return row[layout.at[field]]

    def value(field: str) -> float:
        text = cell(field)
        if text is None:
            return np.nan
        found = number(text, place) * mapping.columns[field].times
        if field in _ABOVE_0 and found <= 0:
            name = mapping.columns[field].column
            raise DataError(f"`{name}` must be above 0", found=text, where=place)
        return found

    def coded(field: str) -> str | None:
        text, values = cell(field), mapping.columns[field].values if field in layout.at else None
        if text is None or values is None:
            return text
        if text not in values:
            raise DataError(
                f"`{mapping.columns[field].column}` must be one of the mapping's values",
                found=repr(text),
                where=place,
                hint=f"Known are {', '.join(values)}; say `missing` for what means not known",
            )
        return values[text]

    subject = cell("subject")
    if subject is None:
        raise DataError("each row must name its subject", found="none", where=place)
    samples = np.array([[number(row[at], place) for at in channel] for channel in layout.channels])
    onset_ms = mapping.onset_ms if options.onset_ms is None else options.onset_ms
    return Trace(
        where=where,
        subject=subject,
        samples=samples.T,
        period_us=mapping.period_us,
        onset=onset_ms * 1000 / mapping.period_us,
        hearing_class=_class(coded("hearing_class"), place),
        waves=_waves(value, coded, place),
        **{field: value(field) for field in NUMBER_FIELDS},
    )


def _class(text: str | None, place: str) -> int:
    if text is None:
        return UNKNOWN_CLASS
    if text not in CLASSES:
        raise DataError(
            f"a class must be {', '.join(CLASSES[:-1])} or {CLASSES[-1]}",
            found=repr(text),
            where=place,
            hint="Say `values` in the mapping to translate other words",
        )
    return CLASSES.index(text)


def _waves(
    value: Callable[[str], float], coded: Callable[[str], str | None], place: str
) -> np.ndarray:
    """(3, W): a wave with a latency is present; without, only where it is said to be (or not)."""
    waves = no_waves()
    for index, name in enumerate(("i", "iii", "v")):
        said = coded(f"wave_{name}_present")
        if said not in (None, "1", "0"):
            raise DataError(
                f"wave_{name}_present must be 1 or 0",
                found=repr(said),
                where=place,
                hint="Say `values` in the mapping to translate other words",
            )
        latency, height = value(f"wave_{name}_latency_ms"), value(f"wave_{name}_amplitude_uv")
        marked = np.isfinite(latency) or np.isfinite(height)
        if said == "0" and marked:
            raise DataError(
                f"wave {name.upper()} must have no latency or amplitude where it is absent",
                found=f"{latency:g} ms, {height:g} µV",
                where=place,
            )
        if said is not None or marked:
            waves[:, index] = 0.0 if said == "0" else 1.0, latency, height
    return waves
