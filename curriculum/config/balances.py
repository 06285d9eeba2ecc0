"""How losses become one number: the settings of each kind of balance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from curriculum.config.options import option
from curriculum.units import Duration

AGGREGATORS = (
    "upgrad",
    "dualproj",
    "pcgrad",
    "mgda",
    "aligned_mtl",
    "config",
    "imtl_g",
    "graddrop",
    "random",
)


@attrs.frozen(kw_only=True)
class Watch:
    """The watch on the balance, which every kind has; it changes no byte that is trained."""

    watch_every: Duration | None = option(
        default=Duration(200, "steps"),
        numerics=False,
        help="Time between looks at shares and the trunk's gradients, and at a phase's end; "
        "null: none.",
    )
    stop_above: float | None = option(
        default=None,
        above=1,
        numerics=False,
        help="Stop where a loss counts so many times as much as another, by weight; null: never.",
    )


_WATCH = "The watch on the balance."
_BATCHES = "Global batches on which a new loss is measured."


@attrs.frozen(kw_only=True)
class Fixed:
    """Each loss counts as it is, times its weight. For weights that are meant for raw losses."""

    kind: ClassVar[str] = "fixed"
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


@attrs.frozen(kw_only=True)
class Calibrated:
    """Each loss is divided by its own size, so that a weight is a share.

    The size is measured on some batches when the task is turned on, then followed by a running
    mean.
    """

    kind: ClassVar[str] = "calibrated"
    batches: int = option(default=8, at_least=1, at_most=1000, help=_BATCHES)
    decay: float = option(
        default=0.99,
        at_least=0,
        at_most=1,
        help="Decay of the running size, per step; 1 keeps the first.",
    )
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


@attrs.frozen(kw_only=True)
class Log:
    """Each loss is replaced by its logarithm (Lin et al. 2023, arXiv 2308.12029)."""

    kind: ClassVar[str] = "log"
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


@attrs.frozen(kw_only=True)
class Uncertainty:
    """Each loss has a learned variance (Kendall et al. 2018, arXiv 1705.07115)."""

    kind: ClassVar[str] = "uncertainty"
    batches: int = option(default=8, at_least=1, at_most=1000, help=_BATCHES)
    rate: float = option(
        default=0.02, above=0, help="Step size of the log of the variance, per optimizer step."
    )
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


@attrs.frozen(kw_only=True)
class Dwa:
    """Losses that fell less in the last epoch count more (Liu et al. 2019, arXiv 1803.10704)."""

    kind: ClassVar[str] = "dwa"
    batches: int = option(default=8, at_least=1, at_most=1000, help=_BATCHES)
    temperature: float = option(
        default=2.0, above=0, help="Higher: weights that are more alike, whatever the ratios."
    )
    normalize: bool = option(
        default=True, help="Divide losses by their measured size first; false: as published."
    )
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


@attrs.frozen(kw_only=True)
class GradNorm:
    """Weights under which tasks train at one rate (Chen et al. 2018, arXiv 1711.02257)."""

    kind: ClassVar[str] = "gradnorm"
    batches: int = option(default=8, at_least=1, at_most=1000, help=_BATCHES)
    alpha: float = option(
        default=1.5, at_least=0, help="How much larger the gradient of a task that lags behind is."
    )
    rate: float = option(
        default=0.025, above=0, below=1, help="Step size of the learned weights, a measurement."
    )
    measure_every: Duration = option(
        default=Duration(10, "steps"), help="Time between measurements of each task's gradient."
    )
    normalize: bool = option(
        default=False, help="Divide losses by their measured size first; false: as published."
    )
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


@attrs.frozen(kw_only=True)
class TorchJd:
    """Losses as under `calibrated`, their trunk gradients combined by TorchJD (the extra)."""

    kind: ClassVar[str] = "torchjd"
    aggregator: str = option(
        default="upgrad",
        choices=AGGREGATORS,
        help="How the tasks' gradients on the trunk become one.",
    )
    batches: int = option(default=8, at_least=1, at_most=1000, help=_BATCHES)
    decay: float = option(
        default=0.99,
        at_least=0,
        at_most=1,
        help="Decay of the running size, per step; 1 keeps the first.",
    )
    watch: Watch = option(factory=Watch, inline=True, help=_WATCH)


Balance = Calibrated | Fixed | Log | Uncertainty | Dwa | GradNorm | TorchJd
BALANCES: Mapping[str, type] = {
    kind.kind: kind for kind in (Calibrated, Fixed, Log, Uncertainty, Dwa, GradNorm, TorchJd)
}
