"""Rules between the settings of a plan, which no single field can keep. Tasks are in `task_checks`.

The plan may have BROKEN in places that have a problem already; nothing is said of those again.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import attrs

from curriculum.config.balances import GradNorm, Log, TorchJd
from curriculum.config.class_settings import ClassBalanced, TemperedSampler
from curriculum.config.nodes import Node, PathParts, locate, quote, written
from curriculum.config.problems import Problems
from curriculum.config.protection import Best, Stop
from curriculum.config.schema import (
    AfterDuration,
    AllOf,
    AnyOf,
    Cosine,
    ExitRule,
    Phase,
    Plan,
    Plateau,
    PlateauSchedule,
    Reaches,
    Sgd,
    Training,
)
from curriculum.config.structure import BROKEN
from curriculum.config.switches import Switches
from curriculum.units import Duration, Unit

TOTAL = "total"
NO_TOTAL = "must be another than total under the balance torchjd, which adds no losses up"
JD_PACKAGES = ("torchjd", "qpsolvers", "quadprog")
"""What the extra `torchjd` installs: it, and what two of its aggregators solve with."""


@attrs.frozen
class Place:
    """The nodes of a plan, to say where something stands."""

    root: Node
    problems: Problems

    def wrong(
        self, path: PathParts, message: str, hint: str | None = None, *, key: bool = False
    ) -> None:
        """Note a problem with the value at a path, or with its key."""
        self.problems.add(locate(self.root, path, key=key), path, message, hint)

    def first_written(self, *paths: PathParts) -> PathParts:
        """The first of several paths that the plan writes, else the last."""
        return next((path for path in paths if written(self.root, path)), paths[-1])

    def of_training(self, phase: int, *keys: str) -> PathParts:
        """Where a phase's training setting is written: in the phase, or else in `defaults`."""
        return self.first_written(("phases", phase, *keys), ("defaults", *keys))


def sound(*values: object) -> bool:
    """Whether values can be judged: none of them has a problem already."""
    return not any(value is BROKEN for value in values)


def phases_of(plan: Plan) -> list[tuple[int, Phase]]:
    """The phases that can be judged, each with its place."""
    if not sound(plan.phases):
        return []
    return [(place, phase) for place, phase in enumerate(plan.phases) if sound(phase)]


def check_plan(plan: Plan, root: Node, problems: Problems) -> None:
    """Note every rule between settings that a plan breaks, save those that need the tasks."""
    at = Place(root, problems)
    if sound(plan.phases) and not plan.phases:
        at.wrong(("phases",), "must list at least one phase, found none")
    if sound(plan.checkpoints):
        _positive(at, ("checkpoints", "every"), plan.checkpoints.every)
    if sound(plan.defaults):
        _check_training(at, plan.defaults, ("defaults",), ("defaults",))
    names: dict[str, int] = {}
    on: Switches | None = Switches()
    spanned = any(_spans_the_run(phase) for _, phase in phases_of(plan))
    for place, phase in phases_of(plan):
        path: PathParts = ("phases", place)
        if sound(phase.name) and names.setdefault(phase.name, place) != place:
            first = names[phase.name]
            message = f"must be unlike every other phase's name, found {quote(phase.name)} again"
            at.wrong((*path, "name"), message, f"it is the name of phases[{first}]")
        _check_training(at, phase.training, path, ("defaults",))
        on = _check_switches(at, phase, path, on)
        _check_length(at, phase, path)
        _check_total(at, phase, path)
        _check_fit(at, phase, place, run_is_spanned=spanned)
    first_phase = plan.phases[0] if sound(plan.phases) and plan.phases else BROKEN
    if sound(first_phase) and sound(first_phase.turn_on) and not first_phase.turn_on:
        message = "must turn on at least one task in the first phase, found none"
        at.wrong(("phases", 0, "turn_on"), message, "for example `turn_on: {task: 1.0}`")


