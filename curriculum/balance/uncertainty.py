"""`uncertainty`: each loss has a learned variance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import SMALLEST, State, Term
from curriculum.config.balances import Uncertainty


@attrs.frozen
class UncertaintyBalance:
    """A task's term is L / 2v + (log v) / 2, with v, its variance, learned.

    Kendall et al. 2018 (arXiv 1705.07115, equation 10), there by s = log v. v starts at the
    measured loss, where the term's slope by s is zero, instead of at 1, from which s would have to
    travel as far as the loss's unit is off; then s follows gradient descent on the term:
    s <- s - rate (1 - |L| / v) / 2. A slope below -1/2, which one batch with an outlier can give,
    counts as -1/2, so that s moves by no more than rate / 2 in a step. What is kept is v: a loss
    times a power of two then gives the same bits.
    """

    settings: Uncertainty
    name: str = Uncertainty.kind
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
        """The variance of each new task: its measured loss."""
        return {**state, **{t: {"variance": max(abs(v), SMALLEST)} for t, v in measured.items()}}

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """L / 2v + (log v) / 2."""
        variances = {task: state[task]["variance"] for task in tasks}
        return {task: Term(0.5 / v, offset=0.5 * math.log(v)) for task, v in variances.items()}

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """A step of gradient descent on log v for tasks that had a label."""
        del norms
        moved: dict[str, Mapping[str, float]] = {}
        for task, loss in losses.items():
            if loss is not None:
                v = state[task]["variance"]
                slope = max(0.5 * (1.0 - abs(loss) / v), -0.5)
                moved[task] = {"variance": max(v * math.exp(-self.settings.rate * slope), SMALLEST)}
        return {**state, **moved}
