"""From latencies and amplitudes to waveforms, and the noise that recordings carry.

N recordings, T points at 20 kHz from onset, W = 3 waves (I, III, V).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import SAMPLE_RATE_HZ

LOW_SHARE = 0.8  # of the noise's power lies below 400 Hz
NOISE_POINTS = 1024  # drawn for each half-average, whatever the window
_WIDTH_MS = {"I": 0.22, "II": 0.22, "III": 0.30, "IV": 0.28, "V": 0.40}  # SD of each bump
_TROUGH = (2.0, 0.80, 0.45)  # after wave V: how much later, SD (ms), share of wave V's height
_PEAK_WITHIN_MS = 0.35
_TROUGH_WITHIN_MS = (1.2, 1.2, 3.5)


def responses_uv(
    latency_ms: NDArray[np.float64], amplitude_uv: NDArray[np.float64], points: int
) -> NDArray[np.float32]:
    """(N, T) waves I to V as Gaussian bumps, and the slow trough after V, in µV.

    Waves II and IV lie between their neighbours: II is as high as half of I, IV a quarter of V.
    `amplitude_uv` (N, 3) is peak to following trough; where that of wave V is 0 nothing is heard.
    """
    i, iii, v = latency_ms.T
    high_i, high_iii, both_v = amplitude_uv.T
    delay, trough_sd, depth = _TROUGH
    # Bumps overlap: the trough also pulls the peak down, and wave V fills the trough up a little.
    high_v = both_v / ((1 + depth) * (1 - np.exp(-0.5 * (delay / trough_sd) ** 2)))
    bumps = [
        (i, high_i, _WIDTH_MS["I"]),
        (i + 0.5 * (iii - i), 0.5 * high_i, _WIDTH_MS["II"]),
        (iii, high_iii, _WIDTH_MS["III"]),
        (v - 0.85, 0.25 * high_v, _WIDTH_MS["IV"]),
        (v, high_v, _WIDTH_MS["V"]),
        (v + delay, -depth * high_v, trough_sd),
    ]
    time = np.arange(points, dtype=np.float32) * np.float32(1000 / SAMPLE_RATE_HZ)
    total = np.zeros((len(latency_ms), points), np.float32)
    for centre, height, sd in bumps:
        z = (time - centre.astype(np.float32)[:, None]) / np.float32(sd)
        total += height.astype(np.float32)[:, None] * np.exp(np.float32(-0.5) * z * z)
    return total


def read_peaks(
    waveform_uv: NDArray[np.float32], near_ms: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latency (ms) and peak-to-following-trough amplitude (µV) of waves I, III, V: both (N, W).

    The peak is the largest point within 0.35 ms of `near_ms` (N, W), refined by a parabola; the
    trough is the lowest point within 1.2 ms after waves I and III, 3.5 ms after wave V. Where the
    window ends before, the trough is sought to its end.
    """
    points = waveform_uv.shape[1]
    rows = np.arange(len(waveform_uv))
    per_ms = SAMPLE_RATE_HZ / 1000
    latency, amplitude = np.empty_like(near_ms), np.empty_like(near_ms)
    reach = round(_PEAK_WITHIN_MS * per_ms)
    for wave in range(near_ms.shape[1]):
        centre = np.clip(np.rint(near_ms[:, wave] * per_ms).astype(int), 1, points - 2)
        around = np.clip(centre[:, None] + np.arange(-reach, reach + 1), 1, points - 2)
        peak = around[rows, np.argmax(waveform_uv[rows[:, None], around], axis=1)]
        before, top, after = (waveform_uv[rows, peak + k].astype(float) for k in (-1, 0, 1))
        bend = before - 2 * top + after
        safe = np.where(bend < 0, bend, -1.0)
        offset = np.where(bend < 0, np.clip(0.5 * (before - after) / safe, -0.5, 0.5), 0.0)
        latency[:, wave] = (peak + offset) / per_ms
        span = np.arange(round(_TROUGH_WITHIN_MS[wave] * per_ms))
        later = np.minimum(peak[:, None] + span, points - 1)
        amplitude[:, wave] = top - waveform_uv[rows[:, None], later].min(axis=1)
    return latency, amplitude


def coloured_noise(
    white: NDArray[np.float32], points: int, low_share: float = LOW_SHARE
) -> NDArray[np.float32]:
    """Noise of expected RMS 1 from white noise (..., NOISE_POINTS), cropped to (..., T).

    Band 80 to 3000 Hz as a clinic's filter leaves it, falling as 1/f; `low_share` of the power lies
    below 400 Hz.
    """
    spectrum = np.fft.rfft(white, axis=-1)
    spectrum *= _gain(white.shape[-1], low_share)
    return np.fft.irfft(spectrum, white.shape[-1], axis=-1)[..., :points].astype(np.float32)


def _gain(points: int, low_share: float) -> NDArray[np.float64]:
    frequency = np.fft.rfftfreq(points, 1 / SAMPLE_RATE_HZ)
    safe = np.maximum(frequency, 1.0)
    power = (1 / safe) / (1 + (80 / safe) ** 4) / (1 + (safe / 3000) ** 6)
    power[0] = 0
    low = frequency < 400
    power[low] *= low_share / power[low].sum()
    power[~low] *= (1 - low_share) / power[~low].sum()
    # White noise of RMS 1 has power 1/points in each two-sided bin; rfft keeps half of them.
    return np.sqrt(power * points / 2)
