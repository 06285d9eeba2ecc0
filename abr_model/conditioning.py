"""What the trunk is told besides the recording: its static parameters and the diffusion time."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from abr_model.diffusion import alpha_bar
from curriculum.standardise import Units

STATICS = ("age_years", "level_db", "rate_hz", "detection", "noise_uv", "sweeps")
"""Static parameters of a recording, in the order of a statics tensor (B, S)."""

LOGARITHMIC = frozenset({"detection", "noise_uv", "sweeps"})
"""Those that span decades and are read by their logarithm; that of `noise_uv` is taken of its ratio
to the recordings' scale, so that their unit does not matter."""

_FREQUENCIES = 8


def statics_of(batch: Mapping[str, Tensor], signal_uv: Units) -> Tensor:
    """The static parameters of a batch, (B, S); logarithms of some, NaN where missing."""
    columns = {name: batch[name] for name in STATICS}
    columns["noise_uv"] = signal_uv.standardise(columns["noise_uv"])
    logs = [each.log() if name in LOGARITHMIC else each for name, each in columns.items()]
    return torch.stack(logs, 1)


class Condition(nn.Module):
    """Static parameters and time as one vector: (B), (B, S) to (B, E).

    A parameter that is missing (NaN) is replaced by an embedding of its own that is learned, so
    that "not known" is never mistaken for a value.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.slope_SE = nn.Parameter(torch.randn(len(STATICS), size) * 0.3)
        self.missing_SE = nn.Parameter(torch.randn(len(STATICS), size) * 0.3)
        self.time = nn.Linear(2 * _FREQUENCIES, size)
        self.mix = nn.Sequential(nn.SiLU(), nn.Linear(size, size), nn.SiLU(), nn.Linear(size, size))

    def forward(self, time_B: Tensor, statics_BS: Tensor) -> Tensor:
        """The condition vector."""
        known_BS = statics_BS.isfinite()
        value_BS = torch.where(known_BS, statics_BS, 0.0).clamp(-8, 8)
        absent_BS = (~known_BS).to(value_BS.dtype)
        told_BE = value_BS @ self.slope_SE + absent_BS @ self.missing_SE
        found: Tensor = self.mix(told_BE + self.time(time_features(time_B)))
        return found


def time_features(time_B: Tensor) -> Tensor:
    """Sinusoids of the log signal-to-noise ratio at a diffusion time: (B) to (B, 16)."""
    alpha_B = alpha_bar(time_B)
    log_snr_B = (alpha_B / (1 - alpha_B)).log() / 14  # within about ±1
    rates = math.pi * 2.0 ** torch.arange(_FREQUENCIES, device=time_B.device) / 4
    angles = log_snr_B[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)
