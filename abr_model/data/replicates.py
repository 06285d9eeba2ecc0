"""The other recordings of an ear at a level, which differ from a recording by noise alone."""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import Recordings


class Replicates:
    """Finds, for recordings of a container, the others of their subject and level.

    Only for recordings without a known truth: those with one need no replicates to be judged by.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._recordings = recordings
        self._places: _Places | None = None

    def means_uv(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """(len(rows), T) the sweep-weighted mean of the others, NaN where there are none.

        Where a number of sweeps is not known, all weigh the same.
        """
        here = self._recordings
        means = np.full((len(rows), here.points), np.nan, np.float32)
        for index in np.flatnonzero(~here.has_truth[rows]):
            row = int(rows[index])
            if self._places is None:
                self._places = _Places.of(here)
            others = self._places.of_row(row)
            others = others[others != row]
            if len(others):
                weights = here.sweeps[others].astype(np.float64)
                if not np.isfinite(weights).all():
                    weights = np.ones(len(others))
                waves = here.recording_uv[others].astype(np.float64)
                means[index] = weights @ waves / weights.sum()
        return means


@attrs.frozen(eq=False)
class _Places:
    """Rows in order of subject and level, and where each row's place begins and ends there."""

    order: NDArray[np.int64]
    number: NDArray[np.int64]  # (N,) of each row's place
    starts: NDArray[np.int64]  # (P + 1,)

    @classmethod
    def of(cls, recordings: Recordings) -> _Places:
        where = np.stack([recordings.subject, recordings.level_db], 1)
        _, number = np.unique(where, axis=0, return_inverse=True)
        number = number.reshape(-1)
        counts = np.bincount(number)
        return cls(np.argsort(number, kind="stable"), number, np.cumsum([0, *counts]))

    def of_row(self, row: int) -> NDArray[np.int64]:
        place = self.number[row]
        return self.order[self.starts[place] : self.starts[place + 1]]
