"""`dwa`: more weight for losses that fall slowly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import SMALLEST, State, Term
from curriculum.config.balances import Dwa


@attrs.frozen
class DwaBalance:
    """Dynamic weight average: T softmax(r / temperature), r the ratio of two epochs' mean losses.

    Liu et al. 2019 (arXiv 1803.10704, equation 7), T the number of tasks, the last epoch over the
    one before. Until a task has two
    epochs its r is 1. With `normalize`, a loss is divided by its measured size first; without, as
    published, losses count in their own units and the largest swamps the others. Each task counts
    its own epochs, from the step that turned it on, or from the phase in which this balance began.
    """

    settings: Dwa
    steps_per_epoch: int
    name: str = Dwa.kind
    aggregator: str | None = None

    @property
    def batches(self) -> int:
        """Global batches on which a new task's loss is measured."""
        return self.settings.batches

    def measures(self, step: int) -> bool:
        """Never."""
        del step
        return False

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Keep the measured sizes; no epoch is seen yet."""
        begun = {"steps": 0.0, "sum": 0.0, "count": 0.0}
        return {**state, **{t: {"size": abs(loss), **begun} for t, loss in measured.items()}}

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """The loss (over its size) times T softmax(r / temperature)."""
        ratios = {task: _ratio(state[task]) for task in tasks}
        highest = max(ratios.values())
        powers = {t: math.exp((r - highest) / self.settings.temperature) for t, r in ratios.items()}
        scale = len(powers) / math.fsum(powers.values())
        return {task: Term(scale * p / self._size(state[task])) for task, p in powers.items()}

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """Add to the epoch's mean; at its end it becomes the last one."""
        del norms
        return {**state, **{task: self._after(state[task], loss) for task, loss in losses.items()}}

    def _size(self, known: Mapping[str, float]) -> float:
        return max(known["size"], SMALLEST) if self.settings.normalize else 1.0

    def _after(self, known: Mapping[str, float], loss: float | None) -> Mapping[str, float]:
        steps = known["steps"] + 1
        total = known["sum"] + (0.0 if loss is None else loss)
        count = known["count"] + (loss is not None)
        if steps < self.steps_per_epoch:
            return {**known, "steps": steps, "sum": total, "count": count}
        ended = {**known, "steps": 0.0, "sum": 0.0, "count": 0.0}
        if count == 0:
            return ended
        before = {"before": known["last"]} if "last" in known else {}
        return {**ended, **before, "last": total / count}


def _ratio(known: Mapping[str, float]) -> float:
    """The last epoch's mean over that of the one before; 1 where there are not yet two."""
    if "before" not in known:
        return 1.0
    return abs(known["last"]) / max(abs(known["before"]), SMALLEST)
