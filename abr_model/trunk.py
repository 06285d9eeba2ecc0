"""The shared trunk: a hierarchical 1-D U-Net with S4D layers, and a transformer at its bottom.

B batch, C channels of a level, E condition, T samples of a recording, L its length at a level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from abr_model.conditioning import Condition
from abr_model.s4 import S4Block

BOTTOM, DECODED, CONDITION = "bottom", "decoded", "condition"


class Trunk(nn.Module):
    """Encoder, bottom and decoder.

    Args:
        base_channels: channels of the first level; doubled at each level.
        n_levels: levels, each half as long as the one before; the first is at half the rate.
        n_s4_layers: S4D blocks at each level, in the encoder and again in the decoder.
        state_size: real states of each S4D channel.
        n_attention_layers: transformer layers at the bottom.
        dropout: share of activations dropped.
    """

    def __init__(
        self,
        *,
        base_channels: int,
        n_levels: int,
        n_s4_layers: int,
        state_size: int,
        n_attention_layers: int,
        dropout: float,
    ) -> None:
        super().__init__()
        widths = [base_channels * 2**level for level in range(n_levels)]
        self.stride = 2**n_levels
        self.condition = Condition(4 * base_channels)

        def blocks(width: int) -> nn.ModuleList:
            settings = (width, state_size, 4 * base_channels, dropout)
            return nn.ModuleList(S4Block(*settings) for _ in range(n_s4_layers))

        steps = list(pairwise(widths))
        # The first level is at 10 kHz: responses end at 3 kHz, and half the length is half the
        # work.
        self.stem = nn.Conv1d(1, widths[0], 8, stride=2, padding=3)
        self.encoder = nn.ModuleList(blocks(width) for width in widths)
        self.down = nn.ModuleList(nn.Conv1d(a, b, 4, stride=2, padding=1) for a, b in steps)
        self.bottom = nn.ModuleList(
            AttentionBlock(widths[-1], dropout) for _ in range(n_attention_layers)
        )
        self.up = nn.ModuleList(nn.ConvTranspose1d(b, a, 4, stride=2, padding=1) for a, b in steps)
        self.join = nn.ModuleList(nn.Conv1d(2 * a, a, 1) for a, _ in steps)
        self.decoder = nn.ModuleList(blocks(a) for a, _ in steps)
        self.unstem = nn.ConvTranspose1d(widths[0], widths[0], 8, stride=2, padding=3)
        self.beside = nn.Conv1d(1, widths[0], 7, padding=3)

    def forward(
        self, signal_BT: Tensor, time_B: Tensor, statics_BS: Tensor, *, decode: bool
    ) -> Mapping[str, Tensor]:
        """`bottom` (B, C, L), `condition` (B, E) and, if asked for, `decoded` (B, C, T).

        `signal_BT` and `statics_BS` are standardised, NaN in `statics_BS` is "missing".
        """
        length = signal_BT.shape[-1]
        condition_BE = self.condition(time_B, statics_BS)
        padded_B1T = F.pad(signal_BT, (0, -length % self.stride))[:, None]
        signal_BCL = self.stem(padded_B1T)
        skips: list[Tensor] = []
        for level, blocks in enumerate(self.encoder):
            for block in blocks:  # type: ignore[union-attr]
                signal_BCL = block(signal_BCL, condition_BE)
            if level < len(self.down):
                skips.append(signal_BCL)
                signal_BCL = self.down[level](signal_BCL)
        for layer in self.bottom:
            signal_BCL = layer(signal_BCL)
        parts = {BOTTOM: signal_BCL, CONDITION: condition_BE}
        if decode:
            low_BCL = self._decode(signal_BCL, skips, condition_BE)
            parts[DECODED] = (self.unstem(low_BCL) + self.beside(padded_B1T))[..., :length]
        return parts

    def _decode(self, signal_BCL: Tensor, skips: list[Tensor], condition_BE: Tensor) -> Tensor:
        for level in reversed(range(len(self.up))):
            signal_BCL = self.up[level](signal_BCL)
            signal_BCL = self.join[level](torch.cat([signal_BCL, skips[level]], 1))
            for block in self.decoder[level]:  # type: ignore[union-attr]
                signal_BCL = block(signal_BCL, condition_BE)
        return signal_BCL


class AttentionBlock(nn.Module):
    """A pre-norm transformer layer over (B, C, L), with sinusoidal positions of any length."""

    def __init__(self, channels: int, dropout: float, heads: int = 4) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.norm_in, self.norm_out = nn.LayerNorm(channels), nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.project = nn.Linear(channels, channels)
        self.wide = nn.Linear(channels, 4 * channels)
        self.narrow = nn.Linear(4 * channels, channels)

    def forward(self, signal_BCL: Tensor) -> Tensor:
        """Attention over positions, then a position-wise network, each with a residual."""
        signal_BLC = signal_BCL.transpose(1, 2)
        normal_BLC = self.norm_in(signal_BLC) + positions(signal_BLC)
        shape = (*normal_BLC.shape[:2], 3, self.heads, -1)
        q, k, v = self.qkv(normal_BLC).reshape(shape).permute(2, 0, 3, 1, 4)
        p = self.dropout if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, dropout_p=p)
        signal_BLC = signal_BLC + self.project(mixed.transpose(1, 2).flatten(2))
        inner = F.gelu(self.wide(self.norm_out(signal_BLC)))
        signal_BLC = signal_BLC + self.narrow(F.dropout(inner, self.dropout, self.training))
        return signal_BLC.transpose(1, 2)


def positions(signal_BLC: Tensor) -> Tensor:
    """Sinusoids of the position (Vaswani et al. 2017, section 3.5), (L, C)."""
    _, length, channels = signal_BLC.shape
    rates = torch.arange(0, channels, 2, device=signal_BLC.device) * (-math.log(1e4) / channels)
    angles = torch.arange(length, device=signal_BLC.device)[:, None] * rates.exp()
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :channels]
