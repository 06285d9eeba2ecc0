"""What the logits of a task with classes cost, and what they mean once they are trained.

    loss = make_class_loss(LogitAdjusted(), Frequencies.of(counts=(900, 90, 10)))
    loss.loss_sum(logits, labels)        # what is differentiated
    loss.log_posteriors(logits)          # log probabilities, classes as frequent as in the split
    loss.log_likelihoods(logits)         # the same as if all classes were equally frequent

All losses are one formula, Σ w_y (1 - p_y)^γ (-log p_y) with p = softmax(z + a): logit adjustment
gives a, class-balanced weights w, the focal loss γ. B samples, K classes; n_c is how many labels of
class c the training split has, π the shares of the classes there, q those among the samples that
the sampler draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from curriculum.config import to_plain
from curriculum.config.class_settings import (
    CLASS_LOSSES,
    ClassBalanced,
    ClassLossSettings,
    CrossEntropy,
    Focal,
    LogitAdjusted,
)

SMALLEST_SHARE = 1e-8
"""Of a class that never occurs, so that its logarithm is finite."""


@attrs.frozen(kw_only=True)
class Frequencies:
    """How often each class occurs in the training split, and among the samples that are drawn."""

    counts: tuple[float, ...]  # n_c
    drawn: tuple[float, ...]  # in proportion to q; the counts where samples are drawn as they come

    @classmethod
    def of(cls, counts: Sequence[float], drawn: Sequence[float] | None = None) -> Frequencies:
        """Those of these numbers; without `drawn`, samples are drawn as they come."""
        return cls(counts=tuple(counts), drawn=tuple(counts if drawn is None else drawn))


@attrs.frozen(kw_only=True, eq=False)
class ClassLoss:
    """A loss of logits (B, K), and the way back from logits to probabilities.

    Logits may have more columns than there are classes with a label in the training split: the
    others are classes that never occur.
    """

    settings: ClassLossSettings
    frequencies: Frequencies
    prior_K: Tensor  # log π
    surplus_K: Tensor  # log w + log q - a: what logits hold besides likelihoods
    added_K: Tensor | None = None  # a
    weight_K: Tensor | None = None  # w
    gamma: float = 0.0

    def loss_sum(self, logits_BK: Tensor, label_B: Tensor) -> Tensor:
        """The loss, summed over labelled samples; a label of -1 is none."""
        whole = self._of(logits_BK.shape[1])
        if whole.added_K is not None:
            logits_BK = logits_BK + whole.added_K.to(logits_BK)
        if whole.gamma:
            return _focal(logits_BK, label_B, whole.gamma)
        weight_K = None if whole.weight_K is None else whole.weight_K.to(logits_BK)
        return F.cross_entropy(
            logits_BK, label_B, weight=weight_K, ignore_index=-1, reduction="sum"
        )

    def log_likelihoods(self, logits_BK: Tensor) -> Tensor:
        """Scores that no prior is in: log P(sample | class), up to a constant of each sample.

        Cross entropy's minimiser has softmax(z + a) in proportion to w q P(sample | class), so that
        log w + log q - a is taken off. That of the focal loss is first turned into probabilities
        (Charoenphakdee et al. 2021, "On focal loss for class-posterior probability estimation",
        arXiv 2011.09172).
        """
        whole = self._of(logits_BK.shape[1])
        if whole.gamma:
            logits_BK = _focal_posteriors(logits_BK, whole.gamma)
        return logits_BK - whole.surplus_K.to(logits_BK)

    def log_posteriors(self, logits_BK: Tensor) -> Tensor:
        """Logarithms of probabilities, classes as frequent as in the training split."""
        prior_K = self._of(logits_BK.shape[1]).prior_K.to(logits_BK)
        return (self.log_likelihoods(logits_BK) + prior_K).log_softmax(1)

    def _of(self, classes: int) -> ClassLoss:
        """The loss of so many classes, of which the last may never occur."""
        more = (0.0,) * (classes - len(self.prior_K))
        if not more:
            return self
        known = self.frequencies
        return make_class_loss(
            self.settings, Frequencies.of((*known.counts, *more), (*known.drawn, *more))
        )


def make_class_loss(settings: ClassLossSettings, frequencies: Frequencies) -> ClassLoss:
    """The loss that a plan asks for, given how often each class occurs.

    - `logit_adjusted`: a = τ log q (Menon et al. 2021, arXiv 2007.07314, equation 10); the prior is
      that of the samples drawn, or rare classes would be corrected for twice.
    - `class_balanced`: w_c = (1 - β) / (1 - β^n_c) (Cui et al. 2019, arXiv 1901.05555, equation 3),
      scaled so that the mean over the training split's labels is 1.
    - `focal`: γ (Lin et al. 2017, arXiv 1708.02002, equation 4, without its α).
    """
    log_drawn_K = _log_shares(frequencies.drawn)
    surplus_K, added_K, weight_K, gamma = log_drawn_K, None, None, 0.0
    match settings:
        case LogitAdjusted():
            added_K = settings.tau * log_drawn_K
            surplus_K = surplus_K - added_K
        case ClassBalanced():
            weight_K = _balanced_weights(frequencies.counts, settings.beta)
            surplus_K = surplus_K + weight_K.log()
        case Focal():
            gamma = settings.gamma
        case CrossEntropy():
            pass
    return ClassLoss(
        settings=settings,
        frequencies=frequencies,
        prior_K=_log_shares(frequencies.counts),
        surplus_K=surplus_K,
        added_K=added_K,
        weight_K=weight_K,
        gamma=gamma,
    )


def as_plain(loss: ClassLoss) -> Mapping[str, Any]:
    """A loss as plain data, for a checkpoint; `from_plain` reads it back."""
    return {
        "settings": to_plain(loss.settings),
        "counts": list(loss.frequencies.counts),
        "drawn": list(loss.frequencies.drawn),
    }


def from_plain(plain: Mapping[str, Any]) -> ClassLoss:
    """The loss that `as_plain` wrote down.

    Raises:
        KeyError, TypeError: it is not one of this version.
    """
    settings = dict(plain["settings"])
    kind = CLASS_LOSSES[settings.pop("kind")]
    return make_class_loss(kind(**settings), Frequencies.of(plain["counts"], plain["drawn"]))


def _log_shares(counts: Sequence[float]) -> Tensor:
    count_K = torch.tensor(counts, dtype=torch.float64)
    total = count_K.sum()
    share_K = (count_K / total if total > 0 else count_K).float()
    return share_K.clamp_min(SMALLEST_SHARE).log()


def _balanced_weights(counts: Sequence[float], beta: float) -> Tensor:
    """Mean 1 over labels; 1 for a class that has none."""
    count_K = np.asarray(counts, np.float64)
    weight_K, seen = np.ones_like(count_K), count_K > 0
    if beta > 0:
        weight_K[seen] = (1 - beta) / -np.expm1(count_K[seen] * np.log(beta))
    if seen.any():
        weight_K[seen] *= count_K.sum() / (count_K * weight_K)[seen].sum()
    return torch.from_numpy(weight_K).float()


def _focal(logits_BK: Tensor, label_B: Tensor, gamma: float) -> Tensor:
    known = label_B >= 0
    log_p = logits_BK[known].log_softmax(1).gather(1, label_B[known][:, None])[:, 0]
    # -expm1 keeps 1 - p exact near p = 1; the clamp keeps its root's gradient finite there.
    missed = (-torch.expm1(log_p)).clamp_min(torch.finfo(log_p.dtype).tiny)
    return -(missed**gamma * log_p).sum()


def _focal_posteriors(logits_BK: Tensor, gamma: float) -> Tensor:
    """Probabilities' logarithms, up to a constant, from logits that minimise the focal loss.

    log p - log φ(p) with φ(p) = (1 - p)^γ - γ (1 - p)^(γ - 1) p log p, of which (1 - p)^(γ - 1) is
    taken out so that nothing vanishes at p = 1.
    """
    log_p_BK = logits_BK.double().log_softmax(1)
    p_BK = log_p_BK.exp()
    missed_BK = (-torch.expm1(log_p_BK)).clamp_min(torch.finfo(torch.float64).tiny)
    inner_BK = missed_BK - gamma * p_BK * log_p_BK
    log_phi_BK = (gamma - 1) * missed_BK.log() + inner_BK.clamp_min(1e-300).log()
    return (log_p_BK - log_phi_BK).to(logits_BK.dtype)
