"""From latencies and amplitudes to a response, and back: waves as bumps, and reading the peaks.

N recordings, T points at 20 kHz from onset, W = 3 waves (I, III, V).
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.data.streams import Ear, of_ears

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

LONGEST = 512  # points, 25.6 ms: later there is no response
_WIDTH_MS = {"I": 0.22, "II": 0.22, "III": 0.28, "IV": 0.26, "V": 0.38}  # SD of each bump
_FILTER_TAKES = 1.15  # of wave V's height, on average; the norms are of filtered recordings
_PEAK_WITHIN_MS = 0.4
_TROUGH_WITHIN_MS = (1.2, 1.2, 3.5)


@attrs.frozen(kw_only=True, eq=False)
class Shapes:
    """What an ear's response looks like beside its latencies and amplitudes; arrays of (S,).

    Shares are of wave V's height unless said otherwise. They are assumptions: what textbooks show
    (Hall 2007) of separate, fused and single IV/V complexes, of wave II, of the slow negativity
    after wave V (SN10, Davis & Hirsh 1979) and of the slow waves that a low high-pass leaves.
    """

    width: Array  # of all waves, about 1
    ii_share: Array  # of wave I's height
    iv_share: Array
    iv_before_ms: Array  # before wave V
    dip_share: Array  # of waves I's and III's height: the dip after each
    sn10_share: Array
    sn10_after_ms: Array  # after wave V
    sn10_sd_ms: Array
    base_share: Array  # slow positive wave that carries IV and V
    slow_share: Array  # of either sign: what comes after SN10
    slow_after_ms: Array
    slow_sd_ms: Array


_RANGES = {
    "ii_share": (0.0, 0.8),
    "iv_share": (0.0, 0.6),
    "iv_before_ms": (0.75, 1.1),
    "dip_share": (0.0, 0.6),
    "sn10_share": (0.2, 0.9),
    "sn10_after_ms": (1.3, 2.4),
    "sn10_sd_ms": (0.5, 1.1),
    "base_share": (0.0, 0.35),
    "slow_share": (-0.5, 0.5),
    "slow_after_ms": (4.0, 9.0),
    "slow_sd_ms": (1.5, 4.0),
}


def make_shapes(subjects: int, seed: int) -> Shapes:
    """Draw the shapes of the first `subjects` ears."""
    uniform = of_ears(seed, Ear.SHAPE).random((subjects, 1 + len(_RANGES)))
    drawn = {
        name: low + (high - low) * uniform[:, place]
        for place, (name, (low, high)) in enumerate(_RANGES.items(), 1)
    }
    return Shapes(width=np.exp(0.25 * (2 * uniform[:, 0] - 1)), **drawn)


def responses_uv(
    latency_ms: Array, amplitude_uv: Array, passed_db: Array, shapes: Shapes, points: int
) -> Floats:
    """(N, T) the response before any filter, in µV: waves I to V and the slow waves as Gaussians.

    `amplitude_uv` (N, 3) is peak to following trough; where that of wave V is 0 nothing is heard.
    Waves widen by 0.6 % for each dB that the level behind an air-bone gap, `passed_db` (N), is
    below 60 dB.
    """
    i, iii, v = latency_ms.T
    high_i, high_iii = (amplitude_uv[:, wave] / (1 + shapes.dip_share / 2) for wave in (0, 1))
    high_v = _FILTER_TAKES * amplitude_uv[:, 2] / _peak_to_trough(shapes)
    wide = shapes.width * np.clip(1 + 0.006 * (60 - passed_db), 0.95, 1.3)
    sd = {wave: width * wide for wave, width in _WIDTH_MS.items()}
    s = shapes
    bumps = (
        (i, high_i, sd["I"]),
        (i + 0.6, -s.dip_share * high_i, sd["I"]),
        (i + 0.5 * (iii - i), s.ii_share * high_i, sd["II"]),
        (iii, high_iii, sd["III"]),
        (iii + 0.75, -s.dip_share * high_iii, sd["III"]),
        (v - s.iv_before_ms, s.iv_share * high_v, sd["IV"]),
        (v, high_v, sd["V"]),
        (v + s.sn10_after_ms, -s.sn10_share * high_v, s.sn10_sd_ms),
        (v - 0.3, s.base_share * high_v, np.full(len(v), 1.5)),
        (v + s.slow_after_ms, s.slow_share * high_v, s.slow_sd_ms),
    )
    time = np.arange(points, dtype=np.float32) * np.float32(1000 / SAMPLE_RATE_HZ)
    total = np.zeros((len(latency_ms), points), np.float32)
    for centre, height, width in bumps:
        z = (time - centre.astype(np.float32)[:, None]) / width.astype(np.float32)[:, None]
        total += height.astype(np.float32)[:, None] * np.exp(np.float32(-0.5) * z * z)
    return total


def read_peaks(waveform_uv: Floats, near_ms: Array) -> tuple[Array, Array, NDArray[np.bool_]]:
    """Latency (ms), peak-to-following-trough amplitude (µV) of waves I, III, V, and if it peaks.

    All (N, W). The peak is the largest point within 0.4 ms of `near_ms` (N, W), refined by a
    parabola; where that is no local maximum, but a shoulder, nobody would mark it. The trough is
    the lowest point within 1.2 ms after waves I and III, 3.5 ms after wave V. Where the window ends
    before, the trough is sought to its end.
    """
    points = waveform_uv.shape[1]
    rows = np.arange(len(waveform_uv))
    per_ms = SAMPLE_RATE_HZ / 1000
    latency, amplitude = np.empty_like(near_ms), np.empty_like(near_ms)
    peaks = np.empty(near_ms.shape, bool)
    reach = round(_PEAK_WITHIN_MS * per_ms)
    for wave in range(near_ms.shape[1]):
        centre = np.clip(np.rint(near_ms[:, wave] * per_ms).astype(int), 1, points - 2)
        around = np.clip(centre[:, None] + np.arange(-reach, reach + 1), 1, points - 2)
        peak = around[rows, np.argmax(waveform_uv[rows[:, None], around], axis=1)]
        before, top, after = (waveform_uv[rows, peak + k].astype(float) for k in (-1, 0, 1))
        peaks[:, wave] = (top >= before) & (top >= after) & (top > np.minimum(before, after))
        bend = before - 2 * top + after
        safe = np.where(bend < 0, bend, -1.0)
        offset = np.where(bend < 0, np.clip(0.5 * (before - after) / safe, -0.5, 0.5), 0.0)
        latency[:, wave] = (peak + offset) / per_ms
        span = np.arange(round(_TROUGH_WITHIN_MS[wave] * per_ms))
        later = np.minimum(peak[:, None] + span, points - 1)
        amplitude[:, wave] = top - waveform_uv[rows[:, None], later].min(axis=1)
    return latency, amplitude, peaks


def _peak_to_trough(s: Shapes) -> Array:
    """Of wave V, its base and SN10, where V's height is 1: overlaps raise and lower both ends."""

    def at(ms: Array) -> Array:
        sn10 = -s.sn10_share * np.exp(-0.5 * ((ms - s.sn10_after_ms) / s.sn10_sd_ms) ** 2)
        base = s.base_share * np.exp(-0.5 * ((ms + 0.3) / 1.5) ** 2)
        return np.exp(-0.5 * (ms / _WIDTH_MS["V"] / s.width) ** 2) + base + sn10

    return at(np.zeros_like(s.width)) - at(s.sn10_after_ms)
