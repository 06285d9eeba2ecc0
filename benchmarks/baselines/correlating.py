"""The threshold of an ear by the correlation of half-averages over level.

N recordings, E ears. Two averages of one ear at one level correlate by what of them is response.
The correlation is fitted over level by a sigmoid and by a power law, the better of which is
followed down to the criterion (Suthakar and Liberman 2019, "A simple algorithm for objective
threshold determination of auditory brainstem responses", Hearing Research 381; Shaheen et al. 2024,
ABRpresto: criteria 0.35 and 0.3). Where no level passes the criterion, or every level does,
ABRpresto says "above" or "below" what was tested; a number is needed here, and how far beyond is
taken from the training split.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import attrs
import numpy as np
from scipy.optimize import least_squares

from benchmarks.baselines.columns import PER_MS, Array, Columns, band_pass
from benchmarks.baselines.picking import LOW_HZ

_FROM_MS, _TO_MS = 1.0, 14.0
_CRITERIA = (0.2, 0.25, 0.3, 0.325, 0.35, 0.4, 0.5)
_BEYOND_DB = (0.0, 5.0, 10.0, 15.0)
_STEP_DB = 10.0

Curve = Callable[[Array], Array]


@attrs.frozen(kw_only=True)
class Criterion:
    """Where the fitted curve is cut, and what is said beyond the levels that were tested."""

    correlation: float = 0.35
    below_db: float = 5.0  # under the lowest level, where every level passes
    above_db: float = 5.0  # over the highest level, where none does
    high_db: float = 0.0  # median of what is found less the threshold, on the training split


@attrs.frozen
class EarCurve:
    """The fitted correlation of an ear over its levels, on a fine grid a step beyond them."""

    levels_db: Array
    correlation: Array
    lowest_db: float
    highest_db: float

    def threshold_db(self, criterion: Criterion) -> float:
        """The lowest level from which on the curve lies above the criterion."""
        under = np.flatnonzero(self.correlation < criterion.correlation)
        if len(under) == 0:
            found = -np.inf
        elif under[-1] == len(self.levels_db) - 1:
            found = np.inf
        else:
            found = float(self.levels_db[under[-1] + 1])
        least = self.lowest_db - criterion.below_db
        most = self.highest_db + criterion.above_db
        return float(np.clip(found, least, most)) - criterion.high_db


def half_correlation(columns: Columns, high_hz: float) -> Array:
    """(N,) Pearson's correlation of the half-averages in the band, 1 to 14 ms; NaN without them."""
    window = slice(round(_FROM_MS * PER_MS), round(_TO_MS * PER_MS))
    a, b = columns["half_a_uv"], columns["half_b_uv"]
    found = np.full(len(a), np.nan)
    known = np.isfinite(a).all(1) & np.isfinite(b).all(1)
    if known.any():
        sides = [band_pass(each[known], LOW_HZ, high_hz)[:, window] for each in (a, b)]
        one, other = (each - each.mean(1, keepdims=True) for each in sides)
        size = np.sqrt((one**2).sum(1) * (other**2).sum(1))
        found[known] = (one * other).sum(1) / np.maximum(size, 1e-12)
    return found


def fit_curve(level_db: Array, correlation: Array) -> EarCurve:
    """Sigmoid or power law through an ear's points, whichever is nearer."""
    lowest, highest = float(level_db.min()), float(level_db.max())
    grid = np.arange(lowest - _STEP_DB, highest + _STEP_DB + 0.5, 0.5)
    fits = [_sigmoid(level_db, correlation), _power(level_db, correlation)]
    _, curve = min(fits, key=lambda each: each[0])
    return EarCurve(grid, curve(grid), lowest, highest)


def _sigmoid(level_db: Array, correlation: Array) -> tuple[float, Curve]:
    """Rising from 0, with the middle at most a step beyond the levels, as ABRpresto bounds it."""

    def curve(at: Array, top: float, middle: float, width: float) -> Array:
        return top / (1 + np.exp(-np.clip((at - middle) / width, -50, 50)))

    lowest, highest = level_db.min() - _STEP_DB, level_db.max() + _STEP_DB
    start = (0.9, float(np.clip(level_db.mean(), lowest + 1, highest - 1)), 6.0)
    bounds = ((0.3, lowest, 1.0), (1.0, highest, 25.0))
    return _fitted(curve, level_db, correlation, start, bounds)


def _power(level_db: Array, correlation: Array) -> tuple[float, Curve]:
    """Rising from 0 at the level where hearing begins."""
    span = float(np.ptp(level_db)) + 2 * _STEP_DB
    lowest = float(level_db.min()) - _STEP_DB

    def curve(at: Array, height: float, begins: float, power: float) -> Array:
        above = np.maximum((at - begins) / span, 0)
        return np.minimum(height * above**power, 1.0)

    bounds = ((0.0, lowest - 10, 0.1), (4.0, lowest + span, 4.0))
    return _fitted(curve, level_db, correlation, (1.0, lowest, 0.7), bounds)


def _fitted(
    curve: Callable[..., Array],
    level_db: Array,
    correlation: Array,
    start: tuple[float, ...],
    bounds: tuple[tuple[float, ...], tuple[float, ...]],
) -> tuple[float, Curve]:
    found = least_squares(
        lambda values: curve(level_db, *values) - correlation, start, bounds=bounds, max_nfev=60
    )
    return float(found.cost), lambda at: curve(at, *found.x)


def fit_ears(columns: Columns, correlation_N: Array) -> dict[int, EarCurve]:
    """The curve of each ear that has half-averages, by its subject."""
    found: dict[int, EarCurve] = {}
    for subject in np.unique(columns["subject"]):
        rows = (columns["subject"] == subject) & np.isfinite(correlation_N)
        if rows.any():
            level = columns["level_db"][rows].astype(float)
            found[int(subject)] = fit_curve(level, correlation_N[rows])
    return found


def fit_criterion(columns: Columns, ears: dict[int, EarCurve]) -> Criterion:
    """The criterion and what lies beyond, by the mean absolute error over training ears."""
    threshold = dict(zip(columns["subject"].tolist(), columns["threshold_db"], strict=True))
    known = [ear for ear in ears if np.isfinite(threshold[ear])]
    label = np.array([threshold[ear] for ear in known], float)

    def tried(correlation: float, below: float, above: float) -> tuple[float, Criterion]:
        plain = Criterion(correlation=correlation, below_db=below, above_db=above)
        error = np.array([ears[ear].threshold_db(plain) for ear in known]) - label
        off = float(np.median(error))
        return float(np.abs(error - off).mean()), attrs.evolve(plain, high_db=off)

    return min(
        (tried(*each) for each in product(_CRITERIA, _BEYOND_DB, _BEYOND_DB)), key=lambda e: e[0]
    )[1]
