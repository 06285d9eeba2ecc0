"""BioSigRZ text exports: a group header, then a header and its samples in volts for each record.

Learnt from exports that are public: samples stand one a line in volts, `Aqu. Duration` over `No.
Points` is the sample period, and the level is the variable `Level` in dB (SPL as a rule). How the
samples lie to the stimulus where `Onset Delay` is not 0 is not documented, so such a file is
refused unless `--onset-ms` says it. Peaks and thresholds are not in this format.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np

from abr_model.data.readers.text import decode, number, positive
from abr_model.data.readers.trace import Head, Options, Reading, Trace
from curriculum.errors import DataError

_GROUP = "ABR Group Header"
_RECORD = "Record Number"
_SUBJECT = "Subject ID"
_DURATION, _DELAY, _POINTS, _SWEEPS = "Aqu. Duration", "Onset Delay", "No. Points", "No. Averages"
_LABEL = re.compile(r"\s*([A-Za-z][\w.# -]*?)\s*(?::(?!\d)|=)\s*(.*?)\s*$")
_CUT = "It may be cut off or edited; export it again"


@attrs.define
class _Record:
    """The lines of a record: labels with their line, and samples with theirs."""

    line: int
    labels: dict[str, tuple[int, str]] = attrs.field(factory=dict)
    samples: list[tuple[int, str]] = attrs.field(factory=list)


class BioSigText:
    """See the module."""

    name = "biosig"
    version = 1
    suffixes = frozenset({".txt"})

    def sniff(self, head: Head) -> bool:
        """The group's header, or that of its first record."""
        begins = head.text.lstrip()
        return begins.startswith((_GROUP, _RECORD))

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """Each record of the file."""
        lines = decode(content, str(path)).splitlines()
        group, records = _divide(lines, path)
        subject = group.get(_SUBJECT, (0, ""))[1] or options.subject_of(path)
        traces = [
            _trace(record, subject, path, f"{where}, record {number_of}", options)
            for number_of, record in enumerate(records, 1)
        ]
        stated = group.get("Records", (0, ""))[1]
        notices = ()
        if stated.isdecimal() and int(stated) != len(records):
            said = f"{where}: its header says {stated} records, of which {len(records)} are there"
            notices = (said,)
        return Reading(traces=traces, unit="V", notices=notices)


def _divide(
    lines: Sequence[str], path: Path
) -> tuple[Mapping[str, tuple[int, str]], list[_Record]]:
    """The group's labels, and the records."""
    group: dict[str, tuple[int, str]] = {}
    records: list[_Record] = []
    for line, text in enumerate(lines, 1):
        if not text.strip() or text.startswith("---") or _GROUP in text:
            continue
        found = _LABEL.match(text)
        if found is None:
            if not records:
                raise DataError(
                    f"a file must begin with its header or `{_RECORD}`",
                    found=repr(text.strip()[:40]),
                    where=f"{path}:{line}",
                )
            records[-1].samples.append((line, text.strip()))
            continue
        label, value = found[1], found[2]
        if label == _RECORD:
            records.append(_Record(line))
        if records and records[-1].samples:
            raise DataError(
                f"after the samples of a record must come the next `{_RECORD}`",
                found=f"`{label}`",
                where=f"{path}:{line}",
                hint=_CUT,
            )
        (records[-1].labels if records else group)[label] = (line, value)
    if not records:
        raise DataError(
            f"a file must hold records, each with `{_RECORD}`", where=f"{path}:{len(lines)}"
        )
    return group, records


def _trace(record: _Record, subject: str, path: Path, where: str, options: Options) -> Trace:
    points, place = _labelled(record, _POINTS, path)
    count = positive(points, _POINTS, place)
    if len(record.samples) != count:
        last = record.samples[-1][0] if record.samples else record.line
        raise DataError(
            f"the record must have {points} samples, as `{_POINTS}` says",
            found=len(record.samples),
            where=f"{path}:{last}",
            hint=_CUT,
        )
    duration_ms = _measured(record, _DURATION, "ms", path)
    delay_ms = _measured(record, _DELAY, "ms", path)
    if delay_ms != 0 and options.onset_ms is None:
        raise DataError(
            f"`{_DELAY}` must be 0, since it is not documented which way it counts",
            found=f"{delay_ms:g} ms",
            where=_labelled(record, _DELAY, path)[1],
            hint="Say how long after the first sample the stimulus came, as `--onset-ms 1.5`",
        )
    period_us = duration_ms * 1000 / count
    level = options.level_db
    if level is None:
        level = _measured(record, "Level", "dB", path)
    text, place = _labelled(record, _SWEEPS, path)
    return Trace(
        where=where,
        subject=subject,
        samples=np.array([number(v, f"{path}:{line}") for line, v in record.samples])[:, None],
        period_us=period_us,
        onset=(options.onset_ms or 0.0) * 1000 / period_us,
        level_db=level,
        sweeps=positive(text, _SWEEPS, place),
    )


def _labelled(record: _Record, label: str, path: Path) -> tuple[str, str]:
    """The text of a label, and its place."""
    if label not in record.labels:
        raise DataError(
            f"a record must have the line `{label}`", where=f"{path}:{record.line}", hint=_CUT
        )
    line, value = record.labels[label]
    return value, f"{path}:{line}"


def _measured(record: _Record, label: str, unit: str, path: Path) -> float:
    text, place = _labelled(record, label, path)
    words = text.split()
    if len(words) != 2 or words[1] != unit:
        raise DataError(f"`{label}` must be a number in {unit}", found=repr(text), where=place)
    value = number(words[0], place)
    if label == _DURATION and value <= 0:
        raise DataError(f"`{label}` must be above 0", found=value, where=place)
    return value
