"""`gradnorm`: weights under which tasks train at the same rate."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import fmean

import attrs

from curriculum.balance.protocol import SMALLEST, State, Term
from curriculum.config.balances import GradNorm

BETAS = (0.9, 0.999)
LEAST = 1e-6
"""No learned weight falls below this: one of zero could not be seen by the trunk again."""


@attrs.frozen
class GradNormBalance:
    """Weights w that bring the tasks' gradients to a norm that grows with how far each lags behind.

    Chen et al. 2018 (arXiv 1711.02257, equations 1 and 2): minimise Σ |w_i g_i - Ḡ r_i^alpha| over
    w with the right-hand side held, where g_i is the norm of task i's gradient, here on the whole
    trunk, Ḡ the mean of w g, and r_i = (L_i / L_i(0)) over the mean of that ratio. As published,
    by Adam, and w is then scaled so that its sum stays what it was. With `normalize` each loss is
    divided by its measured size first; without, as published, losses keep their units, which w,
    moving by about `rate` in a step, can make up for in part only.
    """

    settings: GradNorm
    measure_every: int
    name: str = GradNorm.kind
    aggregator: str | None = None

    @property
    def batches(self) -> int:
        """Global batches on which a new task's loss is measured."""
        return self.settings.batches

    def measures(self, step: int) -> bool:
        """At the phase's first step, and every so many after it."""
        return (step - 1) % self.measure_every == 0

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Each new task at weight 1."""
        begun = {"weight": 1.0, "first": 0.0, "second": 0.0, "updates": 0.0}
        return {**state, **{t: {"size": abs(loss), **begun} for t, loss in measured.items()}}

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """The loss (over its size) times its learned weight."""
        return {task: Term(state[task]["weight"] / self._unit(state[task])) for task in tasks}

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """A step of Adam on the weights of tasks that had a label."""
        seen = {t: loss for t, loss in losses.items() if loss is not None and t in norms}
        if len(seen) < 2:
            return state
        slopes = self._slopes(state, seen, norms)
        moved = {task: self._adam(state[task], slope) for task, slope in slopes.items()}
        before = math.fsum(state[task]["weight"] for task in moved)
        scale = before / math.fsum(known["weight"] for known in moved.values())
        scaled = {t: {**known, "weight": known["weight"] * scale} for t, known in moved.items()}
        return {**state, **scaled}

    def _unit(self, known: Mapping[str, float]) -> float:
        return max(known["size"], SMALLEST) if self.settings.normalize else 1.0

    def _slopes(
        self, state: State, losses: Mapping[str, float], norms: Mapping[str, float]
    ) -> dict[str, float]:
        """∂/∂w_i of |w_i g_i - target_i|."""
        own = {task: norms[task] / self._unit(state[task]) for task in losses}
        weighted = {task: state[task]["weight"] * g for task, g in own.items()}
        left = {t: abs(loss) / max(state[t]["size"], SMALLEST) for t, loss in losses.items()}
        mean_norm, mean_left = fmean(weighted.values()), max(fmean(left.values()), SMALLEST)
        targets = {t: mean_norm * (left[t] / mean_left) ** self.settings.alpha for t in losses}
        return {t: math.copysign(g, weighted[t] - targets[t]) for t, g in own.items()}

    def _adam(self, known: Mapping[str, float], slope: float) -> Mapping[str, float]:
        updates = known["updates"] + 1
        first = BETAS[0] * known["first"] + (1 - BETAS[0]) * slope
        second = BETAS[1] * known["second"] + (1 - BETAS[1]) * slope**2
        root = math.sqrt(second / (1 - BETAS[1] ** updates))
        step = first / (1 - BETAS[0] ** updates) / max(root, SMALLEST)
        weight = max(known["weight"] - self.settings.rate * step, LEAST)
        moments = {"first": first, "second": second, "updates": updates}
        return {**known, **moments, "weight": weight}
