"""The settings of a plan, as typed and frozen records. What each means stands in its `help`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs

from curriculum.config.balances import BALANCES, Balance, Calibrated
from curriculum.config.class_settings import (
    CLASS_LOSSES,
    SAMPLERS,
    ClassLossSettings,
    LogitAdjusted,
    Sampler,
    UniformSampler,
)
from curriculum.config.options import option
from curriculum.config.protection import (
    HAND_OFFS,
    ON_NON_FINITE,
    ON_VIOLATION,
    HandOff,
    Last,
    OnNonFinite,
    OnViolation,
    Stop,
)
from curriculum.units import Duration

NAME = r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}"
NAME_HELP = "1 to 64 letters, digits, `_`, `.` or `-`, the first a letter or digit"


# --- optimizers -------------------------------------------------------------------------------
@attrs.frozen(kw_only=True)
class AdamW:
    """Adam with decoupled weight decay (Loshchilov and Hutter 2019, arXiv 1711.05101)."""

    kind: ClassVar[str] = "adamw"
    learning_rate: float = option(default=1e-3, above=0, help="Step size after warm-up.")
    betas: tuple[float, float] = option(
        default=(0.9, 0.999),
        at_least=0,
        below=1,
        help="Decay of the two running moments, per step.",
    )
    eps: float = option(default=1e-8, above=0, help="Added to the root of the second moment.")
    weight_decay: float = option(
        default=1e-2,
        at_least=0,
        help="Share of a weight that is taken off per unit of learning rate.",
    )


@attrs.frozen(kw_only=True)
class Sgd:
    """Stochastic gradient descent with momentum."""

    kind: ClassVar[str] = "sgd"
    learning_rate: float = option(above=0, help="Step size after warm-up.")
    momentum: float = option(
        default=0.0, at_least=0, below=1, help="Decay of the velocity, per step."
    )
    nesterov: bool = option(default=False, help="Look ahead along the velocity; needs momentum.")
    weight_decay: float = option(default=0.0, at_least=0, help="L2 penalty added to the gradient.")


# --- learning-rate schedules ------------------------------------------------------------------
_WARMUP = "The learning rate grows linearly over this long at the start of the phase."


@attrs.frozen(kw_only=True)
class Cosine:
    """Half a cosine from the learning rate to `final` of it, over the longest that it can take."""

    kind: ClassVar[str] = "cosine"
    span: str = option(
        default="phase",
        choices=("phase", "run"),
        help="What it spans: `phase`, or all phases of the plan as one (`run`).",
    )
    warmup: Duration = option(default=Duration(0, "steps"), help=_WARMUP)
    final: float = option(
        default=0.0,
        at_least=0,
        at_most=1,
        help="Share of the learning rate that is left at the end.",
    )


@attrs.frozen(kw_only=True)
class Constant:
    """The learning rate stays as it is after warm-up."""

    kind: ClassVar[str] = "constant"
    warmup: Duration = option(default=Duration(0, "steps"), help=_WARMUP)


@attrs.frozen(kw_only=True)
class PlateauSchedule:
    """The learning rate is multiplied by `factor` whenever a metric stops improving."""

    kind: ClassVar[str] = "plateau"
    warmup: Duration = option(default=Duration(0, "steps"), help=_WARMUP)
    metric: str = option(
        default="skill",
        help="What must improve; `skill` is the mean of the tasks that are on.",
    )
    patience: int = option(
        default=3,
        at_least=1,
        help="Evaluations without improvement before the learning rate falls.",
    )
    factor: float = option(
        default=0.5, above=0, below=1, help="What the learning rate is multiplied by."
    )
    floor: float = option(
        default=0.01,
        at_least=0,
        at_most=1,
        help="Share of the learning rate below which it never falls.",
    )


# --- exit rules -------------------------------------------------------------------------------
@attrs.frozen(kw_only=True)
class AfterDuration:
    """The phase ends after this long."""

    duration: Duration = option(help="How long.")

    @property
    def bounded(self) -> bool:
        """Whether the rule is sure to hold at some step that is known in advance."""
        return True


@attrs.frozen(kw_only=True)
class Plateau:
    """The phase ends when a metric has not improved for `patience` evaluations."""

    metric: str = option(help="The metric, as `group/metric`; `skill` is the mean skill.")
    patience: int = option(default=3, at_least=1, help="Evaluations without improvement.")
    min_delta: float = option(
        default=0.0, at_least=0, help="What counts as improvement, in its unit."
    )

    @property
    def bounded(self) -> bool:
        """See `AfterDuration.bounded`."""
        return False


@attrs.frozen(kw_only=True)
class Reaches:
    """The phase ends when a metric is at least as good as `value`."""

    metric: str = option(help="The metric, as `group/metric`.")
    value: float = option(help="The value to reach, in the metric's unit.")

    @property
    def bounded(self) -> bool:
        """See `AfterDuration.bounded`."""
        return False


@attrs.frozen(kw_only=True)
class AnyOf:
    """The phase ends when the first of several rules holds."""

    rules: tuple[ExitRule, ...] = option(help="The rules, at least one.")

    @property
    def bounded(self) -> bool:
        """See `AfterDuration.bounded`."""
        return any(rule.bounded for rule in self.rules)


@attrs.frozen(kw_only=True)
class AllOf:
    """The phase ends when each of several rules has held, at that evaluation."""

    rules: tuple[ExitRule, ...] = option(help="The rules, at least one.")

    @property
    def bounded(self) -> bool:
        """See `AfterDuration.bounded`."""
        return all(rule.bounded for rule in self.rules)


ExitRule = AfterDuration | Plateau | Reaches | AnyOf | AllOf
Optimizer = AdamW | Sgd
Schedule = Cosine | Constant | PlateauSchedule

OPTIMIZERS: Mapping[str, type] = {kind.kind: kind for kind in (AdamW, Sgd)}
EXIT_RULES: Mapping[str, type] = {
    "duration": AfterDuration,
    "plateau": Plateau,
    "reaches": Reaches,
    "any": AnyOf,
    "all": AllOf,
}
SCHEDULES: Mapping[str, type] = {kind.kind: kind for kind in (Cosine, Constant, PlateauSchedule)}


# --- the plan ---------------------------------------------------------------------------------
@attrs.frozen(kw_only=True)
class Training:
    """How a phase trains. Written under `defaults`, and in a phase where it differs."""

    global_batch: int = option(default=24, at_least=1, help="Samples per optimizer step.")
    accumulation_steps: int = option(
        default=1, at_least=1, help="Micro-batches that a global batch is cut into; divides it."
    )
    gradient_clip: float | None = option(
        default=1.0, above=0, help="Largest norm of the whole gradient; null: no limit."
    )
    evaluate_every: Duration = option(
        default=Duration(1, "epochs"), help="Time between evaluations of the validation split."
    )
    optimizer: Optimizer = option(factory=AdamW, kinds=OPTIMIZERS, help="The optimizer.")
    schedule: Schedule = option(
        factory=Cosine, kinds=SCHEDULES, help="The learning rate over a phase."
    )
    trunk_rate: float = option(
        default=1.0, above=0, help="Share of the learning rate that everything but the heads gets."
    )
    balance: Balance = option(
        factory=Calibrated, kinds=BALANCES, help="How losses become one number."
    )
    class_loss: ClassLossSettings = option(
        factory=LogitAdjusted,
        kinds=CLASS_LOSSES,
        help="The loss of tasks with classes, and how it treats rare ones.",
    )
    sampler: Sampler = option(
        factory=UniformSampler, kinds=SAMPLERS, help="Which samples a phase draws, and how often."
    )
    on_non_finite: OnNonFinite = option(
        factory=Stop, kinds=ON_NON_FINITE, help="What a loss or gradient that is not finite does."
    )
    spike_above: float | None = option(
        default=None,
        above=1,
        help="A loss so many times its running mean counts as not finite; null: none does.",
    )


@attrs.frozen(kw_only=True)
class Phase:
    """One stretch of training, with the tasks that it turns on; has either duration or until."""

    name: str = option(
        pattern=NAME, pattern_help=NAME_HELP, help="The phase's name, once in a plan."
    )
    turn_on: Mapping[str, float] = option(
        factory=dict,
        above=0,
        help="Tasks and their weights; what earlier phases turned on stays on.",
    )
    ramp: Duration = option(
        default=Duration(0, "steps"),
        help="Weights named in `turn_on` grow to their value over this long.",
    )
    head_warmup: Duration = option(
        default=Duration(0, "steps"),
        help="At first the heads that are turned on train alone, on a trunk that stands still.",
    )
    hold: Mapping[str, float] = option(
        factory=dict,
        above=0,
        help="Tasks that learn no more: at this weight they keep to what was predicted before.",
    )
    turn_off: tuple[str, ...] = option(default=(), help="Tasks that are off from here on.")
    duration: Duration | None = option(default=None, help="How long the phase lasts.")
    until: ExitRule | None = option(default=None, help="The rule by which the phase ends.")
    retain: Mapping[str, float] = option(
        factory=dict,
        at_least=0,
        help="Skill of an earlier task that may be lost against the end of its own phase.",
    )
    on_violation: OnViolation = option(
        factory=Stop, kinds=ON_VIOLATION, help="What happens when more than `retain` was lost."
    )
    hand_off: HandOff = option(
        factory=Last, kinds=HAND_OFFS, help="Which model of the phase the next one starts from."
    )
    training: Training = option(
        factory=Training, inline=True, help="Whatever differs from `defaults`."
    )

    @property
    def exit_rule(self) -> ExitRule:
        """The rule by which the phase ends, `duration` written as one."""
        if self.until is not None:
            return self.until
        assert self.duration is not None  # the loader has checked that one of them is given
        return AfterDuration(duration=self.duration)


@attrs.frozen(kw_only=True)
class Checkpoints:
    """When state is saved beyond the ends of phases; for resuming only, no result depends on it."""

    every: Duration | None = option(
        default=None, help="Save this often, counted from a phase's start."
    )
    every_seconds: float | None = option(
        default=60.0, above=0, help="Save at the first step after so many seconds; null: never."
    )


@attrs.frozen(kw_only=True)
class Choice:
    """A model or data block: its `kind`, and the settings of that kind's class."""

    kind: str
    settings: Any


@attrs.frozen(kw_only=True)
class PythonFactory:
    """Code named by the plan, imported only with `--trust-plan`."""

    factory: str = option(
        pattern=r"[A-Za-z_][\w.]*:[A-Za-z_]\w*",
        pattern_help="`package.module:function`",
        help="The function that builds it, as `package.module:function`.",
    )
    args: Mapping[str, Any] = option(factory=dict, help="Keyword arguments for that function.")


@attrs.frozen(kw_only=True)
class Plan:
    """A whole plan: what is trained, on what, in which phases."""

    experiment: str = option(
        pattern=NAME, pattern_help=NAME_HELP, help="Name of the run's folder below the runs folder."
    )
    seed: int = option(
        default=0, at_least=0, at_most=2**63 - 1, help="Everything random is a function of it."
    )
    model: Choice = option(registry="models", help="The shared model.")
    data: Choice = option(registry="data", help="What it is trained on.")
    checkpoints: Checkpoints = option(factory=Checkpoints, help="When state is saved.")
    defaults: Training = option(
        factory=Training, shared=True, help="How phases train, unless they say otherwise."
    )
    phases: tuple[Phase, ...] = option(help="The phases, in order.")
