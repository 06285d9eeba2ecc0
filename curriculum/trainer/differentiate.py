"""From a global batch to the gradient that the optimizer gets, as the balance asks for it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from curriculum.balance import Balance, Term
from curriculum.plan import PlannedPhase
from curriculum.sampling import Drawn, Place
from curriculum.trainer.aggregation import make_aggregate, scatter
from curriculum.trainer.gradients import ByTask, Row, by_task, flat, products
from curriculum.trainer.objective import Objective, Sums
from curriculum.trainer.optim import is_head


class Differentiator:
    """Leaves each parameter's gradient in its `.grad`; one for each phase."""

    def __init__(
        self,
        objective: Objective,
        balance: Balance,
        phase: PlannedPhase,
        place: Place,
        parameters: Mapping[str, nn.Parameter],
    ) -> None:
        self._objective, self._balance, self._place = objective, balance, place
        self._micro_steps = phase.training.accumulation_steps
        self._trunk = [p for name, p in parameters.items() if not is_head(name)]
        self._heads = [p for name, p in parameters.items() if is_head(name)]
        name = balance.aggregator
        self._aggregate = None if name is None else make_aggregate(name)

    def __call__(
        self,
        weights: Mapping[str, float],
        terms: Mapping[str, Term],
        drawn: Drawn,
        step: int,
        *,
        frozen_trunk: bool = False,
    ) -> tuple[Sums, dict[str, float]]:
        """Differentiate Σ weight x term.

        Returns (sum, count) of each raw loss, and the norms on the trunk of raw losses' gradients
        where the balance measures them at this step. On a frozen trunk there are none.
        """
        summed = self._aggregate is None and not self._balance.measures(step)
        if summed or frozen_trunk:
            coefficients = {task: weight * terms[task].factor for task, weight in weights.items()}
            sums = self._objective.backward(
                weights,
                drawn,
                self._place,
                coefficients,
                step=step,
                micro_steps=self._micro_steps,
                logarithms={task for task, term in terms.items() if term.logarithm},
                frozen_trunk=frozen_trunk,
            )
            return sums, {}
        found = by_task(
            self._objective,
            weights,
            drawn,
            self._place,
            [*self._trunk, *self._heads],
            step=step,
            micro_steps=self._micro_steps,
            stream="train",
        )
        return found.sums, self._put(found, weights, terms, step)

    def _put(
        self,
        found: ByTask,
        weights: Mapping[str, float],
        terms: Mapping[str, Term],
        step: int,
    ) -> dict[str, float]:
        """Combine the rows; the norms of their parts on the trunk, where they are wanted."""
        size = len(self._trunk)
        trunk = {task: row[:size] for task, row in found.rows.items()}
        heads = {task: row[size:] for task, row in found.rows.items()}
        coefficients = {task: weights[task] * terms[task].factor for task in found.rows}
        _add_up(self._heads, heads, coefficients)
        if self._aggregate is None or not trunk or not self._trunk:
            _add_up(self._trunk, trunk, coefficients)
        else:
            self._place.seed_aggregator(step)  # some draw at random
            rows_MN = torch.stack(
                [flat(row, self._trunk) * terms[task].factor for task, row in trunk.items()]
            )
            weights_M = rows_MN.new_tensor([weights[task] for task in trunk])
            finite = bool(rows_MN.isfinite().all())  # else the sum, for whoever checks gradients
            combine = self._aggregate if finite else _weighted_sum
            scatter(combine(rows_MN, weights_M), self._trunk)
        if not self._balance.measures(step):
            return {}
        gram = products(list(trunk.values()))
        return {task: math.sqrt(gram[i][i]) for i, task in enumerate(trunk)}


def _weighted_sum(rows_MN: Tensor, weights_M: Tensor) -> Tensor:
    return weights_M @ rows_MN


def _add_up(
    parameters: Sequence[nn.Parameter],
    rows: Mapping[str, Row],
    coefficients: Mapping[str, float],
) -> None:
    """Σ coefficient x row into each parameter's gradient."""
    for place, parameter in enumerate(parameters):
        parts = [
            part * coefficients[task]
            for task, row in rows.items()
            if (part := row[place]) is not None
        ]
        if parts:
            parameter.grad = torch.stack(parts).sum(0)
