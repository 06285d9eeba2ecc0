"""`uncertainty`: each loss has a learned variance."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import SMALLEST, State, Term
from curriculum.config.schema import Uncertainty


@attrs.frozen
class UncertaintyBalance:
    """A task's term is e^(-s) L / 2 + s / 2, with s, the log of its variance, learned.

    Kendall et al. 2018 (arXiv 1705.07115, equation 10). s starts at the log of the measured loss,
    where the term's slope by s is zero, instead of at 0, from which it would have to travel as far
    as the loss's unit is off; then it follows gradient descent on the term:
    s <- s - rate (1 - e^(-s) |L|) / 2. A slope below -1/2, which one batch with an outlier can
    give, counts as -1/2, so that s moves by no more than rate / 2 in a step.
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
        """Each new task with s at the log of its measured loss."""
        new = {
            task: {"log_variance": math.log(max(abs(loss), SMALLEST))}
            for task, loss in measured.items()
        }
        return {**state, **new}

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """e^(-s) L / 2 + s / 2."""
        logs = {task: state[task]["log_variance"] for task in tasks}
        return {task: Term(0.5 * math.exp(-s), offset=0.5 * s) for task, s in logs.items()}

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """A step of gradient descent for tasks that had a label."""
        del norms
        moved: dict[str, Mapping[str, float]] = {}
        for task, loss in losses.items():
            if loss is not None:
                s = state[task]["log_variance"]
                slope = max(0.5 * (1.0 - math.exp(-s) * abs(loss)), -0.5)
                floor = math.log(SMALLEST)
                moved[task] = {"log_variance": max(s - self.settings.rate * slope, floor)}
        return {**state, **moved}
