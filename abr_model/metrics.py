"""Metrics over a whole split, in float64.

A class that a split does not hold is left out of averages, and what cannot be judged at all is
None.
"""

from __future__ import annotations

import torch
from torch import Tensor


def recalls(predicted: Tensor, label: Tensor, classes: int) -> dict[int, float]:
    """Share of each class's samples that were recognised, by class that occurs."""
    return {
        k: float((predicted[label == k] == k).double().mean())
        for k in range(classes)
        if bool((label == k).any())
    }


def balanced_accuracy(predicted: Tensor, label: Tensor, classes: int) -> float | None:
    """Mean recall over the classes that occur."""
    found = recalls(predicted, label, classes)
    return sum(found.values()) / len(found) if found else None


def macro_f1(predicted: Tensor, label: Tensor, classes: int) -> float | None:
    """Mean F1 score over the classes that occur."""
    scores: list[float] = []
    for k in range(classes):
        is_k, says_k = label == k, predicted == k
        if bool(is_k.any()):
            scores.append(2 * float((is_k & says_k).sum()) / float(is_k.sum() + says_k.sum()))
    return sum(scores) / len(scores) if scores else None


def auc(score: Tensor, label: Tensor) -> float | None:
    """Area under the ROC curve: how often a positive outranks a negative, ties counting half."""
    positive = label > 0.5
    n_positive, n_negative = int(positive.sum()), int((~positive).sum())
    if n_positive == 0 or n_negative == 0:
        return None
    _, place, counts = torch.unique(score.double(), return_inverse=True, return_counts=True)
    mean_rank = counts.cumsum(0).double() - (counts.double() - 1) / 2
    rank_sum = float(mean_rank[place][positive].sum())
    return (rank_sum - n_positive * (n_positive + 1) / 2) / (n_positive * n_negative)


def mean_absolute_error(prediction: Tensor, target: Tensor) -> float | None:
    """Over the targets that are there."""
    known = target.isfinite()
    if not bool(known.any()):
        return None
    return float((prediction[known].double() - target[known].double()).abs().mean())


def correlation(one_BT: Tensor, other_BT: Tensor) -> Tensor:
    """Pearson's correlation of each pair of rows, (B); 0 where a row is constant."""
    one = one_BT.double() - one_BT.double().mean(1, keepdim=True)
    other = other_BT.double() - other_BT.double().mean(1, keepdim=True)
    size = (one.square().sum(1) * other.square().sum(1)).sqrt()
    return torch.where(size > 0, (one * other).sum(1) / size.clamp_min(1e-30), 0.0)
