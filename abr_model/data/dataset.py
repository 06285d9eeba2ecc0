"""Recordings with what belongs to all of them: subjects' names, sources, notices, the unit."""

from __future__ import annotations

import hashlib
import json
from collections import Counter

import attrs
import numpy as np

from abr_model.data.recordings import UNKNOWN_CLASS, Recordings, points_in
from curriculum.errors import DataError


def digest(**parts: object) -> str:
    """sha256 over named parts, which must be plain JSON data."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@attrs.frozen(kw_only=True, eq=False)
class Dataset:
    """What a reader gives, and what lies in a data set's folder.

    Raises:
        DataError: two subjects have one name, or a recording's subject has none.
    """

    recordings: Recordings
    subject_names: tuple[str, ...]  # `recordings.subject` is an index into these
    content: str  # sha256: the same for the same recordings from the same files
    sources: tuple[tuple[str, str], ...] = ()  # each file that was read: its name and its sha256
    notices: tuple[str, ...] = ()  # what was left out or replaced, and why
    z_scored: bool = False  # in units of each recording's own standard deviation: µV are lost

    def __attrs_post_init__(self) -> None:
        name, times = (
            Counter(self.subject_names).most_common(1)[0] if self.subject_names else ("", 0)
        )
        if times > 1:
            raise DataError("subjects must have different names", found=f"{times} are {name!r}")
        subject = self.recordings.subject
        if len(subject) and not 0 <= subject.min() <= subject.max() < len(self.subject_names):
            raise DataError(
                f"a recording's subject must be 0 to {len(self.subject_names) - 1}",
                found=int(subject.min() if subject.min() < 0 else subject.max()),
            )

    @property
    def labelled(self) -> bool:
        """Whether anything that a task could learn from is known of any recording."""
        made = self.recordings
        known = (made.wave_present, made.wave_latency_ms, made.wave_amplitude_uv, made.threshold_db)
        has_class = bool((made.hearing_class != UNKNOWN_CLASS).any())
        return has_class or any(bool(np.isfinite(array).any()) for array in known)

    def in_window(self, window_ms: float, where: str) -> Dataset:
        """The data set with recordings cut to a window, without a copy of them.

        Labels of waves after the window's end are dropped, and a notice says how many.

        Raises:
            DataError: the recordings are shorter.
        """
        points, has = points_in(window_ms), self.recordings.points
        if points > has:
            raise DataError(
                f"recordings must cover the window of {window_ms:g} ms",
                found=f"{has / 20:g} ms",
                where=where,
                hint=f"Set `window_ms: {has / 20:g}`",
            )
        if points == has:
            return self
        made, dropped = self.recordings.crop(points).without_labels_after(window_ms)
        said = f"{dropped} labels of waves after the window's end, {window_ms:g} ms, were dropped"
        notices = (*self.notices, said) if dropped else self.notices
        return attrs.evolve(self, recordings=made, notices=notices)
