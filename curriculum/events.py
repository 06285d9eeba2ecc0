"""What happens during a run, as frozen records for the journal and the console.

    run_started
    for phase in plan:                                  # reused phases: phase_reused
        phase_started (resumed, where it goes on)
        calibrated                                      # tasks turned on that the balance measures
        while True:
            evaluated                                   # when due; heartbeat(s) on the way
            if the exit rule holds: break
            checkpoint_saved                            # when due, and at SIGINT or SIGTERM
            step                                        # or skipped, or rolled_back
            balance_watched                             # when due, and at the phase's end
        extended                                        # where a task was forgotten; or rolled_back
        phase_ended
        checkpoint_saved
    run_ended
    warning, run_failed                                 # anywhere

`step` counts optimizer steps within the phase, from 1: the record of step k is what the k-th update
did, and an evaluation or checkpoint at step k is of the state after k updates (0: before the
first).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol

import attrs

Numbers = Mapping[str, float]


@attrs.frozen(kw_only=True)
class RunStarted:
    """A process begins, or goes on with, a run."""

    event: ClassVar[str] = "run_started"
    experiment: str
    run_folder: str
    phases: tuple[str, ...]
    tasks: Mapping[str, str]  # task -> group, in the model's order
    threads: int
    device: str
    versions: Mapping[str, str]


@attrs.frozen(kw_only=True)
class PhaseReused:
    """A phase whose result is there already."""

    event: ClassVar[str] = "phase_reused"
    phase: str
    steps: int
    key: str


@attrs.frozen(kw_only=True)
class PhaseStarted:
    """A phase begins. `weights`: at the end of its ramp; `longest`: None without a bound.

    `class_loss` and `sampler` are as in the plan, so that a change from the phase before shows.
    """

    event: ClassVar[str] = "phase_started"
    phase: str
    key: str
    turned_on: tuple[str, ...]
    weights: Numbers
    longest: int | None
    steps_per_epoch: int
    balance: str = ""  # how losses become one number: "calibrated", "torchjd/upgrad"
    class_loss: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    sampler: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class Resumed:
    """The run goes on from a checkpoint; later `step` and `evaluated` records are void."""

    event: ClassVar[str] = "resumed"
    phase: str
    key: str
    from_step: int
    weights: Numbers
    longest: int | None
    balance: str = ""  # as in `PhaseStarted`
    class_loss: Mapping[str, Any] = attrs.field(factory=dict[str, Any])
    sampler: Mapping[str, Any] = attrs.field(factory=dict[str, Any])


@attrs.frozen(kw_only=True)
class Calibrated:
    """The balance has measured a task that was turned on: its raw loss, gradient and divisor."""

    event: ClassVar[str] = "calibrated"
    phase: str
    step: int
    losses: Numbers
    trunk_gradient_norms: Numbers
    scales: Numbers


@attrs.frozen(kw_only=True)
class Step:
    """One optimizer step. A loss is None where the batch held no label for its task.

    `total` is `math.fsum` of `contributions`, None for a balance that adds no losses up.
    """

    event: ClassVar[str] = "step"
    phase: str
    step: int
    losses: Mapping[str, float | None]
    contributions: Numbers
    total: float | None
    learning_rate: float
    gradient_norm: float
    clipped: bool


@attrs.frozen(kw_only=True)
class BalanceWatched:
    """How much each active task counted in the steps after step `since`, up to this one.

    `shares`: of what is trained on, each by its weight (mean of |contribution| / (weight x ramp)
    over the steps with a label), added up to 1. The rest is of probes, whole global batches
    without dropout, and empty where none was taken. `gradient_shares`: of the norms of each task's
    part of the trunk's gradient, in this probe, weights and ramp included. `cosines`: between the
    raw losses' gradients on the whole trunk, for each pair of tasks once, the mean over the phase's
    `probes`; one batch's is off by about 0.2, so look at means of six probes or more.
    """

    event: ClassVar[str] = "balance_watched"
    phase: str
    step: int
    since: int
    shares: Numbers
    gradient_shares: Numbers
    cosines: Mapping[str, Numbers]
    probes: int


@attrs.frozen(kw_only=True)
class Heartbeat:
    """Progress of long work between steps; not journalled. `of` is None where it is not known."""

    event: ClassVar[str] = "heartbeat"
    doing: str
    done: int
    of: int | None


@attrs.frozen(kw_only=True)
class Evaluated:
    """Active tasks on a whole split, after `step` updates.

    `trivial` holds, for each metric, its value for each trivial predictor. `skill` is by task and
    group.
    """

    event: ClassVar[str] = "evaluated"
    phase: str
    step: int
    split: str
    losses: Mapping[str, float | None]
    total: float | None
    metrics: Numbers
    trivial: Mapping[str, Numbers]
    skill: Numbers


@attrs.frozen(kw_only=True)
class CheckpointSaved:
    """A checkpoint is on disk. `path` is relative to the run's folder."""

    event: ClassVar[str] = "checkpoint_saved"
    phase: str
    step: int
    path: str
    weights_sha256: str
    why: str  # "phase ended", "every 200 steps", "every 60 s", "SIGTERM"


