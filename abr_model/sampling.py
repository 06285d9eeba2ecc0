"""Recordings without noise drawn from the model: DDIM from pure noise, given static parameters.

N recordings, B of a chunk, T samples at 20 kHz, S static parameters. Signals are in standardised
units until the end. DDIM (Song et al. 2020, arXiv 2010.02502, equation 12, with η = 0) needs no
more than the expected clean signal at a time, which v-prediction gives. It holds for this
diffusion's coloured noise as for white: whitening by the noise's covariance is linear and leaves
every weight as it is, so what starts with the noise's colour keeps it at every step.

Training never sees a recording below its own t* (see `abr_model.diffusion`), so a model says
nothing sound below the t* of nearly all recordings. Sampling stops at the t* of a recording quieter
than nine in ten of the training split, where a tenth of them trained it, and returns x̂₀ from there:
a mean over what those quiet recordings could not tell apart, some nV.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from abr_model import diffusion
from abr_model.conditioning import STATICS, statics_of
from abr_model.model import AbrModel
from abr_model.standards import Standards
from abr_model.trunk import DECODED

QUIET_SD = 1.2816
"""Standard deviations below the middle of log noise at which nine in ten recordings are noisier."""
_STREAM = 0x5AFE_D1CE
_MASK_64 = (1 << 64) - 1


class Velocity(Protocol):
    """The expected velocity (B, T) of x (B, T) at a time (B), given static parameters (B, S)."""

    def __call__(self, x_BT: Tensor, time_B: Tensor, statics_BS: Tensor) -> Tensor:
        """v̂."""
        ...


def velocity_of(model: AbrModel) -> Velocity:
    """What a trained model says; the model must be in evaluation mode."""

    def velocity(x_BT: Tensor, time_B: Tensor, statics_BS: Tensor) -> Tensor:
        inputs = {"x": x_BT, "time": time_B, "statics": statics_BS}
        found: Tensor = model.heads["signal"](model.features(inputs, frozenset({DECODED})))
        return found

    return velocity


def sample(
    velocity: Velocity,
    standards: Standards,
    statics: Mapping[str, ArrayLike],
    *,
    steps: int = 50,
    seed: int = 0,
    chunk: int = 64,
) -> NDArray[np.float32]:
    """Draw a recording without noise for each set of static parameters, (N, T) in µV.

    Args:
        velocity: what predicts; see `velocity_of`.
        standards: constants of the training split.
        statics: values (N) by name (see `conditioning.STATICS`), in their physical units; NaN, or a
            name left out, is "missing". At least one must be given, to say how many.
        steps: how often the velocity is asked for.
        seed: the noise that recording `i` starts from is a function of (seed, i).
        chunk: recordings at once; changes no result beyond rounding.

    Raises:
        ValueError: a name is not known, the numbers of values differ, or `steps` is below 2.
    """
    told_NS = told(statics, standards)
    times = schedule(standards, steps)
    parts = []
    with torch.inference_mode():
        for start in range(0, len(told_NS), chunk):
            told_BS = told_NS[start : start + chunk]
            white_BT = white(seed, range(start, start + len(told_BS)), len(standards.colour))
            noise_BT = white_BT @ standards.colour.T.to(white_BT.device)
            clean_BT = ddim(velocity, noise_BT, told_BS, times)
            parts.append(standards.signal_uv.physical(clean_BT))
    return torch.cat(parts).numpy()


def told(statics: Mapping[str, ArrayLike], standards: Standards) -> Tensor:
    """Static parameters as the model reads them, (N, S); see `conditioning.statics_of`."""
    unknown = sorted(set(statics) - set(STATICS))
    values = {name: np.asarray(each, np.float64).reshape(-1) for name, each in statics.items()}
    sizes = {len(each) for each in values.values()}
    if unknown or len(sizes) != 1:
        raise ValueError(
            f"statics must be values of {', '.join(STATICS)}, as many of each. "
            f"Found {', '.join(unknown) or sorted(sizes)}."
        )
    missing = np.full(sizes.pop(), np.nan)
    columns = {name: torch.from_numpy(values.get(name, missing)) for name in STATICS}
    return statics_of(columns, standards.signal_uv).float()


def schedule(standards: Standards, steps: int) -> Tensor:
    """The times of `steps` questions, from pure noise down to the t* of a quiet recording."""
    if steps < 2:
        raise ValueError(f"steps must be at least 2. Found {steps}.")
    return torch.linspace(diffusion.LAST, quiet_time(standards), steps)


def quiet_time(standards: Standards) -> float:
    """t* of a recording that nine in ten of the training split are noisier than.

    By the middle and the spread of the logarithm of their residual noise, taken to be normal.
    """
    place = STATICS.index("noise_uv")
    zero, scale = standards.conditions.zero[place], standards.conditions.scale[place]
    sigma = (zero - QUIET_SD * scale).exp()
    return float(diffusion.time_of_noise(sigma.float()))


def ddim(velocity: Velocity, noise_BT: Tensor, statics_BS: Tensor, times: Tensor) -> Tensor:
    """x̂₀ (B, T) at the last of falling times, from noise of unit variance.

    x_s = √ᾱ_s x̂₀ + √(1-ᾱ_s) ε̂ with x̂₀ = √ᾱ x_t - √(1-ᾱ) v̂ and ε̂ = √(1-ᾱ) x_t + √ᾱ v̂.
    """
    x_BT, clean_BT = noise_BT, torch.zeros_like(noise_BT)  # ᾱ of the first time is nearly 0
    for place, time in enumerate(times):
        time_B = time.expand(len(x_BT))
        velocity_BT = velocity(x_BT, time_B, statics_BS)
        clean_BT = diffusion.denoised(x_BT, velocity_BT, time_B)
        if place + 1 < len(times):
            alpha, after = diffusion.alpha_bar(time), diffusion.alpha_bar(times[place + 1])
            noise = (1 - alpha).sqrt() * x_BT + alpha.sqrt() * velocity_BT
            x_BT = after.sqrt() * clean_BT + (1 - after).sqrt() * noise
    return clean_BT


def white(seed: int, indices: Sequence[int], points: int) -> Tensor:
    """Standard normal numbers (B, T), a function of (seed, index).

    Philox, a counter-based generator (Salmon et al. 2011), with the index in its counter.
    """
    found = np.empty((len(indices), points), np.float32)
    for row, index in zip(found, indices, strict=True):
        bits = np.random.Philox(key=[seed & _MASK_64, _STREAM], counter=[0, 0, 0, index])
        np.random.Generator(bits).standard_normal(out=row, dtype=np.float32)
    return torch.from_numpy(found)
