"""Diffusion on recordings that are noisy to begin with.

B batch, T samples. All signals are in standardised units. Time t runs from 0 (clean) to 1 (noise);
ᾱ(t) is the cosine schedule of Nichol and Dhariwal 2021 (arXiv 2102.09672, equation 17).

A recording y = x₀ + σ n is itself a point of the diffusion: at the time t* at which ᾱ σ² = 1 - ᾱ,
√ᾱ y has the mean √ᾱ x₀ and the variance 1 - ᾱ that x_t has. So its own noise counts as part of the
diffusion's, only the rest is added, and denoising it is one step from t*.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_S = 0.008
_EDGE = math.cos(_S / (1 + _S) * math.pi / 2)
LAST = 0.999
"""The largest time: ᾱ stays above zero there."""


def alpha_bar(time: Tensor) -> Tensor:
    """ᾱ(t), the share of the signal's variance that is left."""
    return (torch.cos((time + _S) / (1 + _S) * math.pi / 2) / _EDGE).square().clamp(1e-6, 1 - 1e-6)


def time_of_noise(sigma: Tensor) -> Tensor:
    """t* of a recording whose residual noise has standard deviation σ: ᾱ(t*) = 1 / (1 + σ²)."""
    root = (1 + sigma.square()).rsqrt()
    time = (1 + _S) * 2 / math.pi * torch.acos((root * _EDGE).clamp(-1, 1)) - _S
    return time.clamp(1e-4, LAST)


def noised(signal_BT: Tensor, sigma_B: Tensor, time_B: Tensor, noise_BT: Tensor) -> Tensor:
    """x_t from a recording with its own noise σ, for t ≥ t*(σ) and noise of unit variance.

    x_t = √ᾱ y + √(1 - ᾱ - ᾱ σ²) ε.
    """
    alpha_B = alpha_bar(time_B)
    rest_B = (1 - alpha_B - alpha_B * sigma_B.square()).clamp_min(0)
    return alpha_B.sqrt()[:, None] * signal_BT + rest_B.sqrt()[:, None] * noise_BT


def velocity(x_BT: Tensor, clean_BT: Tensor, time_B: Tensor) -> Tensor:
    """The velocity v = √ᾱ ε - √(1-ᾱ) x₀ with ε = (x_t - √ᾱ x₀) / √(1-ᾱ).

    Salimans and Ho 2022, arXiv 2202.00512. Linear in x₀: with an unbiased but noisy x₀, such as the
    other half-average, it is unbiased too.
    """
    alpha_B1 = alpha_bar(time_B)[:, None]
    return (alpha_B1.sqrt() * x_BT - clean_BT) / (1 - alpha_B1).sqrt()


def denoised(x_BT: Tensor, velocity_BT: Tensor, time_B: Tensor) -> Tensor:
    """x̂₀ = √ᾱ x_t - √(1-ᾱ) v̂."""
    alpha_B1 = alpha_bar(time_B)[:, None]
    return alpha_B1.sqrt() * x_BT - (1 - alpha_B1).sqrt() * velocity_BT


def min_snr_weight(time: Tensor, gamma: float = 5.0) -> Tensor:
    """min(SNR, γ) / (SNR + 1), the weight for v-prediction (Hang et al. 2023, arXiv 2303.09556)."""
    alpha = alpha_bar(time)
    snr = alpha / (1 - alpha)
    return snr.clamp_max(gamma) / (snr + 1)


def noise_colour(noise_BT: Tensor) -> Tensor:
    """Cholesky factor (T, T) of the noise's Toeplitz autocovariance, for unit variance.

    White noise of shape (B, T) times its transpose has the noise's own spectrum.
    """
    noise = noise_BT.double()
    noise = noise / noise.square().mean(1, keepdim=True).sqrt().clamp_min(1e-12)
    length = noise.shape[1]
    power = torch.fft.rfft(noise, n=2 * length).abs().square().mean(0)
    # The biased estimate is positive semi-definite; a little white noise makes it definite.
    covariance = torch.fft.irfft(power)[:length] / length
    covariance = covariance / covariance[0]
    covariance[0] += 1e-4
    lags = (torch.arange(length)[:, None] - torch.arange(length)[None]).abs()
    return torch.linalg.cholesky(covariance[lags]).float()