def _check_switches(
    at: Place, phase: Phase, path: PathParts, before: Switches | None
) -> Switches | None:
    """What a phase turns off, holds and warms up must be there to be; returns what is on in it.

    None where that cannot be known.
    """
    if before is None or not sound(phase.turn_on, phase.hold, phase.turn_off):
        return None
    for key, names in (("hold", phase.hold), ("turn_off", phase.turn_off)):
        for place, name in enumerate(names):
            here = (*path, key, name if key == "hold" else place)
            if name not in before.weights:
                message = f"must be on since an earlier phase, found {quote(name)}"
                at.wrong(here, message, "turn it on in a phase before this one")
            elif name in phase.turn_on:
                message = f"must not be turned on in the same phase, found {quote(name)}"
                at.wrong(here, message, f"leave it out of `turn_on` or of `{key}`")
            elif key == "turn_off" and name in phase.hold:
                message = f"must not be held in the same phase, found {quote(name)}"
                at.wrong(here, message, "leave it out of `hold` or of `turn_off`")
    now = before.after(phase)
    changed = "hold" if phase.hold else "turn_off"
    if (phase.turn_off or phase.hold) and not now.learning:
        at.wrong((*path, changed), "must leave a task that learns, found none", key=True)
    _check_head_warmup(at, phase, path, before)
    return now


def _check_head_warmup(at: Place, phase: Phase, path: PathParts, before: Switches) -> None:
    if not sound(phase.head_warmup) or not phase.head_warmup.count:
        return
    if not set(phase.turn_on) - set(before.weights):
        message = "must go with tasks that this phase turns on, whose heads it warms up, found none"
        at.wrong((*path, "head_warmup"), message, "remove it", key=True)
    if not before.weights:
        message = "must come after a phase that has trained the trunk, found the first phase"
        at.wrong((*path, "head_warmup"), message, "remove it", key=True)


def _positive(at: Place, path: PathParts, length: Duration | None) -> None:
    if length is not None and sound(length) and length.count == 0:
        at.wrong(path, f"must be a duration > 0, found '{length}'")


def _check_training(at: Place, training: Training, own: PathParts, shared: PathParts) -> None:
    """Rules within training settings, written in the phase (`own`) or inherited (`shared`)."""
    batch, pieces = training.global_batch, training.accumulation_steps
    if sound(batch, pieces) and batch % pieces:
        places = (*own, "accumulation_steps"), (*own, "global_batch")
        path = at.first_written(*places, (*shared, "accumulation_steps"))
        if path[-1] == "global_batch":
            message = f"must be a multiple of the accumulation_steps, {pieces}, found {batch}"
        else:
            message = f"must divide the global_batch, {batch}, found {pieces}"
        at.wrong(path, message)
    optimizer = training.optimizer
    if isinstance(optimizer, Sgd) and optimizer.nesterov is True and optimizer.momentum == 0:
        places = [(*own, "optimizer", key) for key in ("nesterov", "momentum")]
        path = at.first_written(*places, (*shared, "optimizer", "nesterov"))
        at.wrong(path, "must go with a momentum > 0, found 0", "for example `momentum: 0.9`")
    _check_balance(at, training, own, shared)
    _check_corrected_once(at, training, own, shared)
    every = at.first_written((*own, "evaluate_every"), (*shared, "evaluate_every"))
    _positive(at, every, training.evaluate_every)


