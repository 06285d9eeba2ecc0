"""The strategies: `fixed` and `calibrated`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import Balance, State
from curriculum.config.schema import Calibrated, Fixed

SMALLEST = 1e-12
"""Losses are never divided by less than this, so that a loss of zero does not explode."""


@attrs.frozen
class FixedBalance:
    """Losses count as they are. Weights then carry the units, and one loss can swamp the others."""

    batches: int = 0

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Nothing to keep."""
        del measured
        return state

    def factors(self, state: State, tasks: Iterable[str]) -> Mapping[str, float]:
        """One for every task."""
        del state
        return dict.fromkeys(tasks, 1.0)

    def update(self, state: State, losses: Mapping[str, float | None]) -> State:
        """Nothing to follow."""
        del losses
        return state


@attrs.frozen
class CalibratedBalance:
    """Each loss is divided by a running mean of its own size.

    m starts at the loss measured when the task is turned on, then m <- decay m + (1 - decay) |L|
    after each step; the factor in a step comes from the steps before it.
    """

    settings: Calibrated

    @property
    def batches(self) -> int:
        """Global batches on which a new task's loss is measured."""
        return self.settings.batches

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Keep the measured sizes of tasks that were turned on."""
        return {**state, **{task: abs(loss) for task, loss in measured.items()}}

    def factors(self, state: State, tasks: Iterable[str]) -> Mapping[str, float]:
        """One over the running size."""
        return {task: 1.0 / max(state[task], SMALLEST) for task in tasks}

    def update(self, state: State, losses: Mapping[str, float | None]) -> State:
        """Follow the losses of tasks that had a label."""
        decay = self.settings.decay
        moved = {
            task: decay * state[task] + (1.0 - decay) * abs(loss)
            for task, loss in losses.items()
            if loss is not None
        }
        return {**state, **moved}


def make_balance(settings: Fixed | Calibrated) -> Balance:
    """The strategy that a plan asks for."""
    match settings:
        case Fixed():
            return FixedBalance()
        case Calibrated():
            return CalibratedBalance(settings)
