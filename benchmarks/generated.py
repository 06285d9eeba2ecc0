"""How like held-out responses generated ones are: peaks, spectra, two-sample tests.

N recordings, T points at 20 kHz from onset. Truths and generated recordings are both without noise
and are measured by one reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.stats import ks_2samp
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.baselines.columns import PER_MS, Array, expected_ms
from benchmarks.baselines.picking import TROUGH_WITHIN_MS, Window, read_wave

VISIBLE_UV = 0.05
RESOLVED_UV = 0.01  # less than the noise of any recording: no one could tell it from nothing
NOISE_UV = 0.02  # the residual noise that clinics aim at in children
BANDS_HZ = ((50, 200), (200, 500), (500, 1000), (1000, 1500), (1500, 3000), (3000, 10000))
_WINDOW = Window(before_ms=0.8, after_ms=2.0, by_drop=False)
_ANYWHERE = Window(before_ms=2.5, after_ms=3.0, by_drop=False)
_MIDDLE_MS = 7.5
_COMPONENTS = 20


@attrs.frozen(eq=False)
class Responses:
    """Recordings without noise, with the conditions they were made in and their subject."""

    waves_uv: Array  # (N, T)
    conditions: Mapping[str, NDArray[Any]]  # level_db, age_years, rate_hz: (N,)
    subject: NDArray[np.int64]  # (N,)

    @property
    def level_db(self) -> NDArray[Any]:
        """(N,)."""
        return self.conditions["level_db"]

    def features(self) -> dict[str, Array]:
        """Numbers (N,) that experts look at.

        A latency is NaN where wave V is not visible; sizes that nobody could tell from nothing are
        all the same, since true responses are exactly 0 below the threshold.
        """
        latency, amplitude = wave_v(self.waves_uv, expected_ms(self.conditions)[:, 2], _WINDOW)
        visible = amplitude >= VISIBLE_UV
        return {
            "wave V latency (ms)": np.where(visible, latency, np.nan),
            "wave V amplitude (µV)": np.maximum(amplitude, RESOLVED_UV),
            "RMS (µV)": np.maximum(np.sqrt(np.square(self.waves_uv).mean(1)), RESOLVED_UV),
        }

    def with_noise(self, noise_uv: float, seed: int) -> Responses:
        """The same behind white noise."""
        white = np.random.default_rng(seed).standard_normal(self.waves_uv.shape)
        return attrs.evolve(self, waves_uv=self.waves_uv + noise_uv * white)


def wave_v(waves_NT: Array, near_ms_N: Array, window: Window) -> tuple[Array, Array]:
    """Latency (ms) and peak-to-trough amplitude (µV), (N) each."""
    return read_wave(np.asarray(waves_NT, float), near_ms_N, window, TROUGH_WITHIN_MS[2])


def wave_v_anywhere(waves_NT: Array) -> tuple[Array, Array]:
    """The same in 5 to 10.5 ms, for recordings of which no level is told."""
    return wave_v(waves_NT, np.full(len(waves_NT), _MIDDLE_MS), _ANYWHERE)


def band_rms_uv(waves_NT: Array) -> Array:
    """RMS over all recordings in each of `BANDS_HZ`, µV."""
    points = waves_NT.shape[1]
    # The window's ends are tapered, so that a jump there is no high frequency.
    taper = np.minimum(1, np.minimum(np.arange(points), np.arange(points)[::-1]) / (1 * PER_MS))
    power = np.square(np.abs(np.fft.rfft(waves_NT * taper, 2048))).mean(0)
    hertz = np.fft.rfftfreq(2048, 1 / (1000 * PER_MS))
    sums = [power[(hertz >= low) & (hertz < high)].sum() for low, high in BANDS_HZ]
    return np.sqrt(2 * np.array(sums) / 2048 / points)


def resampled(
    statistic: Callable[[NDArray[np.int64]], float], subject: NDArray[np.int64], resamples: int
) -> tuple[float, float]:
    """95 % interval of a statistic of rows, by drawing whole subjects with replacement."""
    random = np.random.default_rng(0)
    members = [np.flatnonzero(subject == each) for each in np.unique(subject)]
    found = [
        statistic(
            np.concatenate([members[i] for i in random.integers(0, len(members), len(members))])
        )
        for _ in range(resamples)
    ]
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def kolmogorov_smirnov(one: Array, other: Array) -> float:
    """The largest distance of two distribution functions, of the values that are known.

    NaN where one of them has none.
    """
    one, other = one[np.isfinite(one)], other[np.isfinite(other)]
    return float(ks_2samp(one, other).statistic) if len(one) and len(other) else np.nan


@attrs.frozen
class TwoSample:
    """How often a classifier tells two kinds apart, on subjects it has not seen; 0.5 by chance."""

    accuracy: float
    interval: tuple[float, float]


def classifier_tests(one: Responses, other: Responses, resamples: int) -> dict[str, TwoSample]:
    """Two-sample tests by classifiers (Lopez-Paz and Oquab 2017, arXiv 1610.06545).

    They see principal components of the waveforms, what experts look at, and the conditions. All
    recordings of a subject, and those generated in its conditions, are in one fold.
    """
    inputs, label, groups = _inputs(one, other)
    models = {
        "logistic regression": make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)),
        "random forest": RandomForestClassifier(200, min_samples_leaf=3, random_state=0, n_jobs=1),
    }
    found: dict[str, TwoSample] = {}
    for name, model in models.items():
        said = cross_val_predict(model, inputs, label, groups=groups, cv=GroupKFold(5))
        right = (said == label).astype(float)
        interval = resampled(lambda rows, right=right: float(right[rows].mean()), groups, resamples)
        found[name] = TwoSample(float(right.mean()), interval)
    return found


def _inputs(one: Responses, other: Responses) -> tuple[Array, NDArray[np.int64], NDArray[np.int64]]:
    waves = np.concatenate([one.waves_uv, other.waves_uv])
    parts = [PCA(_COMPONENTS, random_state=0).fit_transform(waves)]
    for each in one.features():
        values = np.concatenate([one.features()[each], other.features()[each]])
        parts.append(np.nan_to_num(values, nan=0.0)[:, None])
    parts += [
        np.concatenate([one.conditions[name], other.conditions[name]])[:, None]
        for name in one.conditions
    ]
    label = np.repeat([0, 1], [len(one.waves_uv), len(other.waves_uv)])
    return np.concatenate(parts, 1), label, np.concatenate([one.subject, other.subject])


def by_level(values: Array, level_db: NDArray[Any], edges: Sequence[float]) -> list[Array]:
    """The finite values of each bin of levels."""
    places = np.searchsorted(edges, level_db, side="right") - 1
    known = np.isfinite(values)
    return [values[known & (places == place)] for place in range(len(edges) - 1)]
