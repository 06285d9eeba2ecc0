"""What a plan says of tasks, held against the tasks that the model has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from curriculum.config.checks import Place, phases_of, rules_within, sound
from curriculum.config.class_settings import TemperedSampler
from curriculum.config.kinds import TaskSpec
from curriculum.config.nodes import Node, PathParts, quote
from curriculum.config.problems import Problems, closest, meant
from curriculum.config.protection import Best
from curriculum.config.schema import Phase, Plan, PlateauSchedule, Reaches
from curriculum.config.schema import Plateau as PlateauRule

ALWAYS = ("skill", "total")
"""What every model reports: the mean skill of the tasks that are on, and the total loss."""


@attrs.frozen
class _Model:
    """The tasks of a model, by every name that a plan may use."""

    tasks: frozenset[str]
    with_classes: tuple[str, ...]
    groups: dict[str, list[str]]  # group -> its tasks; a task alone is its own group
    metrics: dict[str, set[str]]  # metric -> the tasks any of which reports it

    @classmethod
    def of(cls, specs: Sequence[TaskSpec]) -> _Model:
        groups: dict[str, list[str]] = {}
        metrics: dict[str, set[str]] = {}
        for spec in specs:
            groups.setdefault(spec.group, []).append(spec.name)
            names = [f"{spec.name}/skill", f"{spec.group}/skill"]
            names += [metric.name for metric in spec.metrics]
            for name in names:
                metrics.setdefault(name, set()).add(spec.name)
        with_classes = tuple(spec.name for spec in specs if spec.classes)
        return cls(frozenset(spec.name for spec in specs), with_classes, groups, metrics)

    def tasks_of(self, name: str) -> set[str]:
        """The tasks that a name stands for, itself or its group's; of the nearest name if wrong.

        A misspelt name is reported where it stands; what follows from it is judged as it was meant.
        """
        if name in self.tasks:
            return {name}
        if name in self.groups:
            return set(self.groups[name])
        near = closest(name, [*self.tasks, *self.groups])
        return self.tasks_of(near) if near is not None else set()


def check_task_names(plan: Plan, root: Node, specs: Sequence[TaskSpec], problems: Problems) -> None:
    """Note every task and metric that a plan names and the model does not have, or has off."""
    at, model = Place(root, problems), _Model.of(specs)
    active: set[str] = set()
    phases = phases_of(plan)
    known = sound(plan.phases) and len(phases) == len(plan.phases)
    for place, phase in phases:
        before = set(active)
        if sound(phase.turn_on):
            _check_turned_on(at, model, phase, ("phases", place))
            active.update(*(model.tasks_of(name) for name in phase.turn_on))
            if sound(phase.turn_off):
                active.difference_update(*(model.tasks_of(name) for name in phase.turn_off))
        else:
            known = False  # from here on, what is on cannot be known
        judge = _Judge(at, model, phases, phase, place, active if known else None)
        judge.metrics()
        judge.sampler()
        if sound(phase.retain):
            judge.retained(before)


def _check_turned_on(at: Place, model: _Model, phase: Phase, path: PathParts) -> None:
    for name in phase.turn_on:
        if name in model.tasks:
            continue
        if at.problems.full:
            hint = None
        elif name in model.groups:
            hint = f"it is a group, with the tasks {', '.join(model.groups[name])}"
        else:
            hint = meant(name, sorted(model.tasks), what="tasks")
        message = f"must be a task of the model, found {quote(name)}"
        at.wrong((*path, "turn_on", name), message, hint, key=True)


@attrs.frozen
class _Judge:
    """One phase's mentions of metrics and tasks."""

    at: Place
    model: _Model
    phases: list[tuple[int, Phase]]
    phase: Phase
    place: int
    active: set[str] | None  # None: cannot be known

    def metrics(self) -> None:
        path: PathParts = ("phases", self.place, "until")
        if sound(self.phase.until):
            for inner, rule in rules_within(self.phase.until, path):
                if isinstance(rule, (PlateauRule, Reaches)):
                    self._metric((*inner, "metric"), rule.metric)
        schedule = self.phase.training.schedule
        if isinstance(schedule, PlateauSchedule):
            place = self.at.of_training(self.place, "schedule", "metric")
            self._metric(place, schedule.metric)
        hand_off = self.phase.hand_off
        if isinstance(hand_off, Best):
            self._metric(("phases", self.place, "hand_off", "metric"), hand_off.metric)

    def sampler(self) -> None:
        sampler = self.phase.training.sampler
        if not isinstance(sampler, TemperedSampler) or not sound(sampler.task):
            return
        if sampler.task in self.model.with_classes:
            return
        what = "with classes" if sampler.task in self.model.tasks else "of the model"
        message = f"must be a task {what}, found {quote(sampler.task)}"
        hint = meant(sampler.task, self.model.with_classes, what="tasks with classes")
        self.at.wrong(self.at.of_training(self.place, "sampler", "task"), message, hint)

    def _metric(self, path: PathParts, metric: str) -> None:
        if not sound(metric) or metric in ALWAYS:
            return
        owners = self.model.metrics.get(metric)
        if owners is None:
            hint = None if self.at.problems.full else self._metric_hint(metric)
            self.at.wrong(path, f"must be a metric of the model, found {quote(metric)}", hint)
        elif self.active is not None and not owners & self.active:
            message = (
                f"must be a metric of a task that is on in the phase {self._name()}, "
                f"found {quote(metric)}"
            )
            self.at.wrong(path, message, self._when(owners))

    def _metric_hint(self, metric: str) -> str:
        prefix = metric.partition("/")[0] + "/"
        same = sorted(name for name in self.model.metrics if name.startswith(prefix))
        near = closest(metric, same) or closest(metric, self.model.metrics)
        if near is not None:
            return f"did you mean {quote(near)}?"
        return meant(metric, same or sorted(self.model.metrics), what="metrics")

    def retained(self, before: set[str]) -> None:
        for name in self.phase.retain:
            path: PathParts = ("phases", self.place, "retain", name)
            if name not in self.model.tasks and name not in self.model.groups:
                names = sorted(self.model.tasks | self.model.groups.keys())
                hint = None if self.at.problems.full else meant(name, names, what="tasks")
                message = f"must be a task or group of the model, found {quote(name)}"
                self.at.wrong(path, message, hint, key=True)
                continue
            owners = self.model.tasks_of(name)
            if self.active is not None and not owners & before:
                message = f"must be on since an earlier phase to be retained, found {quote(name)}"
                self.at.wrong(path, message, self._when(owners), key=True)
            elif self.active is not None and not owners & self.active:
                message = f"must be on in this phase to be retained, found {quote(name)}"
                self.at.wrong(path, message, "hold it instead of turning it off", key=True)

    def _when(self, tasks: Iterable[str]) -> str:
        """A hint: by which phase any of some tasks is turned on."""
        wanted = set(tasks)
        for place, phase in self.phases:
            on = [name for name in phase.turn_on if self.model.tasks_of(name) & wanted]
            if on:
                where = "this phase" if place == self.place else f"phases[{place}]"
                return f"{quote(on[0])} is turned on in {where}"
        return "no phase turns it on"

    def _name(self) -> str:
        return quote(self.phase.name) if sound(self.phase.name) else f"phases[{self.place}]"
