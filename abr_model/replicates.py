"""Judging a denoiser without labels: two recordings of one ear at one level differ by noise alone.

A denoised recording of few sweeps is compared with the sweep-weighted mean of the *other*
recordings of its ear and level. N recordings, T samples at 20 kHz from stimulus onset.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from abr_model.metrics import correlation

RATE_HZ = 20_000
FEWEST_SWEEPS = 500
LOWEST_LEVEL_DB = 20.0
_FROM_MS, _TO_MS = 1.0, 10.0
_BAND_HZ = (100.0, 3000.0)


def band_pass(signal_NT: Tensor) -> Tensor:
    """100 to 3000 Hz, zero phase: the squared response of a second-order Butterworth band-pass.

    In float64, with the ends reflected so that they do not ring.
    """
    length = signal_NT.shape[1]
    signal = signal_NT.double()
    padded = torch.cat([signal.flip(1)[:, :-1], signal, signal.flip(1)[:, 1:]], 1)
    frequency = torch.fft.rfftfreq(padded.shape[1], 1 / RATE_HZ).double().clamp_min(1e-9)
    low, high = _BAND_HZ
    centre, width = math.sqrt(low * high), high - low
    detuning = (frequency.square() - centre**2) / (frequency * width)
    response = 1 / (1 + detuning**4)
    filtered = torch.fft.irfft(torch.fft.rfft(padded) * response, n=padded.shape[1])
    return filtered[:, length - 1 : 2 * length - 1]


def replicate_correlation(
    estimate_NT: Tensor,
    recording_NT: Tensor,
    *,
    subject_N: Tensor,
    level_N: Tensor,
    sweeps_N: Tensor,
    sweeps: int = FEWEST_SWEEPS,
) -> dict[int, float]:
    """Mean correlation by subject of estimates from recordings of so many sweeps with the others.

    Over 1 to 10 ms, both sides band-passed, mean over the recordings at 20 dB and above.
    """
    window = slice(round(_FROM_MS * RATE_HZ / 1000), round(_TO_MS * RATE_HZ / 1000))
    estimate, recording = band_pass(estimate_NT), band_pass(recording_NT)
    found: dict[int, list[float]] = {}
    judged = (sweeps_N == sweeps) & (level_N >= LOWEST_LEVEL_DB)
    for place in np.flatnonzero(judged.numpy()):
        others = (subject_N == subject_N[place]) & (level_N == level_N[place])
        others[place] = False
        if not bool(others.any()):
            continue
        weight = sweeps_N[others].double()
        reference = (weight[:, None] * recording[others]).sum(0) / weight.sum()
        value = correlation(estimate[place, window][None], reference[window][None])
        found.setdefault(int(subject_N[place]), []).append(float(value))
    return {subject: float(np.mean(values)) for subject, values in found.items()}
