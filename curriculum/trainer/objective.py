"""One global batch: which parts of the model run, and what is differentiated.

The trunk runs once for each distinct view that an active task needs, as far as those tasks read it.
Tasks that are off do not occur here at all.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import attrs
import torch
from torch import Tensor, nn

from curriculum.errors import Unsound
from curriculum.sampling import Drawn, Place, SampleDraws
from curriculum.tasks import Assembly, Batch, Prediction, SharedModel, Split, Task, View


@attrs.frozen
class Pass:
    """One run of the trunk: a view, and the tasks that are computed from it."""

    view: View
    reads: frozenset[str]
    tasks: tuple[Task, ...]


def passes(tasks: Sequence[Task], views: Mapping[str, View]) -> tuple[Pass, ...]:
    """The runs of the trunk that tasks need, given the view of each: one for each distinct view."""
    by_name: dict[str, list[Task]] = {}
    for task in tasks:
        by_name.setdefault(views[task.name].name, []).append(task)
    return tuple(
        Pass(
            view=views[shared[0].name],
            reads=frozenset[str]().union(*(task.reads for task in shared)),
            tasks=tuple(shared),
        )
        for shared in by_name.values()
    )


def to_device(batch: Batch, device: torch.device) -> Batch:
    """The batch on a device."""
    return {name: tensor.to(device, non_blocking=True) for name, tensor in batch.items()}


def to_cpu(prediction: Prediction) -> Prediction:
    """A prediction on the CPU."""
    if isinstance(prediction, Tensor):
        return prediction.cpu()
    return {name: part.cpu() for name, part in prediction.items()}


def predictions(
    model: nn.Module, inputs: Batch, one: Pass, *, frozen_trunk: bool = False
) -> Mapping[str, Prediction]:
    """What the heads of one run of the trunk say, by task; a frozen trunk gets no gradient."""
    shared = cast("SharedModel", model)
    with torch.set_grad_enabled(torch.is_grad_enabled() and not frozen_trunk):
        features = shared.features(inputs, one.reads)
    return {task.name: shared.heads[task.name](features) for task in one.tasks}


@attrs.frozen(kw_only=True)
class Losses:
    """Loss components of a global batch, and the norm of the gradient that came of them.

    A loss is None where the batch held no label. `contributions` is weight x factor x loss.
    """

    losses: Mapping[str, float | None]
    contributions: Mapping[str, float]
    gradient_norm: float

    @property
    def total(self) -> float:
        """What was differentiated: the sum of the contributions."""
        return math.fsum(self.contributions.values())


@attrs.define
class Objective:
    """Computes losses and gradients of global batches of a split."""

    assembly: Assembly
    split: Split
    device: torch.device

    def active(self, names: Iterable[str]) -> tuple[Task, ...]:
        """These tasks, in the model's order."""
        wanted = set(names)
        return tuple(task for task in self.assembly.tasks if task.name in wanted)

    def backward(
        self,
        names: Iterable[str],
        drawn: Drawn,
        place: Place,
        coefficients: Mapping[str, float],
        *,
        step: int,
        micro_steps: int = 1,
        stream: str = "train",
        frozen_trunk: bool = False,
    ) -> dict[str, tuple[Tensor, float]]:
        """Add the gradient of Σ coefficient x loss of a global batch; returns (sum, count) by task.

        A loss is its sum over its count in the whole global batch, however many micro-batches that
        is cut into. The sums stay on the device: nothing here waits for it.
        """
        tasks = self.active(names)
        whole = self.split.batch(drawn.samples)
        counts = {task.name: float(task.count(whole)) for task in tasks}
        labelled = tuple(task for task in tasks if counts[task.name] > 0)
        runs = passes(labelled, {task.name: task.view for task in labelled})
        size = len(drawn.samples) // micro_steps
        sums: dict[str, Tensor] = {}
        for micro in range(micro_steps):
            part = slice(micro * size, (micro + 1) * size)
            batch = whole if micro_steps == 1 else {n: tensor[part] for n, tensor in whole.items()}
            place.seed_dropout(step, micro)
            terms: list[Tensor] = []
            for one in runs:
                draws = SampleDraws(
                    place, drawn.part(part.start, part.stop), f"{stream}/{one.view.name}"
                )
                inputs = to_device(one.view.prepare(batch, draws), self.device)
                found = predictions(self.assembly.model, inputs, one, frozen_trunk=frozen_trunk)
                for name, prediction in found.items():
                    task = next(task for task in one.tasks if task.name == name)
                    loss_sum = task.loss_sum(prediction, inputs)
                    terms.append(loss_sum * (coefficients[name] / counts[name]))
                    seen = loss_sum.detach()
                    sums[name] = sums[name] + seen if name in sums else seen
            if terms:
                torch.stack(terms).sum().backward()
        return {
            task.name: (sums.get(task.name, torch.zeros(())), counts[task.name]) for task in tasks
        }


def gather(
    sums: Mapping[str, tuple[Tensor, float]],
    coefficients: Mapping[str, float],
    gradient_norm: Tensor,
) -> Losses:
    """Fetch a step's numbers from the device, all at once."""
    stacked = [part.float().reshape(()) for part, _ in sums.values()]
    device = gradient_norm.device
    together = torch.stack([*(part.to(device) for part in stacked), gradient_norm])
    values = cast("list[float]", together.tolist())
    losses = {
        name: value / count if count > 0 else None
        for (name, (_, count)), value in zip(sums.items(), values[:-1], strict=True)
    }
    return Losses(
        losses=losses,
        contributions={
            name: 0.0 if loss is None else coefficients[name] * loss
            for name, loss in losses.items()
        },
        gradient_norm=values[-1],
    )


def check_finite(found: Losses, named: Mapping[str, nn.Parameter], phase: str, step: int) -> None:
    """Stop before the update where a loss or the gradient is not finite.

    Raises:
        Unsound: names step, phase and the component, or the parameters.
    """
    where = f"phase `{phase}`, step {step}"
    hint = "Lower the learning rate, or look at the batch; the last checkpoint is from before it."
    bad = [n for n, loss in found.losses.items() if loss is not None and not math.isfinite(loss)]
    if bad:
        values = ", ".join(f"`{name}` {found.losses[name]}" for name in bad)
        raise Unsound("every loss must be finite", found=values, where=where, hint=hint)
    if not math.isfinite(found.gradient_norm):
        culprits = [
            name
            for name, parameter in named.items()
            if parameter.grad is not None and not bool(torch.isfinite(parameter.grad).all())
        ]
        some = ", ".join(culprits[:3]) + (f" and {len(culprits) - 3} more" if culprits[3:] else "")
        raise Unsound(
            "the gradient must be finite",
            found=f"norm {found.gradient_norm}, not finite in {some or 'no single parameter'}",
            where=where,
            hint=hint,
        )
