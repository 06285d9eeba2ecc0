"""What readers give: recordings as a file has them, before they are resampled and checked.

n samples in the file's own sampling, W = 3 waves (I, III, V). NaN means unknown.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import UNKNOWN_CLASS, WAVES
from curriculum.errors import DataError

Z_SCORED = "z"  # in units of each recording's own standard deviation

Numbers = NDArray[np.float64]


def no_waves() -> Numbers:
    """(3, W) of NaN: nothing is known of any wave."""
    return np.full((3, len(WAVES)), np.nan)


@attrs.frozen(kw_only=True, eq=False)
class Trace:
    """One recording."""

    where: str  # file and record or line, as messages name it
    subject: str
    samples: Numbers  # (n, 1) the average, or (n, 3) with its two halves
    period_us: float
    onset: float  # sample of the stimulus onset, counted from 0; need not be whole
    level_db: float
    sweeps: float = math.nan
    rate_hz: float = math.nan  # stimuli per second
    age_years: float = math.nan
    hearing_class: int = UNKNOWN_CLASS
    waves: Numbers = attrs.field(factory=no_waves)  # (3, W): present 1 or 0, latency ms, µV
    threshold_db: float = math.nan
    noise_uv: float = math.nan
    detection: float = math.nan


@attrs.frozen(kw_only=True, eq=False)
class Reading:
    """What a file holds: recordings in one unit (of `plausibility.MICROVOLTS`, or `Z_SCORED`)."""

    traces: Sequence[Trace]
    unit: str
    notices: tuple[str, ...] = ()  # of the file as a whole
    left_out: tuple[tuple[str, str], ...] = ()  # (file and record, reason)


@attrs.frozen(kw_only=True)
class Options:
    """What no file says, or says wrongly, and a person must."""

    window_ms: float = 15.0  # kept of each recording after stimulus onset
    unit: str | None = None  # of the samples, instead of what the file says
    level_db: float | None = None  # of all recordings, dB nHL
    onset_ms: float | None = None  # from the first sample of a recording to the stimulus onset
    subject: str | None = None  # a name, or a pattern with one group for the file's path
    mapping: Path | None = None  # YAML that describes a table of one's own
    channel: str | None = None  # of an EEG recording
    event: str | None = None  # of an EEG recording: the stimulus

    def subject_of(self, path: Path) -> str:
        """The subject of a file that does not name it.

        Raises:
            DataError: nobody said, or the pattern does not fit.
        """
        if self.subject is None:
            raise DataError(
                "files of this format do not name their subject, so it must be said",
                where=str(path),
                hint="Say `--subject NAME`, or a pattern with one group that finds it in the path, "
                r"as `--subject 'ABR-(\d+)-'`",
            )
        if "(" not in self.subject:
            return self.subject
        try:
            pattern = re.compile(self.subject)
        except re.error as error:
            raise DataError(
                "`--subject` must be a name or a regular expression", found=str(error)
            ) from None
        found = pattern.search(path.as_posix())
        if found is None or pattern.groups != 1 or not found[1]:
            raise DataError(
                "the pattern of `--subject` must have one group, found in each file's path",
                found=repr(self.subject),
                where=str(path),
            )
        return found[1]


@attrs.frozen(kw_only=True)
class Head:
    """How a file begins: enough to tell its format."""

    path: Path
    start: bytes
    text: str  # the start as text, whatever its encoding; odd characters where it is none


class Reader(Protocol):
    """A format of files."""

    @property
    def name(self) -> str:
        """What `--format` calls it."""
        ...

    @property
    def version(self) -> int:
        """Raised when the same file gives other recordings; part of the fingerprint."""
        ...

    @property
    def suffixes(self) -> frozenset[str]:
        """Endings that its files usually have. Other files in a folder are passed over silently."""
        ...

    def sniff(self, head: Head) -> bool:
        """Whether a file is of this format, from its beginning."""
        ...

    def read(self, path: Path, content: bytes, where: str, options: Options) -> Reading:
        """All recordings of a file; `where` names it in messages.

        Raises:
            DataError: the file is damaged, with line and reason.
        """
        ...
