"""What a phase makes of classes: the order of its samples, and the loss of its tasks with classes.

N samples of the training split.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np

from curriculum.class_losses import (
    ClassLoss,
    Frequencies,
    as_plain,
    from_plain,
    make_class_loss,
)
from curriculum.config.class_settings import TemperedSampler
from curriculum.errors import CheckpointError, UsageError
from curriculum.plan import PlannedPhase
from curriculum.sampling import Order, Place, SampleOrder, TemperedOrder
from curriculum.tasks import Assembly, ClassTask, Split, Task

_CHUNK = 4096


class TrainLabels:
    """The classes of the training split, each task's read once, when they are first asked for."""

    def __init__(self, split: Split) -> None:
        self._split = split
        self._read: dict[str, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self._split)

    def of(self, task: ClassTask) -> np.ndarray:
        """The class of each sample, int32 (N,); -1 for none."""
        if task.name not in self._read:
            found = np.empty(len(self._split), np.int32)
            for start in range(0, len(found), _CHUNK):
                indices = np.arange(start, min(start + _CHUNK, len(found)))
                found[indices] = task.labels(self._split.batch(indices)).cpu().numpy()
            self._read[task.name] = np.maximum(found, -1)
        return self._read[task.name]

    def frequencies(self, task: ClassTask, order: SampleOrder) -> Frequencies:
        """How often each class occurs, and how often the order draws it."""
        labels, classes = self.of(task), task.classes or 0
        counts = np.bincount(labels[labels >= 0], minlength=classes)
        drawn = None
        if isinstance(order, TemperedOrder):
            drawn = order.shares(labels, len(counts)).tolist()
        return Frequencies.of(counts.tolist(), drawn)


def order_of(
    phase: PlannedPhase, place: Place, assembly: Assembly, labels: TrainLabels
) -> SampleOrder:
    """The order in which a phase draws the training split's samples.

    Raises:
        UsageError: the sampler's task is none of the model's with classes.
    """
    sampler = phase.training.sampler
    if not isinstance(sampler, TemperedSampler):
        return Order(place, len(labels))
    task = next((task for task in class_tasks(assembly) if task.name == sampler.task), None)
    if task is None:
        raise UsageError(
            "a sampler's task must be one of the model's with classes",
            found=repr(sampler.task),
            where=f"phase `{phase.name}`",
        )
    return TemperedOrder(place, labels.of(task), sampler.temperature)


@attrs.frozen(kw_only=True)
class PhaseClasses:
    """A phase's order of samples, and the assembly whose tasks with classes have its loss."""

    order: SampleOrder
    assembly: Assembly
    losses: Mapping[str, ClassLoss]

    @classmethod
    def of(
        cls, phase: PlannedPhase, place: Place, assembly: Assembly, labels: TrainLabels
    ) -> PhaseClasses:
        """Those of a phase; only tasks that learn in it get a loss."""
        order = order_of(phase, place, assembly, labels)
        losses = {
            task.name: make_class_loss(phase.training.class_loss, labels.frequencies(task, order))
            for task in class_tasks(assembly)
            if task.name in phase.weights and task.name not in phase.held
        }
        return cls(order=order, assembly=_with_losses(assembly, losses), losses=losses)

    @property
    def saved(self) -> Mapping[str, Any]:
        """The losses as plain data, for the checkpoint."""
        return {name: as_plain(loss) for name, loss in self.losses.items()}


def with_saved_losses(assembly: Assembly, saved: Mapping[str, Any], where: str) -> Assembly:
    """The assembly with the losses that a checkpoint says its tasks were last trained with.

    Raises:
        CheckpointError: they are not those of this version; says `where` they came from.
    """
    try:
        losses = {name: from_plain(plain) for name, plain in saved.items()}
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            "a checkpoint must say how its tasks with classes were trained",
            found=f"not in the words of this version: {error}",
            where=where,
        ) from error
    return _with_losses(assembly, losses)


def class_tasks(assembly: Assembly) -> tuple[ClassTask, ...]:
    """The tasks with classes."""
    return tuple(task for task in assembly.tasks if isinstance(task, ClassTask))


def _with_losses(assembly: Assembly, losses: Mapping[str, ClassLoss]) -> Assembly:
    new: dict[str, Task] = {
        task.name: task.with_loss(losses[task.name])
        for task in class_tasks(assembly)
        if task.name in losses
    }
    return attrs.evolve(assembly, tasks=tuple(new.get(t.name, t) for t in assembly.tasks))
