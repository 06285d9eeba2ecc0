"""The resolved plan: what each phase will do, in steps and weights, and its key.

A phase is a function of its key. Two phases with one key end with the same bytes (same torch build,
device and threads), so a phase whose key is unchanged need not run again.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any, TypeGuard, cast

import attrs

from curriculum.config import DataSummary, to_numerics, to_plain
from curriculum.config.protection import Stop
from curriculum.config.schema import (
    AfterDuration,
    AllOf,
    AnyOf,
    Choice,
    Cosine,
    Duration,
    ExitRule,
    Phase,
    Plan,
    PythonFactory,
    Training,
)
from curriculum.config.switches import by_phase
from curriculum.errors import UsageError

NUMERICS = 2
"""Raised whenever a release changes what the same settings train; part of every key."""


@attrs.frozen(kw_only=True)
class PlannedPhase:
    """A phase with its lengths in optimizer steps and the weights of all tasks on in it."""

    place: int  # 0 for the first
    settings: Phase
    weights: Mapping[str, float]  # at the end of the ramp, of all tasks that are on
    weights_before: Mapping[str, float]  # at the end of the phase before
    train_size: int
    longest: int | None  # steps; None where the exit rule gives no bound
    key: str
    begins: int | None = None  # the most steps that earlier phases take; None without a bound
    run_length: int | None = None  # likewise all phases of the plan
    held: frozenset[str] = frozenset()  # of the tasks that are on, those that learn no more

    @property
    def name(self) -> str:
        """The phase's name in the plan."""
        return self.settings.name

    @property
    def training(self) -> Training:
        """Batch, optimizer, schedule, balance."""
        return self.settings.training

    @property
    def turn_on(self) -> Mapping[str, float]:
        """The tasks that the phase names, with their weights."""
        return self.settings.turn_on

    @property
    def turned_on(self) -> tuple[str, ...]:
        """The tasks that were off until this phase."""
        return tuple(task for task in self.turn_on if task not in self.weights_before)

    @property
    def folder(self) -> str:
        """Name of the phase's folder of checkpoints, `01-signal`."""
        return f"{self.place + 1:02d}-{self.name}"

    @property
    def ramp_steps(self) -> int:
        """Updates over which new weights grow."""
        return self.steps(self.settings.ramp)

    @property
    def warmup_steps(self) -> int:
        """Updates of the heads that are turned on, before anything else trains."""
        return self.steps(self.settings.head_warmup)

    @property
    def evaluate_every(self) -> int:
        """Updates between evaluations."""
        return max(1, self.steps(self.training.evaluate_every))

    @property
    def steps_per_epoch(self) -> int:
        """Updates that one pass over the training split takes, rounded up."""
        return self.steps(Duration(1, "epochs"))

    def steps(self, duration: Duration) -> int:
        """A duration in this phase's optimizer steps."""
        return duration.steps(
            epoch_samples=self.train_size, step_samples=self.training.global_batch
        )


@attrs.frozen(kw_only=True)
class Stretch:
    """A while that a phase goes on beyond its end, because a task was forgotten."""

    kind: str  # "extend" or "rehearse"
    begins: int  # the step after which it begins
    length: int  # steps
    learning_rate: float  # share of the learning rate that it begins with
    weights: Mapping[str, float]  # what weights are multiplied by; others stay

    @property
    def ends(self) -> int:
        """Its last step."""
        return self.begins + self.length


def resolve(plan: Plan, data: DataSummary) -> tuple[PlannedPhase, ...]:
    """Fill in what follows from the data and from earlier phases, and compute the keys."""
    phases: list[PlannedPhase] = []
    key = _digest(
        {
            "numerics": NUMERICS,
            "seed": plan.seed,
            "model": to_plain(plan.model),
            "model_source": _source_digest(plan.model),
            "data": data.fingerprint,
        }
    )
    for place, (settings, before, now) in enumerate(by_phase(plan)):
        phase = PlannedPhase(
            place=place,
            settings=settings,
            weights=now.weights,
            weights_before=before.weights,
            train_size=data.train_size,
            longest=None,
            key="",
            held=now.held,
        )
        phases.append(attrs.evolve(phase, longest=longest(settings.exit_rule, phase)))
    return _with_keys(_with_places(phases), key)


def _with_places(phases: Iterable[PlannedPhase]) -> list[PlannedPhase]:
    """The phases, each with the most steps before it and in the whole run."""
    placed: list[PlannedPhase] = []
    begins: int | None = 0
    for phase in phases:
        placed.append(attrs.evolve(phase, begins=begins))
        begins = None if begins is None or phase.longest is None else begins + phase.longest
    return [attrs.evolve(phase, run_length=begins) for phase in placed]


