"""The loop that trains one phase. `curriculum.events` shows it as pseudocode."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import attrs
import torch
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from curriculum import exits, gate
from curriculum.balance import State, make_balance
from curriculum.checkpoint import CheckpointStore, Manifest
from curriculum.config import to_plain
from curriculum.config.schema import Checkpoints
from curriculum.errors import Interrupted, PolicyStop
from curriculum.events import (
    CheckpointSaved,
    Evaluated,
    Event,
    Heartbeat,
    PhaseEnded,
    PhaseStarted,
    Resumed,
    Step,
    Warned,
)
from curriculum.plan import PlannedPhase
from curriculum.sampling import Place
from curriculum.state import TrainingState, copy_of, restore, tensors_sha256, to_bytes
from curriculum.tasks import Assembly, DataSource
from curriculum.trainer.calibration import calibrate
from curriculum.trainer.classes import PhaseClasses, TrainLabels
from curriculum.trainer.evaluation import Evaluator
from curriculum.trainer.heads import heads_off, prove_unchanged
from curriculum.trainer.objective import Objective, check_finite, gather
from curriculum.trainer.optim import export_state, import_state, make_optimizer, trained_parameters
from curriculum.trainer.schedule import learning_rate_at
from curriculum.trainer.signals import Signals


@attrs.frozen(kw_only=True)
class Setting:
    """What all phases of a run share."""

    assembly: Assembly
    data: DataSource
    evaluator: Evaluator
    directions: exits.Directions
    store: CheckpointStore
    checkpoints: Checkpoints
    seed: int
    device: torch.device
    signals: Signals
    emit: Callable[[Event], None]
    sync_journal: Callable[[], None]
    labels: TrainLabels = attrs.field(
        default=attrs.Factory(lambda s: TrainLabels(s.data.splits["train"]), takes_self=True)
    )


class PhaseTrainer:
    """Trains one phase, from its start or from a checkpoint inside it."""

    def __init__(self, setting: Setting, phase: PlannedPhase, attempt: int = 0) -> None:
        train = setting.data.splits["train"]
        self._setting, self._phase, self._attempt = setting, phase, attempt
        self._model = setting.assembly.model
        self._place = Place(setting.seed, phase.place, attempt)
        self._classes = PhaseClasses.of(phase, self._place, setting.assembly, setting.labels)
        self._order = self._classes.order
        self._objective = Objective(self._classes.assembly, train, setting.device)
        self._balance = make_balance(phase.training.balance)
        self._parameters = trained_parameters(self._model, phase.weights)
        self._optimizer = make_optimizer(phase.training.optimizer, self._parameters)
        self._step = 0
        self._history: list[Evaluated] = []
        self._balance_state: State = {}
        self._references: dict[str, float] = {}
        self._heads_off: dict[str, str] = {}
        self._saved_step, self._saved_at = -1, time.monotonic()

    def train(self, before: TrainingState | None) -> TrainingState:
        """Run the phase to its end and return the state there, which is saved by then.

        `before` is the state at the end of the phase before (None for the first), or one inside
        this phase, where a run goes on.

        Raises:
            Interrupted: a signal came; a checkpoint was saved.
            PolicyStop: a loss was not finite, or `retain` was violated at the phase's end.
        """
        self._begin(before)
        try:
            while True:
                if self._evaluation_is_due():
                    self._evaluate()
                if (decision := self._decide()).ends:
                    return self._end(decision.reason)
                if why := self._due_save():
                    self._save(why)
                self._setting.signals.check()
                self._train_step()
        except Interrupted:
            if self._saved_step != self._step:
                self._save(self._setting.signals.requested or "interrupted")
            raise

    # --- one step -----------------------------------------------------------------------------
    def _train_step(self) -> None:
        step, training = self._step + 1, self._phase.training
        rate = learning_rate_at(self._phase, step, self._history, self._setting.directions)
        weights = gate.weights_at(self._phase, step)
        factors = self._balance.factors(self._balance_state, weights)
        coefficients = {task: weight * factors[task] for task, weight in weights.items()}
        sums = self._objective.backward(
            weights,
            self._order.batch(step, training.global_batch),
            self._place,
            coefficients,
            step=step,
            micro_steps=training.accumulation_steps,
        )
        norm = self._gradient_norm()
        found = gather(sums, coefficients, norm)
        check_finite(found, self._parameters, self._phase.name, step)
        clipped = (
            training.gradient_clip is not None and found.gradient_norm > training.gradient_clip
        )
        if training.gradient_clip is not None and clipped:
            clip_grads_with_norm_(self._parameters.values(), training.gradient_clip, norm)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._balance_state = self._balance.update(self._balance_state, found.losses)
        self._step = step
        self._setting.emit(
            Step(
                phase=self._phase.name,
                step=step,
                losses=found.losses,
                contributions=found.contributions,
                total=found.total,
                learning_rate=rate,
                gradient_norm=found.gradient_norm,
                clipped=clipped,
            )
        )

    def _gradient_norm(self) -> torch.Tensor:
        gradients = [p.grad for p in self._parameters.values() if p.grad is not None]
        return get_total_norm(gradients).to(self._setting.device)

    # --- the beginning ------------------------------------------------------------------------
    def _begin(self, before: TrainingState | None) -> None:
        self._model.train()
        if before is not None:
            restore(self._model, before.model, f"phase `{before.phase}`, step {before.step}")
            self._take_over(before)
        if before is not None and before.phase_key == self._phase.key:
            self._step, self._history = before.step, list(before.history)
            self._heads_off = dict(before.heads_off)
            self._saved_step = before.step
            self._setting.emit(
                Resumed(
                    phase=self._phase.name,
                    key=self._phase.key,
                    from_step=self._step,
                    weights=self._phase.weights,
                    longest=self._phase.longest,
                    class_loss=to_plain(self._phase.training.class_loss),
                    sampler=to_plain(self._phase.training.sampler),
                )
            )
            return
        self._heads_off = heads_off(self._model, self._phase)
        self._setting.emit(
            PhaseStarted(
                phase=self._phase.name,
                key=self._phase.key,
                turned_on=self._phase.turned_on,
                weights=self._phase.weights,
                longest=self._phase.longest,
                steps_per_epoch=self._phase.steps_per_epoch,
                class_loss=to_plain(self._phase.training.class_loss),
                sampler=to_plain(self._phase.training.sampler),
            )
        )
        self._balance_state = calibrate(
            self._balance,
            self._balance_state,
            self._objective,
            self._order.named("calibration"),
            self._place,
            self._phase,
            self._setting,
        )

    def _take_over(self, before: TrainingState) -> None:
        training, name = self._phase.training, self._phase.name
        self._references = dict(before.references)
        if before.balance_kind == training.balance.kind:
            self._balance_state = dict(before.balance)
        kind = training.optimizer.kind
        if not import_state(before.optimizer, kind, self._optimizer, self._parameters):
            message = f"the optimizer's memory starts afresh: {before.optimizer.kind} became {kind}"
            self._setting.emit(Warned(message=message, phase=name, step=0))

    # --- evaluation and exit ------------------------------------------------------------------
    def _evaluation_is_due(self) -> bool:
        return (
            self._step > 0
            and self._step % self._phase.evaluate_every == 0
            and not self._evaluated_here()
        )

    def _evaluated_here(self) -> bool:
        return bool(self._history) and self._history[-1].step == self._step

    def _decide(self) -> exits.Decision:
        return exits.decide(self._phase, self._step, self._history, self._setting.directions)

    def _evaluate(self) -> None:
        tasks = self._objective.active(self._phase.weights)
        found = self._setting.evaluator.evaluate(tasks, "validation", self._progress)
        self._model.train()
        weights = gate.weights_at(self._phase, self._step)
        factors = self._balance.factors(self._balance_state, weights)
        evaluated = Evaluated(
            phase=self._phase.name,
            step=self._step,
            split="validation",
            losses=found.losses,
            total=found.total({task: weights[task] * factors[task] for task in weights}),
            metrics=found.metrics,
            trivial=found.trivial,
            skill=found.skill,
        )
        self._setting.emit(evaluated)
        self._warn_of(evaluated)
        self._history.append(evaluated)

    def _warn_of(self, evaluated: Evaluated) -> None:
        before: Mapping[str, float] = self._history[-1].skill if self._history else {}
        for name, skill in evaluated.skill.items():
            if skill < 0 <= before.get(name, 0.0):
                message = f"`{name}` is worse than its trivial predictor (skill {skill:.3f})"
                self._warn(message, name)
        for lost in exits.forgotten(self._phase.settings.retain, self._references, evaluated.skill):
            self._warn(str(lost), lost.task)

    def _warn(self, message: str, task: str) -> None:
        self._setting.emit(
            Warned(message=message, phase=self._phase.name, step=self._step, task=task)
        )

    def _progress(self, done: int, of: int) -> None:
        self._setting.emit(Heartbeat(doing="evaluating", done=done, of=of))
        self._setting.signals.check()

    # --- the end ------------------------------------------------------------------------------
    def _end(self, reason: str) -> TrainingState:
        if not self._evaluated_here():
            self._evaluate()
        skill = self._history[-1].skill
        lost = exits.forgotten(self._phase.settings.retain, self._references, skill)
        if lost:
            self._save("a task was forgotten")
            raise PolicyStop(
                "what was learned must be retained",
                found="; ".join(str(each) for each in lost),
                where=f"phase `{self._phase.name}`, step {self._step}",
                hint="Give the task more weight in this phase, or allow a larger loss in `retain`",
            )
        prove_unchanged(self._heads_off, heads_off(self._model, self._phase), self._phase.name)
        new = {name: value for name, value in skill.items() if name not in self._references}
        self._references.update(new)
        self._setting.emit(
            PhaseEnded(
                phase=self._phase.name,
                step=self._step,
                reason=reason,
                unchanged_heads=self._heads_off,
                weights_sha256=tensors_sha256(self._model.state_dict()),
            )
        )
        return self._save("phase ended", ended=True)

    # --- saving -------------------------------------------------------------------------------
    def _due_save(self) -> str | None:
        cadence = self._setting.checkpoints
        if self._saved_step == self._step or self._step == 0:
            return None
        if cadence.every is not None and self._step % max(1, self._phase.steps(cadence.every)) == 0:
            return f"every {cadence.every}"
        seconds = cadence.every_seconds
        if seconds is not None and time.monotonic() - self._saved_at > seconds:
            return f"every {seconds:g} s"
        return None

    def _save(self, why: str, *, ended: bool = False) -> TrainingState:
        state = self._state()
        manifest = Manifest(
            phase=self._phase.name,
            step=self._step,
            phase_key=self._phase.key,
            ended=ended,
            weights_sha256=tensors_sha256(state.model),
        )
        store, folder = self._setting.store, self._phase.folder
        self._setting.sync_journal()
        path = store.save(folder, manifest, to_bytes(state))
        store.retain(folder, newest=1 if ended else 2)
        self._saved_step, self._saved_at = self._step, time.monotonic()
        self._setting.emit(
            CheckpointSaved(
                phase=self._phase.name,
                step=self._step,
                path=str(path.relative_to(store.root.parent)),
                weights_sha256=manifest.weights_sha256,
                why=why,
            )
        )
        self._setting.sync_journal()
        return state

    def _state(self) -> TrainingState:
        training = self._phase.training
        return TrainingState(
            phase=self._phase.name,
            phase_key=self._phase.key,
            step=self._step,
            attempt=self._attempt,
            model=copy_of(self._model),
            optimizer=export_state(training.optimizer.kind, self._optimizer, self._parameters),
            balance_kind=training.balance.kind,
            balance=dict(self._balance_state),
            history=tuple(self._history),
            references=dict(self._references),
            heads_off=dict(self._heads_off),
            class_losses=self._classes.saved,
        )
