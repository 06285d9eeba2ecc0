"""Each task's own gradient of a global batch: the trunk runs once, and goes backward once a task.

What needs it: calibration and the watch (on the trunk, without dropout), `gradnorm` and `torchjd`
(in the step itself).
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import cast

import attrs
import torch
from torch import Tensor, nn

from curriculum.sampling import Drawn, Place
from curriculum.trainer.objective import Objective, Sums, add, with_counts
from curriculum.trainer.optim import is_head

Row = tuple[Tensor | None, ...]


@attrs.frozen
class ByTask:
    """A global batch's losses, and for each task with a label its raw loss's gradient.

    A row has one tensor for each parameter that was asked for, None where the task does not reach
    it.
    """

    sums: Sums
    rows: dict[str, Row]


def by_task(
    objective: Objective,
    names: Iterable[str],
    drawn: Drawn,
    place: Place,
    parameters: Sequence[nn.Parameter],
    *,
    step: int,
    micro_steps: int,
    stream: str,
) -> ByTask:
    """Differentiate the loss of each task by itself; micro-batches are added up.

    Nothing is added to any parameter's `.grad`.
    """
    counts, micro_batches = objective.losses(
        names, drawn, place, step=step, micro_steps=micro_steps, stream=stream
    )
    sums: dict[str, Tensor] = {}
    rows: dict[str, Row] = {}
    for loss_sums in micro_batches:
        add(sums, loss_sums)
        for left, (name, loss_sum) in enumerate(reversed(loss_sums.items())):
            row = _row(loss_sum * (1.0 / counts[name]), parameters, keep=left + 1 < len(loss_sums))
            rows[name] = plus(rows[name], row) if name in rows else row
    return ByTask(with_counts(sums, counts), {name: rows[name] for name in counts if name in rows})


def trunk_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """Parameters outside `heads` that want a gradient, by name."""
    return {
        name: parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not is_head(name)
    }


def plus(one: Row, other: Row) -> Row:
    """The sum of two rows of one task."""
    return tuple(map(_plus, one, other))


def flat(row: Row, parameters: Sequence[nn.Parameter]) -> Tensor:
    """A row as one vector, zero where the task does not reach."""
    parts = [
        torch.zeros_like(parameter) if part is None else part
        for part, parameter in zip(row, parameters, strict=True)
    ]
    return torch.cat([part.reshape(-1) for part in parts])


def products(rows: Sequence[Row]) -> list[list[float]]:
    """The inner products of rows with each other, in float64, fetched from the device at once."""
    total: Tensor | None = None
    for parts in zip(*rows, strict=True):  # parameter by parameter: a copy of all is never held
        there = next((part for part in parts if part is not None), None)
        if there is not None:
            filled = [torch.zeros_like(there) if part is None else part for part in parts]
            block_TP = torch.stack([part.reshape(-1) for part in filled]).double()
            product = block_TP @ block_TP.T
            total = product if total is None else total + product
    if total is None:
        return [[0.0] * len(rows) for _ in rows]
    return cast("list[list[float]]", total.tolist())


@contextmanager
def without_dropout(model: nn.Module) -> Generator[None]:
    """The model as in evaluation, though with gradients: statistics are left alone."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


def _row(loss: Tensor, parameters: Sequence[nn.Parameter], *, keep: bool) -> Row:
    if not parameters or not loss.requires_grad:
        return (None,) * len(parameters)
    found = torch.autograd.grad(loss, parameters, retain_graph=keep, allow_unused=True)
    return cast("Row", found)


def _plus(one: Tensor | None, other: Tensor | None) -> Tensor | None:
    if one is None or other is None:
        return other if one is None else one
    return one + other