def _with_keys(phases: Iterable[PlannedPhase], key: str) -> tuple[PlannedPhase, ...]:
    """The phases with their keys, each of which holds the key before it."""
    keyed: list[PlannedPhase] = []
    for phase in phases:
        content: dict[str, object] = {
            "before": key,
            "place": phase.place,
            "settings": to_numerics(phase.settings),
        }
        schedule = phase.training.schedule
        if isinstance(schedule, Cosine) and schedule.span == "run":
            content["span"] = [phase.begins, phase.run_length]
        key = _digest(content)
        keyed.append(attrs.evolve(phase, key=key))
    return tuple(keyed)


def longest(rule: ExitRule, phase: PlannedPhase) -> int | None:
    """The most steps that an exit rule allows; None where it gives no bound."""
    match rule:
        case AfterDuration():
            return phase.steps(rule.duration)
        case AnyOf():
            bounds = [longest(inner, phase) for inner in rule.rules]
            return min((bound for bound in bounds if bound is not None), default=None)
        case AllOf():
            bounds = [longest(inner, phase) for inner in rule.rules]
            known = [bound for bound in bounds if bound is not None]
            return max(known) if len(known) == len(bounds) else None
        case _:
            return None


def shorten(phase: PlannedPhase, steps: int) -> PlannedPhase:
    """The same phase, ended after a few steps: for a trial run, never for a result."""
    settings = attrs.evolve(
        phase.settings,
        duration=Duration(steps, "steps"),
        until=None,
        retain={},
        on_violation=Stop(),
        head_warmup=min(phase.settings.head_warmup, Duration(1, "steps"), key=phase.steps),
        ramp=min(phase.settings.ramp, Duration(steps, "steps"), key=phase.steps),
    )
    key = _digest({"shortened": phase.key, "steps": steps})
    return attrs.evolve(phase, settings=settings, longest=steps, key=key)


def flat(settings: object, path: str = "") -> Iterator[tuple[str, object]]:
    """The leaves of resolved settings by their path; phases by name, to be compared."""
    if isinstance(settings, Mapping):
        for name, value in cast("Mapping[str, object]", settings).items():
            yield from flat(value, f"{path}.{name}" if path else name)
    elif _is_blocks(settings):
        for place, item in enumerate(settings):
            yield from flat(item, f"{path}.{item.get('name', place)}")
    else:
        yield path, settings


def _is_blocks(value: object) -> TypeGuard[list[Mapping[str, object]]]:
    items = cast("list[object]", value) if isinstance(value, list) else None
    return items is not None and all(isinstance(item, Mapping) for item in items)


def differences(before: object, after: object) -> list[str]:
    """What changed between two resolved plans, one sentence a setting."""
    old, new = dict(flat(before)), dict(flat(after))
    missing = object()
    sentences: list[str] = []
    for path in [*new, *(path for path in old if path not in new)]:
        was, is_now = old.get(path, missing), new.get(path, missing)
        if was == is_now:
            continue
        if was is missing:
            sentences.append(f"`{path}` is new: {is_now}")
        elif is_now is missing:
            sentences.append(f"`{path}` is gone (it was {was})")
        else:
            sentences.append(f"`{path}` changed from {was} to {is_now}")
    return sentences


def _digest(content: object) -> str:
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _source_digest(model: Choice) -> str | None:
    """Digest of the sources that a plan's factory comes from: its module, or its whole package."""
    if not isinstance(model.settings, PythonFactory):
        return None
    module = model.settings.factory.partition(":")[0]
    top = module.partition(".")[0]
    spec = PathFinder.find_spec(top, [str(Path.cwd()), *sys.path])  # imports nothing
    if spec is None:
        raise UsageError(
            "the plan's factory must lie in a module that can be found",
            found=repr(model.settings.factory),
            where="model.factory",
            hint="Run in the folder that holds it, or set PYTHONPATH",
        )
    folders = [Path(folder) for folder in spec.submodule_search_locations or ()]
    files = [(file, folder) for folder in folders for file in sorted(folder.rglob("*.py"))]
    if not folders and spec.origin is not None:
        files = [(Path(spec.origin), Path(spec.origin).parent)]
    digest = hashlib.sha256()
    for file, folder in files:
        digest.update(str(file.relative_to(folder)).encode() + b"\0")
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def as_json(phase: PlannedPhase) -> dict[str, Any]:
    """What `plan --json` says of a phase, besides what will be done with it."""
    return {
        "name": phase.name,
        "heads": dict(phase.weights),
        "steps": phase.longest,
        "key": phase.key,
        "settings": to_plain(phase.settings),
    }
