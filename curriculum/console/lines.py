"""Events as plain lines, for pipes and logs: at each event of note, and every few seconds."""

from __future__ import annotations

from collections.abc import Callable

from curriculum.console import format as shown
from curriculum.console.progress import Progress
from curriculum.events import (
    BalanceWatched,
    Calibrated,
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
    Skipped,
    Step,
    Warned,
)

EVERY_SECONDS = 5.0
TROUBLE = (Warned, Skipped, RolledBack, Extended)
"""What even a quiet display shows."""


class Lines:
    """An observer that writes lines; `quiet` leaves warnings only."""

    def __init__(
        self, write: Callable[[str], None], clock: Callable[[], float], *, quiet: bool = False
    ) -> None:
        self._write, self._clock, self._quiet = write, clock, quiet
        self._progress = Progress()
        self._written = float("-inf")

    def on_event(self, event: Event) -> None:
        """Write a line, if there is one to write."""
        now = self._clock()
        self._progress.fold(event, now)
        if isinstance(event, TROUBLE):
            self._line(event, now)
        elif self._quiet:
            return
        elif isinstance(event, Step | Heartbeat):
            first = isinstance(event, Heartbeat) and event.done == 0
            if now - self._written >= EVERY_SECONDS and not first:
                self._line(event, now)
        else:
            self._line(event, now)

    def _line(self, event: Event, now: float) -> None:
        text = of_event(event, self._progress)
        if text is not None:
            self._write(text)
            self._written = now


def of_event(event: Event, progress: Progress) -> str | None:
    """An event in one line, given where the run stands after it.

    A failure has none: its error is raised too, and whoever catches it says it.
    """
    match event:
        case RunStarted():
            count = len(event.phases)
            return f"{event.experiment}: {count} phases, {progress.machine}, {event.run_folder}"
        case PhaseReused():
            return f"{event.phase}: reused ({event.steps} steps)"
        case PhaseStarted():
            weights = ", ".join(f"{task} {weight:g}" for task, weight in event.weights.items())
            return f"{event.phase}: starts, {_length(event.longest)}; weights {weights}"
        case Resumed():
            return f"{event.phase}: goes on from step {event.from_step}"
        case Calibrated():
            sizes = ", ".join(f"{t} {shown.number(v)}" for t, v in event.losses.items())
            return f"{event.phase}: measured losses {sizes}"
        case Step():
            return _step(event, progress)
        case Heartbeat():
            return f"{event.doing}{'' if event.of is None else f' {event.done} of {event.of}'}"
        case Evaluated():
            skills = ", ".join(f"{t} {shown.skill(v)}" for t, v in event.skill.items())
            skills = skills or "nothing to judge"
            return f"{event.phase}: step {event.step}, {event.split} skill: {skills}"
        case CheckpointSaved():
            return f"{event.phase}: saved step {event.step} ({event.why}) to {event.path}"
        case Skipped():
            return f"warning: {event.phase}: step {event.step} is left out: {event.reason}"
        case RolledBack():
            return (
                f"warning: {event.phase}: back from step {event.step} to {event.to_step}, with "
                f"{event.learning_rate:g} of the learning rate: {event.reason}"
            )
        case Extended():
            more = ", ".join(f"{task} x {weight:g}" for task, weight in event.weights.items())
            return (
                f"warning: {event.phase}: goes on for {event.steps} steps ({event.kind}"
                f"{', weights ' + more if more else ''}): {event.reason}"
            )
        case PhaseEnded():
            best = event.model_of_step
            handed = "" if best == event.step else f"; hands on the model of step {best}"
            return f"{event.phase}: ended after {event.step} steps, {event.reason}{handed}"
        case BalanceWatched():
            return None  # what is worth saying of it is a warning
        case Warned():
            return f"{event.severity}: {_place(event.phase, event.step)}{event.message}"
        case RunFailed():
            return None
        case RunEnded():
            return f"done: {', '.join(event.phases)}"


def _step(event: Step, progress: Progress) -> str:
    losses = ", ".join(f"{task} {shown.number(loss)}" for task, loss in event.losses.items())
    left = progress.seconds_left
    rest = "" if left is None else f", {shown.duration(left)} left"
    of = "" if progress.longest is None else f" of {progress.longest}"
    return (
        f"{event.phase}: step {event.step}{of}{rest}; loss {losses}; total "
        f"{shown.number(event.total)}; learning rate {event.learning_rate:.2e}; "
        f"gradient norm {shown.number(event.gradient_norm)}"
    )


def _length(longest: int | None) -> str:
    return "no set length" if longest is None else f"at most {longest} steps"


def _place(phase: str | None, step: int | None) -> str:
    if phase is None:
        return ""
    return f"{phase}: " if step is None else f"{phase}, step {step}: "