def _check_balance(at: Place, training: Training, own: PathParts, shared: PathParts) -> None:
    """A balance that needs the whole batch in one piece, another package, or adds nothing up."""
    balance, schedule = training.balance, training.schedule
    owns, shares = (*own, "balance"), (*shared, "balance")
    here = at.first_written((*owns, "kind"), owns, (*shares, "kind"), shares)
    pieces = training.accumulation_steps
    if isinstance(balance, Log) and sound(pieces) and pieces > 1:
        message = (
            "must be another than log with accumulation_steps > 1, since the logarithm is of the "
            f"loss of the whole global batch; found log with accumulation_steps {pieces}"
        )
        at.wrong(here, message, "for example `balance: {kind: calibrated}`, which is much like it")
    _check_watch(at, training, owns, shares)
    if not isinstance(balance, TorchJd):
        return
    missing = [name for name in JD_PACKAGES if find_spec(name) is None]
    if missing:
        message = f"must go with the extra torchjd, found no package {', '.join(missing)}"
        at.wrong(here, message, "run `pip install 'abr-curriculum[torchjd]'`")
    if isinstance(schedule, PlateauSchedule) and schedule.metric == TOTAL:
        path = at.first_written((*own, "schedule", "metric"), (*shared, "schedule", "metric"))
        at.wrong(path, NO_TOTAL, "for example `skill`")


def _check_corrected_once(at: Place, training: Training, own: PathParts, shared: PathParts) -> None:
    """Rare classes are drawn more often or weigh more, not both."""
    both = (
        isinstance(training.class_loss, ClassBalanced),
        isinstance(training.sampler, TemperedSampler),
    )
    if not all(both):
        return
    path = at.first_written((*own, "sampler"), (*own, "class_loss"), (*shared, "sampler"))
    if path[-1] == "sampler":
        found, other = "tempered", "class_loss: {kind: class_balanced}"
    else:
        found, other = "class_balanced", "sampler: {kind: tempered}"
    message = (
        f"must not go with `{other}`, or rare classes are corrected for twice, found {quote(found)}"
    )
    hint = "keep one of the two; `class_loss: {kind: logit_adjusted}` reckons with the sampler"
    at.wrong((*path, "kind") if written(at.root, (*path, "kind")) else path, message, hint)


def _check_total(at: Place, phase: Phase, path: PathParts) -> None:
    """Nothing of a phase may go by the total where there is none."""
    if not isinstance(phase.training.balance, TorchJd):
        return
    for inner, rule in rules_within(phase.until, (*path, "until")) if sound(phase.until) else ():
        if isinstance(rule, (Plateau, Reaches)) and rule.metric == TOTAL:
            at.wrong((*inner, "metric"), NO_TOTAL, "for example `skill`")
    if isinstance(phase.hand_off, Best) and phase.hand_off.metric == TOTAL:
        at.wrong((*path, "hand_off", "metric"), NO_TOTAL, "for example `skill`")


def _check_watch(at: Place, training: Training, own: PathParts, shared: PathParts) -> None:
    """Intervals of some length, and a limit only where somebody looks."""
    balance = training.balance
    if not sound(balance):
        return
    if isinstance(balance, GradNorm):
        every = at.first_written((*own, "measure_every"), (*shared, "measure_every"))
        _positive(at, every, balance.measure_every)
    every = at.first_written((*own, "watch_every"), (*shared, "watch_every"))
    _positive(at, every, balance.watch.watch_every)
    if sound(balance.watch.watch_every, balance.watch.stop_above) and (
        balance.watch.watch_every is None and balance.watch.stop_above is not None
    ):
        limit = at.first_written((*own, "stop_above"), (*shared, "stop_above"))
        at.wrong(limit, "must go with a `watch_every`, found null, under which nobody looks")


def _check_length(at: Place, phase: Phase, path: PathParts) -> None:
    """Exactly one of `duration` and `until`, and neither of them of no steps at all."""
    if not sound(phase.duration, phase.until):
        return
    if phase.duration is None and phase.until is None:
        at.wrong(path, "must have `duration` or `until`, found neither", "say when the phase ends")
    elif phase.duration is not None and phase.until is not None:
        hint = "write `until: {any: [{duration: …}, …]}` for whichever comes first"
        at.wrong((*path, "until"), "must not stand beside `duration`, found both", hint, key=True)
    _positive(at, (*path, "duration"), phase.duration)
    for inner, rule in rules_within(phase.until, (*path, "until")):
        if isinstance(rule, AfterDuration):
            _positive(at, (*inner, "duration"), rule.duration)


