"""Waves I, III and V by picking peaks near where norms put them.

N recordings, T points, W waves. After a zero-phase band-pass the peak of a wave is sought in a
window about its normal latency at the level (Hall 2007, "New Handbook of Auditory Evoked
Responses", chapter 7, on how clinicians mark; Vannier, Adam and Motsch 2002, "Objective detection
of brainstem auditory evoked potentials with a priori information from higher presentation levels",
Artificial Intelligence in Medicine 25, on doing so by machine). Its amplitude is that from the peak
to the following trough. A wave is there if that is three times the residual noise, the mean gap
between two averages laid over one another (the 3:1 rule of the British Society of Audiology,
"Recommended procedure: auditory brainstem response testing", 2019).
"""

from __future__ import annotations

from itertools import product

import attrs
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d

from benchmarks.baselines.columns import PER_MS, Array, Columns, band_pass, expected_ms

LOW_HZ = 100.0
PRESENT_RATIO = 3.0
TROUGH_WITHIN_MS = (1.2, 1.2, 3.5)
_HIGH_HZ = (1500.0, 3000.0)
_BEFORE_MS = (0.4, 0.7, 1.0)
_AFTER_MS = (0.4, 0.7, 1.0, 1.5, 2.0)


@attrs.frozen(kw_only=True)
class Window:
    """How one wave is sought, and what its readings are off by on the training split."""

    before_ms: float  # the window, about the normal latency
    after_ms: float
    by_drop: bool  # the peak with the largest drop to its trough, not the highest
    late_ms: float = 0.0  # median of what is read less what experts marked
    factor: float = 1.0  # experts' amplitude for each µV that is read


@attrs.frozen(kw_only=True, eq=False)
class Picked:
    """What was read; always something, whether or not the wave is there."""

    latency_ms: Array  # (N, W)
    amplitude_uv: Array  # (N, W)
    gap_uv: Array  # (N,) mean gap between the half-averages in the band

    @property
    def ratio(self) -> Array:
        """(N, W) amplitude over residual noise."""
        return self.amplitude_uv / np.maximum(self.gap_uv, 1e-6)[:, None]


@attrs.frozen(kw_only=True)
class PeakPicker:
    """Reads waves; see `fit_picker`."""

    high_hz: float = 1500.0
    windows: tuple[Window, ...] = (Window(before_ms=0.7, after_ms=1.5, by_drop=False),) * 3

    def pick(self, columns: Columns) -> Picked:
        """Latency and amplitude of each wave of each recording."""
        waves_NT = band_pass(columns["recording_uv"], LOW_HZ, self.high_hz)
        expected_NW = expected_ms(columns)
        read = [
            read_wave(waves_NT, expected_NW[:, place], window, TROUGH_WITHIN_MS[place])
            for place, window in enumerate(self.windows)
        ]
        pairs = list(zip(read, self.windows, strict=True))
        return Picked(
            latency_ms=np.stack([latency - window.late_ms for (latency, _), window in pairs], 1),
            amplitude_uv=np.stack([window.factor * drop for (_, drop), window in pairs], 1),
            gap_uv=mean_gap_uv(columns, self.high_hz),
        )


def mean_gap_uv(columns: Columns, high_hz: float) -> Array:
    """(N,) mean distance of the halves in the band; what normal noise has where there are none."""
    difference_NT = columns["half_a_uv"] - columns["half_b_uv"]
    known = np.isfinite(difference_NT).all(1)
    of_normal = 2 * np.sqrt(2 / np.pi)  # halves differ by twice the noise of their mean
    found = of_normal * np.nan_to_num(columns["noise_uv"].astype(float), nan=np.inf)
    if known.any():
        found[known] = np.abs(band_pass(difference_NT[known], LOW_HZ, high_hz)).mean(1)
    return found


