"""Measuring the losses of tasks that are turned on, before their first update."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Protocol

from curriculum.balance import Balance, State
from curriculum.errors import Unsound
from curriculum.events import Calibrated, Event, Heartbeat, Warned
from curriculum.plan import PlannedPhase
from curriculum.sampling import Place, SampleOrder
from curriculum.trainer.gradients import (
    Row,
    by_task,
    plus,
    products,
    trunk_parameters,
    without_dropout,
)
from curriculum.trainer.objective import Objective
from curriculum.trainer.signals import Signals


class _Listener(Protocol):
    @property
    def signals(self) -> Signals: ...
    def emit(self, event: Event, /) -> None: ...


def calibrate(
    balance: Balance,
    state: State,
    objective: Objective,
    order: SampleOrder,
    place: Place,
    phase: PlannedPhase,
    listener: _Listener,
    changed: Collection[str] = (),
) -> State:
    """The balance's state with the tasks of a phase that it has not measured as they are now.

    That is tasks turned on, and those whose loss has `changed` since. Without dropout, on batches
    of an order of their own. Each task's gradient on the trunk is measured too, for the journal.

    Raises:
        Unsound: a loss is not finite.
    """
    unmeasured = [
        task
        for task in phase.weights
        if (task not in state or task in changed) and task not in phase.held
    ]
    if balance.batches == 0 or not unmeasured:
        return state
    losses, norms = _measure(unmeasured, balance.batches, objective, order, place, phase, listener)
    bad = {task: loss for task, loss in losses.items() if not math.isfinite(loss)}
    if bad:
        raise Unsound(
            "every loss must be finite",
            found=", ".join(f"`{task}` {loss}" for task, loss in bad.items()),
            where=f"phase `{phase.name}`, before its first step",
            hint="Look at the training split's samples, and at the loss itself",
        )
    for task in unmeasured:
        if task not in losses:
            message = (
                f"no batch of the calibration held a label for `{task}`: its size is taken as 1"
            )
            listener.emit(Warned(message=message, phase=phase.name, step=0, task=task))
            losses[task] = 1.0
    state = balance.start(state, losses)
    terms = balance.terms(state, losses)
    listener.emit(
        Calibrated(
            phase=phase.name,
            step=0,
            losses=losses,
            trunk_gradient_norms=norms,
            scales={task: 1.0 / term.factor for task, term in terms.items()},
        )
    )
    return state


def _measure(
    tasks: Sequence[str],
    batches: int,
    objective: Objective,
    order: SampleOrder,
    place: Place,
    phase: PlannedPhase,
    listener: _Listener,
) -> tuple[dict[str, float], dict[str, float]]:
    """Losses over some batches (of tasks with labels), and the norms of their mean gradients."""
    model = objective.assembly.model
    trunk = list(trunk_parameters(model).values())
    sums: dict[str, list[float]] = {task: [] for task in tasks}
    counts: dict[str, list[float]] = {task: [] for task in tasks}
    rows: dict[str, Row] = {}
    with without_dropout(model):
        for step in range(1, batches + 1):
            listener.emit(Heartbeat(doing="calibrating", done=step - 1, of=batches))
            listener.signals.check()
            found = by_task(
                objective,
                tasks,
                order.batch(step, phase.training.global_batch),
                place,
                trunk,
                step=step,
                micro_steps=phase.training.accumulation_steps,
                stream="calibration",
            )
            for task, (part, count) in found.sums.items():
                sums[task].append(float(part))
                counts[task].append(count)
            for task, row in found.rows.items():
                rows[task] = plus(rows[task], row) if task in rows else row
    gram = products(list(rows.values()))
    norms = {task: math.sqrt(gram[place][place]) / batches for place, task in enumerate(rows)}
    losses = {
        task: math.fsum(sums[task]) / math.fsum(counts[task]) for task in tasks if any(counts[task])
    }
    return losses, {task: norms.get(task, 0.0) for task in tasks}
