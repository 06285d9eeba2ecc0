"""`fixed`: losses as they are. `log`: their logarithms. Neither has anything to remember.

Under `fixed`, weights carry the units, and one loss can swamp the others. Under `log`, each loss's
gradient is divided by the loss itself, so every task's factor comes from the same batch as its
gradient: the scale-invariant loss balancing of Liu et al. 2021 (IMTL-L) is this at its minimiser;
Lin et al. 2023 (DB-MTL, arXiv 2308.12029, section 3.1).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from curriculum.balance.protocol import State, Term
from curriculum.config.balances import Fixed, Log


@attrs.frozen
class MemorylessBalance:
    """Every loss becomes the same kind of term, whatever came before."""

    name: str
    term: Term
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
        """The term, for each task."""
        del state
        return dict.fromkeys(tasks, self.term)

    def update(
        self, state: State, losses: Mapping[str, float | None], norms: Mapping[str, float]
    ) -> State:
        """Nothing to follow."""
        del losses, norms
        return state


FIXED = MemorylessBalance(Fixed.kind, Term())
LOG = MemorylessBalance(Log.kind, Term(logarithm=True))
