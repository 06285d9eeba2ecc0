"""`fixed`: losses as they are. `log`: their logarithms. Neither has anything to remember."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import State, Term
from curriculum.config.schema import Fixed, Log


@attrs.frozen
class FixedBalance:
    """Losses count as they are. Weights then carry the units, and one loss can swamp the others."""

    name: str = Fixed.kind
    batches: int = 0
    aggregator: str | None = None

    def measures(self, step: int) -> bool:
        """Never."""
        del step
        return False

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Nothing to keep."""
        del measured
        return state

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """The loss."""
        del state
        return dict.fromkeys(tasks, Term())

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """Nothing to follow."""
        del losses, norms
        return state


@attrs.frozen
class LogBalance:
    """Each loss is replaced by its logarithm, whose gradient is the loss's own divided by the loss.

    So every task's factor comes from the same batch as its gradient. The scale-invariant loss
    balancing of Liu et al. 2021 (IMTL-L) is this at its minimiser; Lin et al. 2023 (DB-MTL,
    arXiv 2308.12029, section 3.1).
    """

    name: str = Log.kind
    batches: int = 0
    aggregator: str | None = None

    def measures(self, step: int) -> bool:
        """Never."""
        del step
        return False

    def start(self, state: State, measured: Mapping[str, float]) -> State:
        """Nothing to keep."""
        del measured
        return state

    def terms(self, state: State, tasks: Iterable[str]) -> Mapping[str, Term]:
        """The logarithm of the loss."""
        del state
        return dict.fromkeys(tasks, Term(logarithm=True))

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """Nothing to follow."""
        del losses, norms
        return state
