"""What a balancing strategy is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

State = Mapping[str, float]


class Balance(Protocol):
    """A strategy that turns raw loss components into comparable ones."""

    @property
    def batches(self) -> int:
        """Global batches on which a task's loss is measured when it is turned on; 0 for none."""
        ...

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """The state once tasks with these measured losses are on."""
        ...

    def factors(self, state: State, tasks: Iterable[str]) -> Mapping[str, float]:
        """What each task's raw loss is multiplied by, before its weight."""
        ...

    def update(self, state: State, losses: Mapping[str, float | None]) -> State:
        """The state after an optimizer step. A loss of None had no label, and moves nothing."""
        ...
