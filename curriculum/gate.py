"""Which heads are on, and at which weight, at a step. Pure.

A head that is off is absent: the trainer gives it no forward, no loss, no gradient and no optimizer
state. There is no weight of zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from curriculum.plan import PlannedPhase, Stretch


def weights_at(
    phase: PlannedPhase, step: int, stretch: Stretch | None = None
) -> Mapping[str, float]:
    """Weights of the active tasks in the `step`-th update of a phase, counted from 1.

    While heads warm up, theirs alone, at their value. After that a weight that the phase names
    grows linearly from what it was (0 for a task turned on) to its value, which it has from the
    `ramp_steps`-th step on: the first sees 1/`ramp_steps` of the way. In a stretch beyond the
    phase's end, weights are multiplied as it says.
    """
    if step <= phase.warmup_steps:
        return {task: phase.weights[task] for task in phase.turned_on}
    after = step - phase.warmup_steps
    done = 1.0 if after >= phase.ramp_steps else after / phase.ramp_steps
    weights = {
        task: weight if done == 1.0 else before + (weight - before) * done
        for task, weight in phase.weights.items()
        for before in [phase.weights_before.get(task, 0.0) if task in phase.turn_on else weight]
    }
    if stretch is None:
        return weights
    return {task: weight * stretch.weights.get(task, 1.0) for task, weight in weights.items()}
