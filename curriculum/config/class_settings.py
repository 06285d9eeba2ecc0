"""What a plan says of classes: the loss of tasks that tell them apart, and the order of samples."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from curriculum.config.options import option


@attrs.frozen(kw_only=True)
class LogitAdjusted:
    """Cross entropy of the logits plus tau times the logarithm of the classes' shares.

    Trained to be right equally often in every class (Menon et al. 2021, arXiv 2007.07314).
    """

    kind: ClassVar[str] = "logit_adjusted"
    tau: float = option(
        default=1.0,
        at_least=0,
        help="Strength of the adjustment: 1 for balanced classes, 0 for plain cross entropy.",
    )


@attrs.frozen(kw_only=True)
class ClassBalanced:
    """Cross entropy with a weight for each class, by its effective number of samples.

    (1 - beta) / (1 - beta^n) for a class of n samples (Cui et al. 2019, arXiv 1901.05555), scaled
    to a mean of 1 over samples.
    """

    kind: ClassVar[str] = "class_balanced"
    beta: float = option(
        default=0.9999,
        at_least=0,
        below=1,
        help="0 weighs all samples alike; towards 1, a class by one over its size.",
    )


@attrs.frozen(kw_only=True)
class Focal:
    """Cross entropy in which samples that are right already count less (Lin et al. 2017)."""

    kind: ClassVar[str] = "focal"
    gamma: float = option(
        default=2.0,
        at_least=0,
        at_most=10,
        help="Power of 1 - p, p the probability given to the right class; 0: cross entropy.",
    )


@attrs.frozen(kw_only=True)
class CrossEntropy:
    """Plain cross entropy: right as often as possible, by neglecting rare classes if need be."""

    kind: ClassVar[str] = "cross_entropy"


@attrs.frozen(kw_only=True)
class UniformSampler:
    """Each sample once in an epoch, in an order of its own."""

    kind: ClassVar[str] = "uniform"


@attrs.frozen(kw_only=True)
class TemperedSampler:
    """Samples drawn with replacement, those of rare classes more often than they occur.

    A class of n samples is drawn in proportion to n^temperature; samples without a label keep their
    share.
    """

    kind: ClassVar[str] = "tempered"
    task: str = option(help="The task whose classes it goes by; need not be on.")
    temperature: float = option(
        default=0.5,
        at_least=0,
        at_most=1,
        help="0 draws every class equally often, 1 each as often as it occurs.",
    )


ClassLossSettings = LogitAdjusted | ClassBalanced | Focal | CrossEntropy
Sampler = UniformSampler | TemperedSampler

CLASS_LOSSES: Mapping[str, type] = {
    kind.kind: kind for kind in (LogitAdjusted, ClassBalanced, Focal, CrossEntropy)
}
SAMPLERS: Mapping[str, type] = {kind.kind: kind for kind in (UniformSampler, TemperedSampler)}
