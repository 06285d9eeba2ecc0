"""`calibrated`: a loss divided by a running mean of its size; `torchjd` starts from the same."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import SMALLEST, State, Term
from curriculum.config.balances import Calibrated, TorchJd


@attrs.frozen
class CalibratedBalance:
    """Each loss is divided by a running mean of its own size.

    m starts at the loss measured when the task is turned on, then m <- decay m + (1 - decay) |L|
    after each step; the factor in a step comes from the steps before it.
    """

    settings: Calibrated | TorchJd

    @property
    def name(self) -> str:
        """The kind, and the aggregator where there is one."""
        parts = [self.settings.kind, self.aggregator]
        return "/".join(part for part in parts if part is not None)

    @property
    def batches(self) -> int:
        """Global batches on which a new task's loss is measured."""
        return self.settings.batches

    @property
    def aggregator(self) -> str | None:
        """The one that the plan names, under `torchjd`."""
        return self.settings.aggregator if isinstance(self.settings, TorchJd) else None

    def measures(self, step: int) -> bool:
        """Never."""
        del step
        return False

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Keep the measured sizes of tasks that were turned on."""
        return {**state, **{task: {"size": abs(loss)} for task, loss in measured.items()}}

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """The loss over its running size."""
        return {task: Term(1.0 / max(state[task]["size"], SMALLEST)) for task in tasks}

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """Follow the losses of tasks that had a label."""
        del norms
        decay = self.settings.decay
        moved = {
            task: {"size": decay * state[task]["size"] + (1.0 - decay) * abs(loss)}
            for task, loss in losses.items()
            if loss is not None
        }
        return {**state, **moved}
