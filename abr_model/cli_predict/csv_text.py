"""Rows of plain values as CSV. No torch."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

Value = str | int | float | None
Row = dict[str, Value]


def write_csv(rows: Sequence[Row], file: TextIO) -> None:
    """The rows, which have the same columns, with a header; what is not known is empty."""
    writer = csv.DictWriter(file, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
