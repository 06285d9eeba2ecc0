"""Loss components as sums over labels. What has no label adds nothing, to the sum or to the count.

B batch, T points. Labels are NaN, or -1 for a class, where they are missing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F


def binary_cross_entropy(logits: Tensor, label: Tensor) -> Tensor:
    """Σ of the cross entropy of yes-or-no labels that are there."""
    known = label.isfinite()
    return F.binary_cross_entropy_with_logits(logits[known], label[known], reduction="sum")


def weighted_square_sum(prediction_BT: Tensor, target_BT: Tensor, weight_B: Tensor) -> Tensor:
    """Σ_B weight · mean_T (prediction - target)²."""
    return (weight_B * (prediction_BT - target_BT).square().mean(1)).sum()


def known_labels(label: Tensor) -> float:
    """How many labels are there."""
    found = label >= 0 if not torch.is_floating_point(label) else label.isfinite()
    return float(found.sum())