def rules_within(rule: ExitRule | None, path: PathParts) -> Iterator[tuple[PathParts, ExitRule]]:
    """An exit rule and those in it, with their paths; `plateau` and `reaches` below their name."""
    match rule:
        case AnyOf(rules=rules) | AllOf(rules=rules):
            here = (*path, "any" if isinstance(rule, AnyOf) else "all")
            for place, inner in enumerate(rules):
                yield from rules_within(inner, (*here, place))
        case Plateau():
            yield (*path, "plateau"), rule
        case Reaches():
            yield (*path, "reaches"), rule
        case AfterDuration():
            yield path, rule
        case _:
            pass  # none, or broken


def longest_in(rule: ExitRule, unit: Unit) -> int | None:
    """How long a rule can last at most, counted in one unit; None where that cannot be said."""
    match rule:
        case AfterDuration(duration=length):
            return length.count if length.unit == unit else None
        case AnyOf(rules=rules):
            known = [n for n in (longest_in(inner, unit) for inner in rules) if n is not None]
            return min(known, default=None)
        case AllOf(rules=rules):
            lengths = [longest_in(inner, unit) for inner in rules]
            known = [n for n in lengths if n is not None]
            return max(known) if known and len(known) == len(lengths) else None
        case _:
            return None


def _spans_the_run(phase: Phase) -> bool:
    schedule = phase.training.schedule
    return sound(schedule) and isinstance(schedule, Cosine) and schedule.span == "run"


def _check_fit(at: Place, phase: Phase, place: int, *, run_is_spanned: bool) -> None:
    """What grows or falls over a phase must fit into it."""
    path: PathParts = ("phases", place)
    if sound(phase.ramp, phase.turn_on) and phase.ramp.count and not phase.turn_on:
        message = "must go with `turn_on`, whose weights it raises, found none"
        at.wrong((*path, "ramp"), message, "remove it", key=True)
    if (
        sound(phase.on_violation, phase.retain)
        and phase.on_violation != Stop()
        and not phase.retain
    ):
        message = "must go with `retain`, whose violation it answers, found none"
        at.wrong((*path, "on_violation"), message, "say what to retain, or remove it", key=True)
    given = [rule for rule in (phase.duration, phase.until) if rule is not None]
    if len(given) != 1 or not sound(phase.duration, phase.until):
        return
    rule = phase.exit_rule
    name = f" {quote(phase.name)}" if sound(phase.name) else ""
    _check_inside(at, (*path, "ramp"), phase.ramp, rule, name)
    _check_inside(at, (*path, "head_warmup"), phase.head_warmup, rule, name)
    parts = (phase.head_warmup, phase.ramp)
    if sound(*parts) and all(part.count for part in parts) and len({p.unit for p in parts}) == 1:
        both = Duration(phase.head_warmup.count + phase.ramp.count, phase.ramp.unit)
        _check_inside(at, (*path, "ramp"), both, rule, name, what="together with head_warmup ")
    if not sound(phase.training.schedule):
        return
    schedule = phase.training.schedule
    warmup = at.of_training(place, "schedule", "warmup")
    _check_inside(at, warmup, schedule.warmup, rule, name)
    if not rule.bounded and (isinstance(schedule, Cosine) or run_is_spanned):
        message = (
            "must hold at a known step, since the schedule `cosine` spans the "
            f"{'run' if run_is_spanned else 'phase'}; found a rule without a bound"
        )
        hint = "add a `duration` under `any`"
        if not run_is_spanned:
            hint += ", or give the phase `schedule: {kind: constant}`"
        at.wrong((*path, "until"), message, hint)


def _check_inside(
    at: Place, path: PathParts, part: Duration, rule: ExitRule, phase: str, what: str = ""
) -> None:
    if not sound(part):
        return
    longest = longest_in(rule, part.unit)
    if longest is not None and 0 < longest < part.count:
        whole = Duration(longest, part.unit)
        at.wrong(path, f"must {what}be at most as long as the phase{phase}, {whole}, found {part}")
