"""Judging a denoiser without labels: two recordings of one ear at one level differ by noise alone.

A denoised recording of few sweeps is compared with the sweep-weighted mean of the *other*
recordings of its ear and level. B or N recordings, T samples at 20 kHz from stimulus onset.
"""

from __future__ import annotations

import math

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
    estimate_BT: Tensor,
    replicates_BT: Tensor,
    *,
    level_B: Tensor,
    sweeps_B: Tensor,
    sweeps: int = FEWEST_SWEEPS,
) -> Tensor:
    """Correlation (B) of estimates with the mean of the other recordings of their ear and level.

    Over 1 to 10 ms, both sides band-passed, for recordings of so many sweeps at 20 dB and above;
    NaN for all others, and where there are no others.
    """
    found_B = torch.full((len(estimate_BT),), torch.nan, dtype=torch.float64)
    judged_B = (sweeps_B == sweeps) & (level_B >= LOWEST_LEVEL_DB)
    judged_B &= replicates_BT.isfinite().all(1)
    if bool(judged_B.any()):
        window = slice(round(_FROM_MS * RATE_HZ / 1000), round(_TO_MS * RATE_HZ / 1000))
        estimate = band_pass(estimate_BT[judged_B])[:, window]
        reference = band_pass(replicates_BT[judged_B])[:, window]
        found_B[judged_B] = correlation(estimate, reference)
    return found_B
