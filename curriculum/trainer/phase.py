"""The loop that trains one phase. `curriculum.events` shows it as pseudocode."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import attrs

from curriculum import exits, retention, unsound
from curriculum.balance import make_balance
from curriculum.config import to_plain
from curriculum.config.protection import Best, RollBack
from curriculum.errors import Interrupted, PolicyStop, Unsound
from curriculum.events import (
    Evaluated,
    Extended,
    Heartbeat,
    PhaseEnded,
    PhaseStarted,
    Resumed,
    RolledBack,
    Skipped,
    Warned,
)
from curriculum.plan import PlannedPhase
from curriculum.sampling import Place
from curriculum.state import Progress, TrainingState, copy_of, restore, tensors_sha256
from curriculum.trainer.attempt import Attempt
from curriculum.trainer.calibration import calibrate
from curriculum.trainer.classes import PhaseClasses
from curriculum.trainer.heads import heads_off, prove_unchanged
from curriculum.trainer.objective import Objective, contributions
from curriculum.trainer.saving import Saver
from curriculum.trainer.setting import Setting
from curriculum.trainer.teacher import with_teacher

_Event = TypeVar("_Event", PhaseStarted, Resumed)


class PhaseTrainer:
    """Trains one phase, from its start or from a checkpoint inside it.

    `ended` is the state at the end of the phase before; only a phase that holds tasks needs it.
    """

    def __init__(
        self, setting: Setting, phase: PlannedPhase, ended: TrainingState | None = None
    ) -> None:
        self._setting, self._phase = setting, phase
        self._model = setting.assembly.model
        self._balance = make_balance(phase.training.balance, phase.steps)
        place = Place(setting.seed, phase.place)
        self._classes = PhaseClasses.of(phase, place, setting.assembly, setting.labels)
        split, device = setting.train_split, setting.device
        assembly = with_teacher(self._classes.assembly, phase, ended, split, place, device)
        self._objective = Objective(assembly, split, device)
        self._saver = Saver(setting, phase, None)
        self._groups = {task.name: task.group for task in setting.assembly.tasks}
        self._now = Progress(balance_kind=phase.training.balance.kind)
        self._attempt = self._new_attempt()

    def train(self, before: TrainingState | None) -> TrainingState:
        """Run the phase to its end and return the state there, which is saved by then.

        `before` is the state at the end of the phase before (None for the first), or one inside
        this phase, where a run goes on.

        Raises:
            Interrupted: a signal came; a checkpoint was saved.
            PolicyStop: a loss was not finite or a task was forgotten, and the plan says to stop.
        """
        self._begin(before)
        try:
            while True:
                try:
                    self._attempt.look_at_balance(self._now)
                    if self._evaluation_is_due():
                        self._evaluate()
                    if (decision := self._decide()).ends and self._may_end():
                        return self._end(decision.reason)
                    self._save_if_due()
                    self._setting.signals.check()
                    self._now = self._attempt.train_step(self._now)
                except Unsound as problem:
                    self._recover(problem)
        except Interrupted:
            if not self._saver.has(self._now.step):
                self._save(self._setting.signals.requested or "interrupted")
            raise

    # --- the beginning ------------------------------------------------------------------------
    def _begin(self, before: TrainingState | None) -> None:
        if before is not None and before.phase_key == self._phase.key:
            self._go_on_from(before)
            self._saver = Saver(self._setting, self._phase, before.step)
            self._setting.emit(self._beginning(Resumed, from_step=self._now.step))
            return
        if before is not None:
            self._take_over(before)
        known: Mapping[str, Any] = {} if before is None else before.progress.class_losses
        self._now = attrs.evolve(
            self._now,
            heads_off=heads_off(self._model, self._phase),
            class_losses={**known, **self._classes.saved},
        )
        self._setting.emit(
            self._beginning(
                PhaseStarted,
                turned_on=self._phase.turned_on,
                steps_per_epoch=self._phase.steps_per_epoch,
            )
        )
        measured = calibrate(
            self._balance,
            self._now.balance,
            self._objective,
            self._attempt.order.named("calibration"),
            self._attempt.place,
            self._phase,
            self._setting,
            changed=[task for task, loss in self._classes.saved.items() if known.get(task) != loss],
        )
        self._now = attrs.evolve(self._now, balance=measured)
        if self._returns:
            self._save("before the first step")

    def _beginning(self, kind: Callable[..., _Event], **more: Any) -> _Event:
        """The event that says what is on in the phase, and how it is trained."""
        training = self._phase.training
        return kind(
            phase=self._phase.name,
            key=self._phase.key,
            weights=self._phase.weights,
            longest=self._longest,
            balance=self._balance.name,
            class_loss=to_plain(training.class_loss),
            sampler=to_plain(training.sampler),
            **more,
        )

    @property
    def _longest(self) -> int | None:
        """The most steps that the phase has, a stretch beyond its end included."""
        return self._now.stretch.ends if self._now.stretch else self._phase.longest

    def _take_over(self, before: TrainingState) -> None:
        """Start from the state at the end of the phase before."""
        restore(self._model, before.model, f"phase `{before.phase}`, step {before.step}")
        was, on = before.progress, self._phase.weights
        references = {task: skill for task, skill in was.references.items() if task in on}
        self._now = attrs.evolve(self._now, references=references)
        if was.balance_kind == self._now.balance_kind:
            learning = on.keys() - self._phase.held  # the others are measured anew, once they learn
            known = {task: state for task, state in was.balance.items() if task in learning}
            self._now = attrs.evolve(self._now, balance=known)
        if not self._attempt.import_optimizer(before.optimizer):
            kinds = f"{before.optimizer.kind} became {self._phase.training.optimizer.kind}"
            self._warn(f"the optimizer's memory starts afresh: {kinds}")

    def _go_on_from(self, state: TrainingState) -> None:
        """Take a state of this phase for the present one."""
        restore(self._model, state.model, f"phase `{state.phase}`, step {state.step}")
        self._now = state.progress
        self._attempt = self._new_attempt()
        self._attempt.import_optimizer(state.optimizer)
        self._attempt.watch.watched = state.progress.watched

    def _new_attempt(self) -> Attempt:
        return Attempt(
            self._setting, self._phase, self._objective, self._balance, self._now.attempt
        )

    # --- evaluation and exit ------------------------------------------------------------------
    def _evaluation_is_due(self) -> bool:
        step = self._now.step
        return step > 0 and step % self._phase.evaluate_every == 0 and not self._evaluated_here()

    def _evaluated_here(self) -> bool:
        return bool(self._now.history) and self._now.history[-1].step == self._now.step

    def _decide(self) -> exits.Decision:
        now, directions = self._now, self._setting.directions
        return exits.decide(self._phase, now.step, now.history, directions, now.stretch)

    def _evaluate(self) -> None:
        tasks = self._objective.active(self._phase.weights)
        found = self._setting.evaluator.evaluate(tasks, "validation", self._progress)
        weights = self._phase.weights  # those of the phase, so that totals can be compared
        parts = contributions(found.losses, weights, self._attempt.terms(self._now, weights))
        evaluated = Evaluated(
            phase=self._phase.name,
            step=self._now.step,
            split="validation",
            losses=found.losses,
            total=None if self._balance.aggregator else math.fsum(parts.values()),
            metrics=found.metrics,
            trivial=found.trivial,
            skill=found.skill,
        )
        self._setting.emit(evaluated)
        self._warn_of(evaluated)
        self._now = attrs.evolve(self._now, history=(*self._now.history, evaluated))

    def _warn_of(self, evaluated: Evaluated) -> None:
        history = self._now.history
        before: Mapping[str, float] = history[-1].skill if history else {}
        for name, skill in evaluated.skill.items():
            if skill < 0 <= before.get(name, 0.0):
                message = f"`{name}` is worse than its trivial predictor (skill {skill:.3f})"
                self._warn(message, name)
        for lost in self._forgotten(evaluated):
            self._warn(str(lost), lost.task)
        if not history:
            self._warn_of_what_cannot_be_retained(evaluated)

    def _warn_of_what_cannot_be_retained(self, evaluated: Evaluated) -> None:
        for name in self._phase.settings.retain:
            if not retention.judged(name, self._now.references, evaluated.skill, self._groups):
                self._warn(f"`retain` has no effect: `{name}` has no skill to be judged by", name)

    def _forgotten(self, evaluated: Evaluated) -> tuple[retention.Forgotten, ...]:
        retain = self._phase.settings.retain
        return retention.forgotten(retain, self._now.references, evaluated.skill, self._groups)

    def _warn(self, message: str, task: str | None = None) -> None:
        self._setting.emit(
            Warned(message=message, phase=self._phase.name, step=self._now.step, task=task)
        )

    def _progress(self, done: int, of: int) -> None:
        self._setting.emit(Heartbeat(doing="evaluating", done=done, of=of))
        self._setting.signals.check()

    # --- trouble ------------------------------------------------------------------------------
    def _recover(self, problem: Unsound) -> None:
        """Leave the step out or go back to the last point, as the plan says; or stop."""
        self._attempt.undo()
        match unsound.respond(self._phase.training.on_non_finite, self._now, problem):
            case unsound.LeaveOut(skipped=skipped):
                step = self._now.step + 1
                self._now = attrs.evolve(self._now, step=step, skipped=skipped)
                self._setting.emit(
                    Skipped(phase=self._phase.name, step=step, reason=str(problem), skipped=skipped)
                )
            case unsound.GoBack(learning_rate=learning_rate):
                counted = attrs.evolve(self._now, recovered=self._now.recovered + 1)
                self._go_back(self._last_point, counted, learning_rate, str(problem))

    def _go_back(self, to_step: int, was: Progress, learning_rate: float, reason: str) -> None:
        """Take up the phase again at a point, in another attempt; `was` has the counts to keep.

        What was saved after it is removed before the journal says so, and the new state is saved
        last: whenever the run is killed on the way, it comes to the same.
        """
        self._saver.forget_after(to_step)
        state = self._saver.load(to_step)
        now = attrs.evolve(
            state.progress,
            attempt=was.attempt + 1,
            skipped=was.skipped,
            recovered=was.recovered,
            restarted=was.restarted,
            learning_rate=was.learning_rate * learning_rate,
        )
        self._go_on_from(attrs.evolve(state, progress=now))
        self._setting.emit(
            RolledBack(
                phase=self._phase.name,
                step=was.step,
                to_step=to_step,
                attempt=now.attempt,
                learning_rate=now.learning_rate,
                longest=self._longest,
                reason=reason,
            )
        )
        self._save("rolled back")

    def _may_end(self) -> bool:
        """Whether what was learned is retained; if not, go on or go back as the plan says.

        Raises:
            PolicyStop: it is not, and the plan says to stop, or has no more patience.
        """
        if not self._evaluated_here():
            self._evaluate()
        lost = self._forgotten(self._handed_on())
        if not lost:
            return True
        now, policy = self._now, self._phase.settings.on_violation
        evidence = "; ".join(str(each) for each in lost)
        stretch = retention.goes_on(self._phase, now.step, lost, now.stretches, self._groups)
        if stretch is not None:
            self._now = attrs.evolve(now, stretches=(*now.stretches, stretch))
            self._setting.emit(
                Extended(
                    phase=self._phase.name,
                    step=now.step,
                    kind=stretch.kind,
                    steps=stretch.length,
                    weights=stretch.weights,
                    reason=evidence,
                )
            )
            return False
        if isinstance(policy, RollBack) and now.restarted < policy.times:
            counted = attrs.evolve(now, restarted=now.restarted + 1)
            self._go_back(0, counted, policy.rate_factor, evidence)
            return False
        self._save("a task was forgotten")
        raise PolicyStop(
            "what was learned must be retained",
            found=evidence,
            where=f"phase `{self._phase.name}`, step {now.step}",
            hint="Give the task more weight in this phase, allow a larger loss in `retain`, or "
            "say in `on_violation` how to go on",
        )

    # --- the end ------------------------------------------------------------------------------
    def _handed_on(self) -> Evaluated:
        """The evaluation of the model that the next phase starts from."""
        history, hand_off = self._now.history, self._phase.settings.hand_off
        if isinstance(hand_off, Best):
            best = exits.best_of(history, hand_off.metric, self._setting.directions)
            return best or history[-1]
        return history[-1]

    def _end(self, reason: str) -> TrainingState:
        self._attempt.watch.end(self._now.step)
        handed_on = self._handed_on()
        if handed_on.step != self._now.step:
            now, watched = self._now, self._attempt.watch.watched
            self._go_on_from(self._saver.load(handed_on.step))
            self._now = attrs.evolve(now, balance=self._now.balance)
            self._attempt.watch.watched = watched
        now = self._now
        prove_unchanged(now.heads_off, heads_off(self._model, self._phase), self._phase.name)
        new = {
            task: handed_on.skill[task]
            for task in self._phase.weights
            if task in handed_on.skill and task not in now.references
        }
        self._now = attrs.evolve(now, references={**now.references, **new})
        self._setting.emit(
            PhaseEnded(
                phase=self._phase.name,
                step=now.step,
                reason=reason,
                model_of_step=handed_on.step,
                unchanged_heads=now.heads_off,
                weights_sha256=tensors_sha256(self._model.state_dict()),
            )
        )
        return self._save("phase ended", ended=True)

    # --- saving -------------------------------------------------------------------------------
    @property
    def _returns(self) -> bool:
        """Whether training may return to a state of this phase."""
        settings = self._phase.settings
        policies = self._phase.training.on_non_finite, settings.on_violation
        return isinstance(settings.hand_off, Best) or any(isinstance(p, RollBack) for p in policies)

    @property
    def _last_point(self) -> int:
        return self._now.history[-1].step if self._now.history else 0

    def _save_if_due(self) -> None:
        step = self._now.step
        if self._returns and self._evaluated_here() and not self._saver.has(step):
            self._save("evaluated")
        elif why := self._saver.due(step):
            self._save(why)

    def _save(self, why: str, *, ended: bool = False) -> TrainingState:
        self._now = attrs.evolve(self._now, watched=self._attempt.watch.watched)
        state = TrainingState(
            phase=self._phase.name,
            phase_key=self._phase.key,
            model=copy_of(self._model),
            optimizer=self._attempt.export_optimizer(),
            progress=self._now,
        )
        points: set[int] = set()
        if self._returns and not ended:
            points = {0, self._last_point}
            points |= {self._handed_on().step} if self._now.history else set()
        self._saver.save(state, why, points=points, ended=ended)
        return state
