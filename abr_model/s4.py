"""S4D: a diagonal state space as a long convolution.

B batch, C channels, L length, N complex states a channel. Every channel has its own single-input
single-output system x' = A x + B u, y = Re(C x) + D u with diagonal A, discretised by zero-order
hold (Gu, Goel, Gupta and Ré 2022, "On the Parameterization and Initialization of Diagonal State
Space Models", arXiv 2206.11893, section 3).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

TOEPLITZ_UP_TO = 96
"""Lengths up to which a matrix product beats the FFT, at every width (`benchmarks/s4.py`, CPU)."""

_BLOCK = 16


class S4DKernel(nn.Module):
    """Kernels K[c, l] = 2 Re Σ_n C_n (e^{dt A_n} - 1) / A_n · e^{dt A_n l}, in real arithmetic.

    Initialised as S4D-Lin, A_n = -1/2 + iπn (equation 9), with the real part kept negative by an
    exponential, and B = 1 folded into C.

    Args:
        channels: number of kernels.
        state_size: real states a channel; half as many complex ones, each with its conjugate.
    """

    def __init__(self, channels: int, state_size: int) -> None:
        super().__init__()
        states = max(1, state_size // 2)
        low, high = math.log(1e-3), math.log(1e-1)
        self.log_dt_C = nn.Parameter(torch.rand(channels) * (high - low) + low)
        self.log_decay_CN = nn.Parameter(torch.full((channels, states), math.log(0.5)))
        frequencies = math.pi * torch.arange(states, dtype=torch.float32)
        self.frequency_CN = nn.Parameter(frequencies.repeat(channels, 1))
        self.output_CN2 = nn.Parameter(torch.randn(channels, states, 2) * 0.5**0.5)
        self._cached: tuple[object, Tensor] | None = None

    def forward(self, length: int) -> Tensor:
        """The first `length` taps of each kernel: (C, L).

        In evaluation without gradients they are computed once, until a parameter changes.
        """
        if self.training or torch.is_grad_enabled() or torch.compiler.is_compiling():
            self._cached = None
            return self._taps(length)
        # Every change in place raises a parameter's version; a new tensor has another address.
        now = (length, *((p._version, p.data_ptr(), p.device) for p in self.parameters()))
        if self._cached is None or self._cached[0] != now:
            self._cached = (now, self._taps(length))
        return self._cached[1]

    def _taps(self, length: int) -> Tensor:
        # Powers come from two short sequences, e^{z (16 i + j)} = (e^{16 z})^i (e^z)^j, so that the
        # taps are one batched product of (C, L/16, 2N) and (C, 2N, 16).
        dt_C1 = self.log_dt_C.exp()[:, None]
        decay_CN, frequency_CN = self.log_decay_CN.exp(), self.frequency_CN
        zr_CN, zi_CN = -decay_CN * dt_C1, frequency_CN * dt_C1
        # (e^z - 1) / A · C, the zero-order hold folded into the output vector
        grow = zr_CN.exp()
        er, ei = grow * zi_CN.cos() - 1, grow * zi_CN.sin()
        size = decay_CN.square() + frequency_CN.square()
        hr = (er * -decay_CN + ei * frequency_CN) / size
        hi = (ei * -decay_CN - er * frequency_CN) / size
        cr, ci = self.output_CN2.unbind(-1)
        wr, wi = 2 * (cr * hr - ci * hi), 2 * (cr * hi + ci * hr)
        blocks = -(-length // _BLOCK)
        i_I = torch.arange(blocks, device=dt_C1.device) * float(_BLOCK)
        j_J = torch.arange(_BLOCK, device=dt_C1.device, dtype=dt_C1.dtype)
        far = (zr_CN[:, None] * i_I[:, None]).exp()
        angle = zi_CN[:, None] * i_I[:, None]
        fr, fi = far * angle.cos(), far * angle.sin()
        wr, wi = wr[:, None], wi[:, None]
        left = torch.cat([wr * fr - wi * fi, -(wr * fi + wi * fr)], 2)
        near = (zr_CN[:, :, None] * j_J).exp()
        turn = zi_CN[:, :, None] * j_J
        right = torch.cat([near * turn.cos(), near * turn.sin()], 1)
        return torch.bmm(left, right).flatten(1)[:, :length]


class S4D(nn.Module):
    """A bidirectional S4D layer, (B, C, L) to (B, C, L).

    A recording is read whole, not as it arrives, so one kernel looks back and another ahead.
    """

    def __init__(self, channels: int, state_size: int) -> None:
        super().__init__()
        self.channels = channels
        self.kernels = S4DKernel(2 * channels, state_size)
        self.skip_C1 = nn.Parameter(torch.randn(channels, 1))

    def forward(self, signal_BCL: Tensor) -> Tensor:
        """Give y = (K_back + K_ahead) * u + D u."""
        length = signal_BCL.shape[-1]
        back_CL, ahead_CL = self.kernels(length).split(self.channels)
        # A program that leaves torch has no FFT everywhere; a product of matrices it has.
        leaves = torch.compiler.is_compiling()
        convolve = toeplitz if leaves or length <= TOEPLITZ_UP_TO else fft
        return convolve(signal_BCL, back_CL, ahead_CL) + self.skip_C1 * signal_BCL


def fft(signal_BCL: Tensor, back_CL: Tensor, ahead_CL: Tensor) -> Tensor:
    """Convolve with a kernel that looks back (lags 0…L-1) and one that looks ahead (lags -1…-L).

    Circular with period 2L, so that nothing wraps around.
    """
    length = signal_BCL.shape[-1]
    kernel = F.pad(back_CL, (0, length)) + F.pad(ahead_CL.flip(-1), (length, 0))
    size = 2 * length
    spectrum = torch.fft.rfft(signal_BCL, n=size) * torch.fft.rfft(kernel, n=size)
    return torch.fft.irfft(spectrum, n=size)[..., :length]


def toeplitz(signal_BCL: Tensor, back_CL: Tensor, ahead_CL: Tensor) -> Tensor:
    """The same as `fft`, as one product with an (L, L) matrix for each channel."""
    length = signal_BCL.shape[-1]
    by_lag = torch.cat([ahead_CL[:, : length - 1].flip(-1), back_CL], 1)  # lags -(L-1)…L-1
    matrix_CLL = by_lag.unfold(1, length, 1).flip(1)  # row: input, column: output
    return torch.bmm(signal_BCL.transpose(0, 1), matrix_CLL).transpose(0, 1)


class S4Block(nn.Module):
    """Norm, FiLM, S4D, GELU, dropout, gated 1×1 convolution, residual: (B, C, L) to (B, C, L).

    FiLM (Perez et al. 2018, arXiv 1709.07871) scales and shifts the normalised input by the
    condition. The residual path carries the recording's amplitude, which the norm takes out.
    """

    def __init__(self, channels: int, state_size: int, condition: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.film = nn.Linear(condition, 2 * channels)
        nn.init.zeros_(self.film.weight)
        nn.init.zeros_(self.film.bias)
        self.mix = S4D(channels, state_size)
        self.dropout = nn.Dropout1d(dropout)  # whole channels: the mask is cheap, and exact
        self.gate = nn.Conv1d(channels, 2 * channels, 1)

    def forward(self, signal_BCL: Tensor, condition_BE: Tensor) -> Tensor:
        """One residual step."""
        scale_BC1, shift_BC1 = self.film(condition_BE).unsqueeze(-1).chunk(2, 1)
        inner = self.norm(signal_BCL) * (1 + scale_BC1) + shift_BC1
        inner = self.dropout(F.gelu(self.mix(inner)))
        return signal_BCL + F.glu(self.gate(inner), 1)
