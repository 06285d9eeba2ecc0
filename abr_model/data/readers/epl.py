"""EPL text: level sweeps as the Eaton-Peabody Laboratories' software writes them.

Learnt from public files and from a public program that reads them: a header that begins with
`:RUN-`, with fields such as `:LEVELS:10;15;…;`, `# AVERAGES: 512`, `REP RATE (/sec): 40` and
`SAMPLE (µsec): 10`, then `:DATA` and a column in µV for each level. The samples are taken to begin
at the stimulus onset (say `--onset-ms` where they do not), and levels are dB SPL. The subject is
not in the file. Columns of zeros, which the software is known to write, are left out by name.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from abr_model.data.readers.text import number, positive
from abr_model.data.readers.trace import Head, Options, Reading, Trace
from curriculum.errors import DataError

_BEGINS = ":RUN-"
_DATA = re.compile(r":DATA")
_LEVELS = re.compile(r":LEVELS:([^:]*):")
_PERIOD = re.compile(r"SAMPLE \(.{1,2}sec\):\s*([^\s:]+)")
_SWEEPS = re.compile(r"# AVERAGES:\s*([^\s:]+)")
_RATE = re.compile(r"REP RATE \(/sec\):\s*([^\s:]+)")
_CUT = "It may be cut off or edited; export it again"


class EplText:
    """See the module."""

    name = "epl"
    version = 1
    suffixes = frozenset({".txt"})

    def sniff(self, head: Head) -> bool:
        """The file begins with the number of the run."""
        return head.text.startswith(_BEGINS)

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """Each level of the run."""
        # µ is one byte in the files that are known; no other text matters.
        text = content.decode("latin-1").replace("\r\n", "\n").replace("\r", "\n")
        found = _DATA.search(text)
        if found is None:
            raise DataError(
                "an EPL file must have `:DATA` after its header",
                found=f"{text.count(chr(10)) + 1} lines without it",
                where=str(path),
                hint=_CUT,
            )
        header, body = text[: found.start() + 1], text[found.end() :]
        first_line = text.count("\n", 0, found.end()) + 1
        levels = [
            number(each.strip(), _place(path, header, _LEVELS))
            for each in _field(header, _LEVELS, ":LEVELS:", path).split(";")
            if each.strip()
        ]
        period_us = _positive(header, _PERIOD, "SAMPLE (µsec)", path)
        sweeps = _positive(header, _SWEEPS, "# AVERAGES", path)
        rate = _positive(header, _RATE, "REP RATE (/sec)", path)
        table = _table(body, first_line, len(levels), path)
        subject = options.subject_of(path)
        traces, left_out = [], []
        for column, level in enumerate(levels):
            name = f"{where}, {level:g} dB"
            if not table[:, column].any():
                left_out.append((name, "all its values are 0"))
                continue
            traces.append(
                Trace(
                    where=name,
                    subject=subject,
                    samples=table[:, column : column + 1],
                    period_us=period_us,
                    onset=(options.onset_ms or 0.0) * 1000 / period_us,
                    level_db=level,
                    sweeps=sweeps,
                    rate_hz=rate,
                )
            )
        return Reading(traces=traces, unit="uV", left_out=tuple(left_out))


def _field(header: str, pattern: re.Pattern[str], label: str, path: Path) -> str:
    found = pattern.search(header)
    if found is None or not found[1].strip(" ;"):
        raise DataError(f"the header must have `{label}` with a value", where=str(path), hint=_CUT)
    return found[1]


def _positive(header: str, pattern: re.Pattern[str], label: str, path: Path) -> float:
    return positive(_field(header, pattern, label, path), label, _place(path, header, pattern))


def _place(path: Path, header: str, pattern: re.Pattern[str]) -> str:
    found = pattern.search(header)
    line = header.count("\n", 0, found.start(1)) + 1 if found else 1
    return f"{path}:{line}"


def _table(body: str, first_line: int, columns: int, path: Path) -> np.ndarray:
    """(n, columns) the numbers after the header."""
    rows: list[list[float]] = []
    for line, text in enumerate(body.split("\n"), first_line):
        cells = text.split()
        if not cells:
            continue
        place = f"{path}:{line}"
        if len(cells) != columns:
            raise DataError(
                f"a row must have {columns} values, one for each level",
                found=len(cells),
                where=place,
                hint=_CUT,
            )
        rows.append([number(cell, place) for cell in cells])
    if not rows:
        raise DataError("an EPL file must have values after `:DATA`", where=f"{path}:{first_line}")
    return np.array(rows)