def read_wave(
    waves_NT: Array, expected_ms_N: Array, window: Window, trough_ms: float
) -> tuple[Array, Array]:
    """Latency (N) and peak-to-trough amplitude (N) of the best peak of a window.

    A peak is a local maximum; where a window has none, its highest point stands for it.
    """
    points = waves_NT.shape[1]
    time_T = np.arange(points)
    first_N1 = ((expected_ms_N - window.before_ms) * PER_MS)[:, None]
    last_N1 = ((expected_ms_N + window.after_ms) * PER_MS)[:, None]
    first_N1 = np.clip(first_N1, 1, points - 3)
    inside = (time_T >= first_N1) & (time_T <= np.clip(last_N1, first_N1 + 1, points - 2))
    drop_NT = waves_NT - following_trough(waves_NT, round(trough_ms * PER_MS))
    height_NT = drop_NT if window.by_drop else waves_NT
    best = np.argmax(np.where(inside & local_maxima(waves_NT), height_NT, -np.inf), 1)
    no_peak = ~(inside & local_maxima(waves_NT)).any(1)
    best[no_peak] = np.argmax(np.where(inside, waves_NT, -np.inf), 1)[no_peak]
    rows = np.arange(len(waves_NT))
    before, top, after = (waves_NT[rows, np.clip(best + k, 0, points - 1)] for k in (-1, 0, 1))
    bend = before - 2 * top + after
    offset = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, -1.0), 0.0)
    return (best + np.clip(offset, -0.5, 0.5)) / PER_MS, drop_NT[rows, best]


def local_maxima(waves_NT: Array) -> NDArray[np.bool_]:
    """(N, T) points above their neighbours."""
    found = np.zeros(waves_NT.shape, bool)
    middle = waves_NT[:, 1:-1]
    found[:, 1:-1] = (middle > waves_NT[:, :-2]) & (middle >= waves_NT[:, 2:])
    return found


def following_trough(waves_NT: Array, points: int) -> Array:
    """(N, T) the lowest value of each point and the `points` - 1 after it."""
    origin = -(points // 2)  # the window begins at the point
    found: Array = minimum_filter1d(waves_NT, points, axis=1, origin=origin, mode="nearest")
    return found


def fit_picker(columns: Columns) -> PeakPicker:
    """The band, windows and corrections that suit the training split best, by latency error."""
    expected_NW = expected_ms(columns)
    best: tuple[float, PeakPicker] | None = None
    for high_hz in _HIGH_HZ:
        waves_NT = band_pass(columns["recording_uv"], LOW_HZ, high_hz)
        found = [_fit_window(waves_NT, expected_NW, columns, place) for place in range(3)]
        error = sum(each for each, _ in found)
        if best is None or error < best[0]:
            best = error, PeakPicker(high_hz=high_hz, windows=tuple(each for _, each in found))
    assert best is not None  # there is a band
    return best[1]


def _fit_window(
    waves_NT: Array, expected_NW: Array, columns: Columns, place: int
) -> tuple[float, Window]:
    """The sum of absolute errors of latency, and the window that makes it smallest."""
    known = np.isfinite(columns["wave_latency_ms"][:, place])
    waves, expected = waves_NT[known], expected_NW[known, place]
    latency_N = columns["wave_latency_ms"][known, place].astype(float)
    amplitude_N = columns["wave_amplitude_uv"][known, place].astype(float)
    found: list[tuple[float, Window]] = []
    for before, after, by_drop in product(_BEFORE_MS, _AFTER_MS, (False, True)):
        window = Window(before_ms=before, after_ms=after, by_drop=by_drop)
        read, drop = read_wave(waves, expected, window, TROUGH_WITHIN_MS[place])
        late = float(np.median(read - latency_N)) if len(read) else 0.0
        error = float(np.abs(read - late - latency_N).sum())
        factor = weighted_median(amplitude_N / np.maximum(drop, 1e-6), drop)
        found.append((error, attrs.evolve(window, late_ms=late, factor=factor)))
    return min(found, key=lambda each: each[0])


def weighted_median(values: Array, weights: Array) -> float:
    """The value f that makes Σ w |v - f| smallest; 1 of no values."""
    if len(values) == 0:
        return 1.0
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])