@attrs.frozen(kw_only=True)
class Skipped:
    """A step made no update, since its losses or gradient were not finite, or a spike."""

    event: ClassVar[str] = "skipped"
    phase: str
    step: int
    reason: str
    skipped: int  # in this phase so far


@attrs.frozen(kw_only=True)
class RolledBack:
    """The phase went back to `to_step`; its later `step` and `evaluated` records are void.

    It goes on as another `attempt`, with other draws, at `learning_rate` of the planned one.
    """

    event: ClassVar[str] = "rolled_back"
    phase: str
    step: int  # where it was
    to_step: int
    attempt: int
    learning_rate: float
    longest: int | None  # steps that the phase now has at most
    reason: str


@attrs.frozen(kw_only=True)
class Extended:
    """The phase goes on after its end, since a task was forgotten. `weights`: multiplied by."""

    event: ClassVar[str] = "extended"
    phase: str
    step: int
    kind: str  # "extend" or "rehearse"
    steps: int
    weights: Numbers
    reason: str


@attrs.frozen(kw_only=True)
class PhaseEnded:
    """A phase is done. `unchanged_heads` proves law 1: each head that is off -> its sha256.

    `model_of_step` is where the model that is handed on was: before `step` for `hand_off: best`.
    """

    event: ClassVar[str] = "phase_ended"
    phase: str
    step: int
    reason: str
    model_of_step: int
    unchanged_heads: Mapping[str, str]
    weights_sha256: str


@attrs.frozen(kw_only=True)
class Warned:
    """Something that a person should know, and that does not end the run.

    `severity` is `warning`, or `alarm` where what comes out is hardly worth having.
    """

    event: ClassVar[str] = "warning"
    message: str
    phase: str | None = None
    step: int | None = None
    task: str | None = None
    severity: str = "warning"


@attrs.frozen(kw_only=True)
class RunFailed:
    """The run ended early: an error, a policy, or a signal."""

    event: ClassVar[str] = "run_failed"
    kind: str
    message: str
    exit_code: int
    phase: str | None = None
    step: int | None = None


@attrs.frozen(kw_only=True)
class RunEnded:
    """Every phase that was asked for is done."""

    event: ClassVar[str] = "run_ended"
    phases: tuple[str, ...]


Event = (
    RunStarted
    | PhaseReused
    | PhaseStarted
    | Resumed
    | Calibrated
    | Step
    | BalanceWatched
    | Heartbeat
    | Evaluated
    | CheckpointSaved
    | Skipped
    | RolledBack
    | Extended
    | PhaseEnded
    | Warned
    | RunFailed
    | RunEnded
)


class Observer(Protocol):
    """Whoever wants to know what happens: gets records, never the trainer; changes nothing."""

    def on_event(self, event: Event) -> None:
        """Take note of an event. Must return quickly: the loop waits."""
        ...
