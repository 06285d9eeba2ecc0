"""One attempt at a phase: its draws, its optimizer, its updates. A rollback begins another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import attrs

from curriculum import gate, unsound
from curriculum.balance import Balance, Term
from curriculum.config.protection import Skip
from curriculum.events import Step
from curriculum.plan import PlannedPhase
from curriculum.sampling import Place
from curriculum.state import OptimizerState, Progress
from curriculum.trainer.classes import order_of
from curriculum.trainer.objective import Objective
from curriculum.trainer.schedule import learning_rate_at
from curriculum.trainer.setting import Setting
from curriculum.trainer.update import Statistics, Updater
from curriculum.trainer.watch import BalanceWatch

_Value = TypeVar("_Value")


class Attempt:
    """What is random is another function in each attempt; everything else is in `Progress`."""

    def __init__(
        self,
        setting: Setting,
        phase: PlannedPhase,
        objective: Objective,
        balance: Balance,
        number: int,
    ) -> None:
        self._setting, self._phase, self._balance = setting, phase, balance
        self.place = Place(setting.seed, phase.place, number)
        self.order = order_of(phase, self.place, setting.assembly, setting.labels)
        self.watch = BalanceWatch(objective, phase, self.place, setting)
        self._updater = Updater(objective, balance, phase, self.place)
        self._statistics: Statistics | None = None

    def train_step(self, now: Progress) -> Progress:
        """Make the next update, and say so.

        Raises:
            Unsound: it must not be made; nothing but buffers and gradients has changed.
        """
        phase, step = self._phase, now.step + 1
        directions, stretch = self._setting.directions, now.stretch
        rate = learning_rate_at(phase, step, now.history, directions, stretch) * now.learning_rate
        weights = gate.weights_at(phase, step, stretch)
        terms = self.terms(now, weights)
        if isinstance(phase.training.on_non_finite, Skip):
            self._statistics = Statistics(self._setting.assembly.model)
        drawn = self.order.batch(step, phase.training.global_batch)
        made = self._updater.differentiate(weights, terms, drawn, step)
        found = made.found
        learned = self._learned(found.losses)
        sizes = unsound.check_spikes(learned, now.sizes, phase, step)
        self._updater.apply(rate)
        self.watch.follow(terms, learned)
        balance = self._balance.update(now.balance, learned, made.task_norms)
        self._setting.emit(
            Step(
                phase=phase.name,
                step=step,
                losses=found.losses,
                contributions=found.contributions,
                total=None if self._balance.aggregator else found.total,
                learning_rate=rate,
                gradient_norm=found.gradient_norm,
                clipped=made.clipped,
            )
        )
        return attrs.evolve(now, step=step, sizes=sizes, balance=balance)

    def undo(self) -> None:
        """Drop the gradients of an update that must not be made, and what it did to buffers."""
        self._updater.discard()
        if self._statistics is not None:
            self._statistics.restore()

    def terms(self, now: Progress, weights: Mapping[str, float]) -> dict[str, Term]:
        """What becomes of each loss before its weight; those of held tasks stay as they are.

        Their distance to a teacher begins at nothing: there is no size to measure.
        """
        found = self._balance.terms(now.balance, self._learned(weights))
        return {task: found.get(task, Term()) for task in weights}

    def look_at_balance(self, now: Progress) -> None:
        """Let the watch look, where it is due.

        Raises:
            PolicyStop: a loss counts more than the plan allows.
        """
        if self.watch.is_due(now.step):
            weights = self._learned(gate.weights_at(self._phase, now.step, now.stretch))
            self.watch.look(now.step, weights, self.terms(now, weights))

    def export_optimizer(self) -> OptimizerState:
        """What the optimizer remembers."""
        return self._updater.export_state()

    def import_optimizer(self, saved: OptimizerState) -> bool:
        """Take over what an optimizer remembered; False where it was of another kind."""
        return self._updater.import_state(saved)

    def _learned(self, by_task: Mapping[str, _Value]) -> dict[str, _Value]:
        """Without the tasks that are held."""
        return {task: value for task, value in by_task.items() if task not in self._phase.held}
