"""What a balancing strategy is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Protocol

import attrs

State = Mapping[str, Mapping[str, float]]
"""What a strategy remembers: for each task, numbers by name. The checkpoint carries it."""

SMALLEST = 1e-12
"""Losses are never divided by less than this, so that a loss of zero does not explode."""


@attrs.frozen
class Term:
    """What a raw loss L becomes, before its weight: factor x L + offset, or log L."""

    factor: float = 1.0
    offset: float = 0.0
    logarithm: bool = False

    def value(self, loss: float) -> float:
        """The term; not a number for the logarithm of a loss below zero."""
        if self.logarithm:
            return math.log(max(loss, SMALLEST)) if loss >= 0 else math.nan
        return self.factor * loss + self.offset

    def slope(self, loss: float) -> float:
        """Its derivative by the loss: what the loss's gradient is multiplied by."""
        return 1.0 / max(abs(loss), SMALLEST) if self.logarithm else self.factor


class Balance(Protocol):
    """A strategy that turns raw loss components into comparable ones. Pure."""

    @property
    def name(self) -> str:
        """What the journal calls it: its kind, and with an aggregator `torchjd/upgrad`."""
        ...

    @property
    def batches(self) -> int:
        """Global batches on which a task's loss is measured when it is turned on; 0 for none."""
        ...

    @property
    def aggregator(self) -> str | None:
        """How gradients of single tasks become one; None where the terms are added up."""
        ...

    def measures(self, step: int) -> bool:
        """Whether `update` wants the norms of single tasks' gradients after this step."""
        ...

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """The state once tasks with these measured losses are on."""
        ...

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """What becomes of each task's raw loss, before its weight."""
        ...

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """The state after an optimizer step.

        A loss of None had no label, and moves nothing. `norms` are those of the raw losses'
        gradients on the trunk, where `measures` asked for them.
        """
        ...
