"""The threshold of an ear guessed from one recording.

One recording says at best how far its level lies above the threshold: by the correlation of its
half-averages, the amplitude of wave V over the noise, and how late wave V is (the latency-intensity
function: Hall 2007). A linear regression of the median (Koenker and Bassett 1978, "Regression
quantiles"), which the mean absolute error asks for, puts them together.
"""

from __future__ import annotations

import attrs
import numpy as np
from sklearn.linear_model import QuantileRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.baselines.columns import Array, Columns, expected_ms
from benchmarks.baselines.picking import Picked


@attrs.frozen(eq=False)
class ThresholdGuess:
    """A fitted regression."""

    fitted: Pipeline

    def guess_db(self, columns: Columns, picked: Picked, correlation_N: Array) -> Array:
        """(N,) in dB nHL."""
        found: Array = self.fitted.predict(features(columns, picked, correlation_N))
        return found


def features(columns: Columns, picked: Picked, correlation_N: Array) -> Array:
    """(N, 9) the level, two measures of response, wave V's delay, and their products."""
    level_N = columns["level_db"].astype(float)
    seen_N = np.arctanh(np.clip(np.nan_to_num(correlation_N), -0.99, 0.99))
    ratio_N = np.log(np.maximum(picked.ratio[:, 2], 1e-3))
    late_N = picked.latency_ms[:, 2] - expected_ms(columns)[:, 2]
    each = [level_N, seen_N, seen_N**2, ratio_N, late_N]
    products = [level_N * seen_N, level_N * ratio_N, late_N * seen_N, level_N**2]
    return np.column_stack([*each, *products])


def fit_guess(columns: Columns, picked: Picked, correlation_N: Array) -> ThresholdGuess:
    """Fitted to the recordings whose ear's threshold is known."""
    known = np.isfinite(columns["threshold_db"])
    inputs = features(columns, picked, correlation_N)[known]
    regression = QuantileRegressor(quantile=0.5, alpha=0.0, solver="highs")
    label = columns["threshold_db"][known].astype(float)
    return ThresholdGuess(make_pipeline(StandardScaler(), regression).fit(inputs, label))
