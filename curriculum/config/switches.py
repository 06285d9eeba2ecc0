"""Which tasks are on: what a phase sets stays until another changes it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from curriculum.config.schema import Phase, Plan


@attrs.frozen
class Switches:
    """The tasks that are on with their weights, and those of them that are held."""

    weights: Mapping[str, float] = attrs.field(factory=dict[str, float])
    held: frozenset[str] = frozenset()

    @property
    def learning(self) -> frozenset[str]:
        """The tasks that learn from labels."""
        return frozenset(self.weights) - self.held

    def after(self, phase: Phase) -> Switches:
        """As a phase leaves them."""
        weights = {**self.weights, **phase.turn_on, **phase.hold}
        weights = {task: each for task, each in weights.items() if task not in phase.turn_off}
        held = ((self.held | set(phase.hold)) - set(phase.turn_on)) & set(weights)
        return Switches(weights, held)


def by_phase(plan: Plan) -> Iterator[tuple[Phase, Switches, Switches]]:
    """Each phase with the switches before it and in it."""
    before = Switches()
    for phase in plan.phases:
        yield phase, before, (now := before.after(phase))
        before = now
