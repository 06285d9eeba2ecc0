"""SmartEP text exports: averages with their two halves, without labels.

Onset, sampling and levels are those of the metadata rows, never of the file's name or place.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from abr_model.data.readers.smartep_text import FIRST_LABEL, Record, parse
from abr_model.data.readers.text import decode
from abr_model.data.readers.trace import Head, Options, Reading, Trace

_MEAN_WITHIN_UV = 0.001  # the average and the mean of its halves, which are rounded to 0.0001 µV


class SmartEp:
    """See the module; nothing is known of hearing, peaks, threshold or age."""

    name = "smartep"
    version = 1
    suffixes = frozenset({".txt"})

    def sniff(self, head: Head) -> bool:
        """The first row names the subject."""
        return head.text.startswith(FIRST_LABEL)

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """Each record of the file."""
        del options
        traces, left_out = [], []
        for place, record in enumerate(parse(decode(content, str(path)), str(path)), 1):
            name = f"{where}, record {place} ({record.name})"
            reason = _unfit(record)
            if reason is None:
                traces.append(_trace(record, name))
            else:
                left_out.append((name, reason))
        return Reading(traces=traces, unit="uV", left_out=tuple(left_out))


def _unfit(record: Record) -> str | None:
    """Why a record cannot be used, or None."""
    samples = record.samples_uv
    if np.abs(samples[:, 0] - samples[:, 1:].mean(axis=1)).max() > _MEAN_WITHIN_UV:
        return "its average is not the mean of its two halves"
    return None


def _trace(record: Record, where: str) -> Trace:
    begins = _begins(record)  # crop before filtering, or the step would ring
    return Trace(
        where=where,
        subject=record.subject,
        samples=record.samples_uv[begins:],
        period_us=record.period_us,
        onset=record.onset - begins,
        level_db=record.level_db,
        rate_hz=record.rate_hz,
        sweeps=record.sweeps,
    )


def _begins(record: Record) -> int:
    """The first sample of the recording: before it all are exactly zero."""
    filled = np.flatnonzero(record.samples_uv.any(axis=1))
    return int(filled[0]) if len(filled) else 0
