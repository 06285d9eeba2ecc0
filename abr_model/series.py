"""An ear from its recordings: one threshold, one class.

N recordings of E ears, K classes. Errors of recordings of one ear are related (the same ear, the
same habits of the model), so their predictions are averaged rather than multiplied as if each were
news. `benchmarks/series.py` compares the ways to do that.
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor

RELATED = 0.3
"""Correlation ρ of what recordings of one ear say of its class."""


@attrs.frozen(eq=False)
class Ears:
    """Which recording belongs to which ear."""

    numbers_E: Tensor  # int64, ascending: what `subject` calls them
    place_N: Tensor  # int64: index of each recording's ear

    @property
    def count(self) -> int:
        """E."""
        return len(self.numbers_E)

    @property
    def sizes(self) -> Tensor:
        """How many recordings each ear has, (E)."""
        return torch.bincount(self.place_N, minlength=self.count)

    def total(self, values_N: Tensor) -> Tensor:
        """Sums over the recordings of each ear: (N, ...) to (E, ...), in float64."""
        empty = torch.zeros((self.count, *values_N.shape[1:]), dtype=torch.float64)
        return empty.index_add(0, self.place_N, values_N.double())


def ears_of(subject_N: Tensor) -> Ears:
    """The ears of recordings, by their subject."""
    numbers_E, place_N = subject_N.unique(return_inverse=True)
    return Ears(numbers_E, place_N)


def pooled_threshold(distribution_N2: Tensor, ears: Ears) -> Tensor:
    """A logistic distribution for each ear, (E, 2) location and scale, from those of recordings.

    The quantiles of the ear are averages of its recordings' quantiles, q(p) = Σ w_i q_i(p), with
    weights w_i ∝ 1/s_i: a recording that is sure of the threshold counts for more than one that
    only bounds it. Of logistic distributions that is again one, with location Σ w_i μ_i and scale
    Σ w_i s_i, the harmonic mean of the scales (Vincent averaging: Lichtendahl, Grushka-Cockayne and
    Winkler 2013, "Is it better to average probabilities or quantiles?").
    """
    location_N, scale_N = distribution_N2.double().unbind(-1)
    sure_E = ears.total(1 / scale_N)
    return torch.stack([ears.total(location_N / scale_N) / sure_E, ears.sizes / sure_E], -1)


def pooled_scores(score_NK: Tensor, ears: Ears) -> Tensor:
    """Scores of classes for each ear, (E, K), logarithms of likelihoods up to a constant.

    The mean of the recordings' logarithms, times the number of independent witnesses that n related
    ones are worth, n / (1 + (n - 1) ρ) (the design effect of Kish 1965, "Survey Sampling", section
    8.2): 1 for one recording, never more than 1/ρ. Adding the logarithm of the prior gives
    probabilities, as for a recording.
    """
    log_NK = score_NK.double().log_softmax(1)
    worth_E = 1 / (1 + (ears.sizes - 1) * RELATED)
    return ears.total(log_NK) * worth_E[:, None]
