"""Which heads are on, and at which weight, at a step. Pure.

A head that is off is absent: the trainer gives it no forward, no loss, no gradient and no optimizer
state. There is no weight of zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from curriculum.plan import PlannedPhase


def weights_at(phase: PlannedPhase, step: int) -> Mapping[str, float]:
    """Weights of the active tasks in the `step`-th update of a phase, counted from 1.

    A weight that the phase names grows linearly from what it was (0 for a task turned on) to its
    value, which it has from step `ramp_steps` on: the first update sees 1/`ramp_steps` of the way.
    """
    done = 1.0 if step >= phase.ramp_steps else step / phase.ramp_steps
    return {
        task: weight if done == 1.0 else before + (weight - before) * done
        for task, weight in phase.weights.items()
        for before in [phase.weights_before.get(task, 0.0) if task in phase.turn_on else weight]
    }
