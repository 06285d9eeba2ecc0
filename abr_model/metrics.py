"""Metrics over a whole split, in float64.

A class that a split does not hold is left out of averages, and what cannot be judged at all is
None.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from statistics import fmean

import torch
from torch import Tensor


def recalls(predicted: Tensor, label: Tensor, classes: int) -> dict[int, float]:
    """Share of each class's samples that were recognised, by class that occurs."""
    return {
        k: float((predicted[label == k] == k).double().mean())
        for k in range(classes)
        if bool((label == k).any())
    }


def macro_f1(predicted: Tensor, label: Tensor, classes: int) -> float:
    """Mean F1 score over the classes that occur."""
    return mean(
        f1
        for k in range(classes)
        if bool((label == k).any()) and (f1 := _f1(predicted == k, label == k)) is not None
    )


def f1(logit: Tensor, label: Tensor) -> float | None:
    """F1 score of yes-or-no predictions at even odds; None where nothing is positive."""
    return _f1(logit > 0, label > 0.5)


def _f1(says: Tensor, is_so: Tensor) -> float | None:
    both = float(says.sum() + is_so.sum())
    return 2 * float((says & is_so).sum()) / both if bool(is_so.any()) else None


def calibration_error(probability_NK: Tensor, label_N: Tensor, bins: int = 10) -> float:
    """Expected calibration error of the most likely class (Guo et al. 2017, equation 3).

    Mean distance of confidence and accuracy over bins of equal width, weighted by their samples.
    """
    confidence, predicted = probability_NK.double().max(1)
    correct = (predicted == label_N).double()
    place = (confidence * bins).long().clamp_max(bins - 1)
    gap = torch.zeros(bins, dtype=torch.float64).index_add(0, place, correct - confidence)
    return float(gap.abs().sum() / len(label_N))


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


def mean(values: Iterable[float]) -> float:
    """Arithmetic mean of at least one value."""
    return fmean(values)


def known_mean(values: Tensor) -> float | None:
    """Mean of the values that are finite; None where there are none."""
    known = values[values.isfinite()]
    return float(known.double().mean()) if known.numel() else None


def mean_by(values_N: Tensor, group_N: Tensor) -> dict[int, float]:
    """Mean of the finite values by group, for the groups that have some."""
    known = values_N.isfinite()
    groups = sorted(set(group_N[known].tolist()))
    return {group: float(values_N[known & (group_N == group)].mean()) for group in groups}


def decibels(power: float | None, reference: float) -> float | None:
    """10 log10(power / reference); None where either is nothing."""
    return 10 * math.log10(power / reference) if power and reference else None


def correlation(one_BT: Tensor, other_BT: Tensor) -> Tensor:
    """Pearson's correlation of each pair of rows, (B); 0 where a row is constant."""
    one = one_BT.double() - one_BT.double().mean(1, keepdim=True)
    other = other_BT.double() - other_BT.double().mean(1, keepdim=True)
    size = (one.square().sum(1) * other.square().sum(1)).sqrt()
    return torch.where(size > 0, (one * other).sum(1) / size.clamp_min(1e-30), 0.0)
