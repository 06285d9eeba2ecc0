"""The other recordings of an ear at a level, which differ from a recording by noise alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import Recordings


class Replicates:
    """Finds, for recordings of a container, the others of their subject and level.

    Only for recordings without a known truth: those with one need no replicates to be judged by.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._by_place: dict[tuple[int, float], NDArray[np.int64]] | None = None

    def means_uv(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(len(rows), T) the sweep-weighted mean of the others, NaN where there are none."""
        here = self._recordings
        means = np.full((len(rows), here.points), np.nan, np.float32)
        for index in np.flatnonzero(~here.has_truth[rows]):
            row = int(rows[index])
            others = self._place(row)
            others = others[others != row]
            if len(others):
                weights = here.sweeps[others].astype(np.float64)
                waves = here.recording_uv[others].astype(np.float64)
                means[index] = weights @ waves / weights.sum()
        return means

    def _place(self, row: int) -> NDArray[np.int64]:
        if self._by_place is None:
            where = np.stack([self._recordings.subject, self._recordings.level_db], 1)
            places, number = np.unique(where, axis=0, return_inverse=True)
            order = np.argsort(number, kind="stable")
            parts = np.split(order, np.flatnonzero(np.diff(number[order])) + 1)
            keys = [(int(subject), float(level)) for subject, level in places]
            self._by_place = dict(zip(keys, parts, strict=True))
        here = self._recordings
        return self._by_place[int(here.subject[row]), float(here.level_db[row])]
