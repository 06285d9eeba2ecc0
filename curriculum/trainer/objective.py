"""One global batch: which parts of the model run, and what is differentiated.

The trunk runs once for each distinct view that an active task needs, as far as those tasks read it.
Tasks that are off do not occur here at all.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import cast

import attrs
import torch
from torch import Tensor, nn

from curriculum.balance import Term
from curriculum.balance.protocol import SMALLEST
from curriculum.errors import Unsound
from curriculum.sampling import Drawn, Place, SampleDraws
from curriculum.tasks import Assembly, Batch, Prediction, SharedModel, Split, Task, View

Sums = dict[str, tuple[Tensor, float]]
"""A loss's sum over a global batch and how many labels that is of, by task."""


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

    A loss is None where the batch held no label. `contributions` is weight x term of the loss.
    """

    losses: Mapping[str, float | None]
    contributions: Mapping[str, float]
    gradient_norm: float

    @property
    def total(self) -> float:
        """What was differentiated, where contributions are added up: their sum."""
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
        logarithms: Container[str] = (),
        frozen_trunk: bool = False,
    ) -> Sums:
        """Add the gradient of Σ coefficient x loss of a global batch; returns (sum, count) by task.

        A loss is its sum over its count in the whole global batch, however many micro-batches that
        is cut into. The sums stay on the device: nothing here waits for it. Of the tasks in
        `logarithms` it is the gradient of coefficient x log loss, and the batch must come in one
        piece.
        """
        counts, micro_batches = self.losses(
            names,
            drawn,
            place,
            step=step,
            micro_steps=micro_steps,
            stream="train",
            frozen_trunk=frozen_trunk,
        )
        sums: dict[str, Tensor] = {}
        for loss_sums in micro_batches:
            terms: list[Tensor] = []
            for name, loss_sum in loss_sums.items():
                if name in logarithms:
                    loss = (loss_sum / counts[name]).clamp_min(SMALLEST)
                    terms.append(coefficients[name] * loss.log())
                else:
                    terms.append(loss_sum * (coefficients[name] / counts[name]))
            add(sums, loss_sums)
            if terms:
                torch.stack(terms).sum().backward()
        return with_counts(sums, counts)

    def losses(
        self,
        names: Iterable[str],
        drawn: Drawn,
        place: Place,
        *,
        step: int,
        micro_steps: int,
        stream: str,
        frozen_trunk: bool = False,
    ) -> tuple[dict[str, float], Iterator[dict[str, Tensor]]]:
        """Labels by task in a global batch, and for each of its micro-batches the sums of losses.

        Tasks without a label have no sum. A micro-batch is computed when it is asked for.
        """
        whole = self.split.batch(drawn.samples)
        counts = {task.name: float(task.count(whole)) for task in self.active(names)}
        labelled = self.active(name for name, count in counts.items() if count > 0)
        runs = passes(labelled, {task.name: task.view for task in labelled})
        size = len(drawn.samples) // micro_steps

        def micro_batches() -> Iterator[dict[str, Tensor]]:
            for micro in range(micro_steps):
                part = slice(micro * size, (micro + 1) * size)
                batch = whole if micro_steps == 1 else {n: t[part] for n, t in whole.items()}
                place.seed_dropout(step, micro)
                found: dict[str, Tensor] = {}
                for one in runs:
                    draws = SampleDraws(
                        place, drawn.part(part.start, part.stop), f"{stream}/{one.view.name}"
                    )
                    inputs = to_device(one.view.prepare(batch, draws), self.device)
                    predicted = predictions(
                        self.assembly.model, inputs, one, frozen_trunk=frozen_trunk
                    )
                    for name, prediction in predicted.items():
                        task = next(task for task in one.tasks if task.name == name)
                        found[name] = task.loss_sum(prediction, inputs)
                yield found

        return counts, micro_batches()


def add(sums: dict[str, Tensor], loss_sums: Mapping[str, Tensor]) -> None:
    """Add a micro-batch's sums of losses to those of the global batch."""
    for name, loss_sum in loss_sums.items():
        seen = loss_sum.detach()
        sums[name] = sums[name] + seen if name in sums else seen


def with_counts(sums: Mapping[str, Tensor], counts: Mapping[str, float]) -> Sums:
    """A global batch's (sum, count) by task; a task without labels has a sum of zero."""
    return {name: (sums.get(name, torch.zeros(())), count) for name, count in counts.items()}


def contributions(
    losses: Mapping[str, float | None], weights: Mapping[str, float], terms: Mapping[str, Term]
) -> dict[str, float]:
    """Weight x term of each loss; nothing for one without a label."""
    return {
        name: 0.0 if loss is None else _contribution(weights[name], terms[name], loss)
        for name, loss in losses.items()
    }


def _contribution(weight: float, term: Term, loss: float) -> float:
    if term.logarithm or term.offset:
        return weight * term.value(loss)
    return weight * term.factor * loss  # as it was differentiated, to the last bit


def gather(
    sums: Mapping[str, tuple[Tensor, float]],
    weights: Mapping[str, float],
    terms: Mapping[str, Term],
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
        contributions=contributions(losses, weights, terms),
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
    parts = found.contributions
    low = {n: loss for n, loss in found.losses.items() if loss is not None and loss < 0}
    without = {name: loss for name, loss in low.items() if math.isnan(parts[name])}
    if without:
        values = ", ".join(f"`{name}` {loss}" for name, loss in without.items())
        raise Unsound(
            "every loss must be zero or more where its logarithm is trained on",
            found=values,
            where=where,
            hint="Give the phase another balance, such as `balance: {kind: calibrated}`",
        )
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
