"""Measuring the losses of tasks that are turned on, before their first update."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Protocol

import torch
from torch import nn
from torch.nn.utils import get_total_norm

from curriculum.balance import Balance, State
from curriculum.events import Calibrated, Event, Heartbeat, Warned
from curriculum.plan import PlannedPhase
from curriculum.sampling import Order, Place
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
    place: Place,
    phase: PlannedPhase,
    listener: _Listener,
) -> State:
    """The balance's state with the tasks of a phase that it has not measured yet.

    Without dropout, on batches of an order of their own. Each task's gradient on the trunk is
    measured alone, for the journal.
    """
    unmeasured = [t for t in phase.weights if t not in state and t not in phase.held]
    if balance.batches == 0 or not unmeasured:
        return state
    model = objective.assembly.model
    model.eval()
    losses: dict[str, float] = {}
    norms: dict[str, float] = {}
    try:
        for done, task in enumerate(unmeasured):
            listener.emit(Heartbeat(doing="calibrating", done=done, of=len(unmeasured)))
            loss, norms[task] = _measure(task, balance.batches, objective, place, phase, listener)
            if loss is None:
                message = (
                    f"no batch of the calibration held a label for `{task}`: its size is taken as 1"
                )
                listener.emit(Warned(message=message, phase=phase.name, step=0, task=task))
            losses[task] = 1.0 if loss is None else loss
    finally:
        model.zero_grad(set_to_none=True)
        model.train()
    state = balance.start(state, losses)
    factors = balance.factors(state, losses)
    listener.emit(
        Calibrated(
            phase=phase.name,
            step=0,
            losses=losses,
            trunk_gradient_norms=norms,
            scales={task: 1.0 / factor for task, factor in factors.items()},
        )
    )
    return state


def _measure(
    task: str,
    batches: int,
    objective: Objective,
    place: Place,
    phase: PlannedPhase,
    listener: _Listener,
) -> tuple[float | None, float]:
    """A task's loss over some batches (None without labels), its mean gradient's norm."""
    model, order = objective.assembly.model, Order(place, len(objective.split), "calibration")
    model.zero_grad(set_to_none=True)
    sums: list[float] = []
    counts: list[float] = []
    for step in range(1, batches + 1):
        listener.signals.check()
        found = objective.backward(
            [task],
            order.batch(step, phase.training.global_batch),
            place,
            {task: 1.0},
            step=step,
            micro_steps=phase.training.accumulation_steps,
            stream="calibration",
        )
        part, count = found[task]
        sums.append(float(part))
        counts.append(count)
    gradients = list(_trunk_gradients(model).values())
    norm = float(get_total_norm(gradients)) / batches if gradients else 0.0
    return (math.fsum(sums) / math.fsum(counts) if any(counts) else None), norm


def _trunk_gradients(model: nn.Module) -> Mapping[str, torch.Tensor]:
    return {
        name: parameter.grad
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and not name.startswith("heads.")
    }
