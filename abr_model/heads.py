"""Heads: from the trunk's parts to predictions in standardised units, unbounded.

B batch, C channels, L positions at the bottom, Q queries, E condition.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from abr_model import logistic
from abr_model.trunk import BOTTOM, CONDITION, DECODED

_HIDDEN = 48


class SignalHead(nn.Module):
    """The diffusion's velocity at each sample, (B, T), from the decoder's output."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.out = nn.Conv1d(channels, 1, 5, padding=2)
        # Beside the normalised features, the features as they are: they carry the amplitude.
        self.straight = nn.Conv1d(channels, 1, 1)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """v̂."""
        decoded_BCT = features[DECODED]
        both = self.out(F.gelu(self.norm(decoded_BCT))) + self.straight(decoded_BCT)
        found: Tensor = both[:, 0]
        return found


class Readout(nn.Module):
    """Numbers about a whole recording, (B, outputs), from the bottom of the trunk.

    Each of Q learned queries attends to positions; the MLP gets what they found, where they found
    it, the mean, and the condition. Where a query looks, its soft position, is what a latency
    follows from.
    """

    def __init__(self, channels: int, condition: int, outputs: int, queries: int = 4) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(1, channels)
        self.attend = nn.Conv1d(channels, queries, 3, padding=1)
        inputs = (queries + 1) * channels + 2 * queries + condition
        self.hidden = nn.Linear(inputs, _HIDDEN)
        self.out = nn.Linear(_HIDDEN, outputs)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """The predictions."""
        bottom_BCL = features[BOTTOM]
        weights_BQL = self.attend(self.norm(bottom_BCL)).softmax(-1)
        position_L = torch.linspace(-1, 1, bottom_BCL.shape[-1], device=bottom_BCL.device)
        where_BQ = weights_BQL @ position_L
        spread_BQ = weights_BQL @ position_L.square() - where_BQ.square()
        found_BQC = weights_BQL @ bottom_BCL.transpose(1, 2)
        parts = [
            found_BQC.flatten(1),
            4 * where_BQ,
            4 * spread_BQ,
            bottom_BCL.mean(-1),
            features[CONDITION],
        ]
        out: Tensor = self.out(F.gelu(self.hidden(torch.cat(parts, 1))))
        return out


class LogisticReadout(nn.Module):
    """A logistic distribution for each of several numbers: (B, outputs, 2), location and scale.

    In standardised units, unbounded but for the floor of the scale; see `abr_model.logistic`.
    """

    def __init__(self, channels: int, condition: int, outputs: int) -> None:
        super().__init__()
        self.numbers = Readout(channels, condition, 2 * outputs)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        """The distributions."""
        location_BO, raw_BO = self.numbers(features).chunk(2, 1)
        return logistic.distribution(location_BO, raw_BO)
