"""Where a run stands, folded from its events. No drawing here."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Literal

import attrs

from curriculum.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Extended,
    Heartbeat,
    PhaseEnded,
    PhaseReused,
    PhaseStarted,
    Resumed,
    RolledBack,
    RunEnded,
    RunFailed,
    RunStarted,
    Step,
)

Status = Literal["waiting", "running", "done", "reused", "failed"]
_LATELY = 100


@attrs.define
class Progress:
    """The state that displays are drawn from. `at` is the time of the last event, in seconds."""

    experiment: str = ""
    where: str = ""
    machine: str = ""
    groups: Mapping[str, str] = attrs.field(factory=dict[str, str])
    phases: dict[str, Status] = attrs.field(factory=dict[str, Status])
    steps: dict[str, int] = attrs.field(factory=dict[str, int])  # done, by phase
    phase: str | None = None
    longest: int | None = None
    weights: Mapping[str, float] = attrs.field(factory=dict[str, float])
    last: Step | None = None
    clipped: deque[bool] = attrs.field(factory=lambda: deque(maxlen=_LATELY))
    skill: Mapping[str, float] = attrs.field(factory=dict[str, float])
    skill_before: Mapping[str, float] = attrs.field(factory=dict[str, float])
    saved: CheckpointSaved | None = None
    saved_at: float = 0.0
    doing: Heartbeat | None = None
    failure: RunFailed | None = None
    at: float = 0.0
    _first: tuple[int, float] | None = None  # step and time that the rate is counted from

    def fold(self, event: Event, now: float) -> None:
        """Take in what happened at a time in seconds."""
        self.at = now
        self.doing = event if isinstance(event, Heartbeat) else None
        match event:
            case RunStarted():
                self.experiment, self.where = event.experiment, event.run_folder
                threads = "1 thread" if event.threads == 1 else f"{event.threads} threads"
                self.machine = (
                    f"{event.device}, {threads}, torch {event.versions.get('torch', '?')}"
                )
                self.groups = event.tasks
                self.phases = dict.fromkeys(event.phases, "waiting")
            case PhaseReused():
                self.phases[event.phase] = "reused"
                self.steps[event.phase] = event.steps
            case PhaseStarted():
                self._begin(event.phase, 0)
                self.longest, self.weights = event.longest, event.weights
            case Resumed():
                self._begin(event.phase, event.from_step)
                self.longest, self.weights = event.longest, event.weights
            case Step():
                self._step(event, now)
            case Evaluated():
                self.skill_before, self.skill = self.skill, event.skill
            case CheckpointSaved():
                self.saved, self.saved_at = event, now
            case RolledBack():
                self.steps[event.phase], self._first, self.last = event.to_step, None, None
                self.longest = event.longest
            case Extended():
                self.longest = None if self.longest is None else self.longest + event.steps
                self.weights = {t: w * event.weights.get(t, 1) for t, w in self.weights.items()}
            case PhaseEnded():
                self.phases[event.phase] = "done"
            case RunFailed():
                self.failure = event
                if self.phase is not None and self.phases.get(self.phase) == "running":
                    self.phases[self.phase] = "failed"
            case RunEnded():
                self.phase = None
            case _:
                pass

    @property
    def step(self) -> int:
        """Steps done in the running phase."""
        return self.steps.get(self.phase or "", 0)

    @property
    def rate(self) -> float | None:
        """Steps per second of the running phase, in this process."""
        if self._first is None or self.last is None:
            return None
        step, at = self._first
        passed = self.at - at
        return (self.last.step - step) / passed if passed > 0 and self.last.step > step else None

    @property
    def seconds_left(self) -> float | None:
        """Of the running phase, if it lasts as long as it may."""
        if self.longest is None or self.rate is None:
            return None
        return max(0, self.longest - self.step) / self.rate

    def share(self, task: str) -> float | None:
        """A task's part of the last step's total; None where parts are not shares of a sum."""
        if self.last is None or not self.last.total or min(self.last.contributions.values()) < 0:
            return None
        return self.last.contributions.get(task, 0.0) / self.last.total

    def trend(self, task: str) -> str:
        """An arrow, where the task's skill has moved since the evaluation before."""
        if task not in self.skill or task not in self.skill_before:
            return ""
        change = self.skill[task] - self.skill_before[task]
        return "" if abs(change) < 0.0005 else "↑" if change > 0 else "↓"

    def _begin(self, phase: str, step: int) -> None:
        self.phase, self._first, self.last = phase, None, None
        self.phases[phase] = "running"
        self.steps[phase] = step
        self.clipped.clear()

    def _step(self, event: Step, now: float) -> None:
        self.last = event
        self.steps[event.phase] = event.step
        self.clipped.append(event.clipped)
        if self._first is None:
            self._first = (event.step, now)
