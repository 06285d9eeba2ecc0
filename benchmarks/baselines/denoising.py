"""Recordings without their noise by linear filters.

N recordings, T points, F frequencies. The Wiener filter (Wiener 1949; Doyle 1975, "Some comments on
the use of Wiener filtering for the estimation of evoked potentials") weighs each frequency by the
share of its power that is signal: H = S / (S + σ² n), with the spectra of noise-free responses (by
level) and of noise of the training split, and a recording's own residual noise σ. The linear
estimator of least mean square error (Kay 1993, "Fundamentals of Statistical Signal Processing",
chapter 12) also knows when a response comes: m + C (C + σ² R)⁻¹ (y - m), with mean and covariance
of noise-free responses (by level) and the noise's autocovariance.
"""

from __future__ import annotations

from typing import Any, Protocol

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.linalg import toeplitz

from benchmarks.baselines.columns import Array, Columns, band_pass

EDGES_DB = (-20.0, 5.0, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0)
_BANDS_HZ = ((100.0, 1500.0), (100.0, 3000.0), (30.0, 1500.0))


class Denoiser(Protocol):
    """Estimates responses."""

    def denoise(self, columns: Columns) -> Array:
        """(N, T) in µV."""
        ...


@attrs.frozen
class BandPass:
    """Keeps a band."""

    low_hz: float
    high_hz: float

    def denoise(self, columns: Columns) -> Array:
        """The recording in the band."""
        return band_pass(columns["recording_uv"], self.low_hz, self.high_hz)


@attrs.frozen(eq=False)
class Wiener:
    """Spectra of 2 T points: signal by level, and noise of unit variance."""

    signal_LF: Array
    noise_F: Array

    def denoise(self, columns: Columns) -> Array:
        """Each recording behind the filter of its level and its residual noise."""
        recording_NT = columns["recording_uv"].astype(float)
        points = recording_NT.shape[1]
        signal_NF = self.signal_LF[place_of(columns["level_db"])]
        noise_NF = np.square(columns["noise_uv"].astype(float))[:, None] * self.noise_F
        gain_NF = signal_NF / np.maximum(signal_NF + noise_NF, 1e-30)
        spectrum_NF = np.fft.rfft(recording_NT, 2 * points)
        return np.fft.irfft(spectrum_NF * gain_NF, 2 * points)[:, :points]


@attrs.frozen(eq=False)
class LinearEstimator:
    """Mean (L, T) and covariance (L, T, T) of responses by level; noise of unit variance."""

    mean_LT: Array
    covariance_LTT: Array
    noise_TT: Array

    def denoise(self, columns: Columns) -> Array:
        """The expected response, were everything normal."""
        recording_NT = columns["recording_uv"].astype(float)
        found = np.empty_like(recording_NT)
        places, power = place_of(columns["level_db"]), np.square(columns["noise_uv"].astype(float))
        root_TT = np.linalg.cholesky(self.noise_TT)
        for place in np.unique(places):
            rows, mean_T = np.flatnonzero(places == place), self.mean_LT[place]
            # In the eigenvectors of whitened responses each recording is a matter of T divisions.
            half_TT = np.linalg.solve(root_TT, self.covariance_LTT[place])
            values_T, vectors_TT = np.linalg.eigh(np.linalg.solve(root_TT, half_TT.T))
            to_TT = vectors_TT.T @ np.linalg.inv(root_TT)
            values_T = np.maximum(values_T, 0)
            part_NT = (recording_NT[rows] - mean_T) @ to_TT.T
            part_NT *= values_T / (values_T + power[rows, None])
            found[rows] = mean_T + part_NT @ (root_TT @ vectors_TT).T
        return found


def place_of(level_db: NDArray[Any]) -> NDArray[np.int64]:
    """(N,) which of the bins of levels."""
    return np.maximum(np.searchsorted(EDGES_DB, level_db, side="right") - 1, 0)


def fit_band_pass(columns: Columns) -> BandPass:
    """The band whose error on the training split is least."""
    filters = [BandPass(*band) for band in _BANDS_HZ]
    return min(filters, key=lambda each: mean_square(each, columns))


def fit_wiener(columns: Columns) -> Wiener:
    """Mean spectra of noise-free responses and of half-differences."""
    points = columns["truth_uv"].shape[1]
    power_NF = np.square(np.abs(np.fft.rfft(columns["truth_uv"].astype(float), 2 * points)))
    noise_NF = np.square(np.abs(np.fft.rfft(_unit_noise(columns), 2 * points)))
    return Wiener(_by_level(power_NF, columns["level_db"]), noise_NF.mean(0))


def fit_linear(columns: Columns) -> LinearEstimator:
    """Moments of noise-free responses, and the autocovariance of half-differences."""
    truth_NT, level_N = columns["truth_uv"].astype(float), columns["level_db"]
    mean_LT = _by_level(truth_NT, level_N)
    off_NT = truth_NT - mean_LT[place_of(level_N)]
    covariance = [off_NT[place_of(level_N) == place] for place in range(len(EDGES_DB))]
    points = truth_NT.shape[1]
    power_F = np.square(np.abs(np.fft.rfft(_unit_noise(columns), 2 * points))).mean(0)
    lags_T = np.fft.irfft(power_F)[:points] / points
    lags_T[0] *= 1 + 1e-3  # definite
    return LinearEstimator(
        mean_LT=mean_LT,
        covariance_LTT=np.stack([each.T @ each / max(len(each), 1) for each in covariance]),
        noise_TT=toeplitz(lags_T / lags_T[0]),
    )


def mean_square(denoiser: Denoiser, columns: Columns) -> float:
    """Mean squared error against the truth, µV²."""
    return float(np.square(denoiser.denoise(columns) - columns["truth_uv"]).mean())


def _unit_noise(columns: Columns) -> Array:
    difference_NT = (columns["half_a_uv"] - columns["half_b_uv"]).astype(float) / 2
    found: Array = difference_NT / np.sqrt(np.square(difference_NT).mean(1, keepdims=True))
    return found


def _by_level(values: Array, level_db: NDArray[Any]) -> Array:
    """Means over recordings of each bin of levels; over all where a bin is empty."""
    places = place_of(level_db)
    rows = [places == place for place in range(len(EDGES_DB))]
    return np.stack([(values[some] if some.any() else values).mean(0) for some in rows])
