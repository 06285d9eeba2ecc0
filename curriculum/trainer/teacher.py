"""Tasks that are held: they learn no more from labels, and keep to what a teacher predicts.

The teacher is the model as it was at the end of the phase before (Li and Hoiem 2016, "Learning
without Forgetting", arXiv 1606.09282, without labels for the tasks that are held). The loss of a
held task is the squared difference between student and teacher, in units of the variance of the
teacher's own predictions: 0 for the same, 1 for a student that says the teacher's mean.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import cast

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from curriculum.plan import PlannedPhase
from curriculum.sampling import Drawn, Place, SampleDraws
from curriculum.state import TrainingState, restore
from curriculum.tasks import Assembly, Batch, Prediction, Score, SharedModel, Split, Task, View
from curriculum.trainer.classes import with_saved_losses
from curriculum.trainer.evaluation import CHUNK
from curriculum.trainer.objective import to_device

_SAMPLES = 1024
"""Samples of the training split, spread evenly, on which the teacher's variance is measured."""


class Teacher:
    """A model that stands still."""

    def __init__(self, assembly: Assembly, tensors: Mapping[str, Tensor], where: str) -> None:
        self._model = copy.deepcopy(assembly.model)
        restore(self._model, tensors, where)
        self._model.eval()
        self._model.requires_grad_(requires_grad=False)
        self._inputs: Batch | None = None
        self._features: dict[frozenset[str], Mapping[str, Tensor]] = {}

    def predict(self, task: Task, inputs: Batch) -> Prediction:
        """What it says of inputs that the task's view prepared; its trunk runs once for a batch."""
        if self._inputs is not inputs:
            self._inputs, self._features = inputs, {}
        shared = cast("SharedModel", self._model)
        with torch.no_grad():
            if task.reads not in self._features:
                self._features[task.reads] = shared.features(inputs, task.reads)
            head: nn.Module = shared.heads[task.name]
            return head(self._features[task.reads])


class HeldTask:
    """A task whose loss is the distance to a teacher; it is judged as ever."""

    def __init__(
        self, task: Task, teacher: Teacher, split: Split, place: Place, device: torch.device
    ) -> None:
        self._task, self._teacher = task, teacher
        self._variances = _variances(task, teacher, split, place, device)

    @property
    def name(self) -> str:
        """The task's."""
        return self._task.name

    @property
    def group(self) -> str:
        """The task's."""
        return self._task.group

    @property
    def view(self) -> View:
        """The task's."""
        return self._task.view

    @property
    def reads(self) -> frozenset[str]:
        """The task's."""
        return self._task.reads

    @property
    def score(self) -> Score:
        """The task's."""
        return self._task.score

    def count(self, batch: Batch) -> float:
        """Samples: none needs a label."""
        return float(len(next(iter(batch.values()))))

    def loss_sum(self, prediction: Prediction, inputs: Batch) -> Tensor:
        """The mean squared difference in each sample, in units of the teacher's variance."""
        theirs = dict(_parts(self._teacher.predict(self._task, inputs)))
        terms = [
            ((part - theirs[name]).square() / self._variances[name]).flatten(1).mean(1)
            for name, part in _parts(prediction)
        ]
        return torch.stack(terms).mean(0).sum()

    def objection(self, batch: Batch) -> str | None:
        """None: there are no labels to object to."""
        del batch


def with_teacher(
    assembly: Assembly,
    phase: PlannedPhase,
    ended: TrainingState | None,
    split: Split,
    place: Place,
    device: torch.device,
) -> Assembly:
    """The model with a phase's held tasks kept to the state that the phase before ended in."""
    if not phase.held:
        return assembly
    assert ended is not None  # the loader lets no first phase hold anything
    where = f"phase `{ended.phase}`"
    losses = ended.progress.class_losses.items()
    held = {task: loss for task, loss in losses if task in phase.held}
    assembly = with_saved_losses(assembly, held, where)
    teacher = Teacher(assembly, ended.model, where)
    tasks: list[Task] = [
        HeldTask(task, teacher, split, place, device) if task.name in phase.held else task
        for task in assembly.tasks
    ]
    return attrs.evolve(assembly, tasks=tuple(tasks))


def _parts(prediction: Prediction) -> Iterator[tuple[str, Tensor]]:
    """The real-valued tensors of a prediction by name, each of two dimensions or more."""
    parts = {"": prediction} if isinstance(prediction, Tensor) else prediction
    for name, part in cast("Mapping[str, Tensor]", parts).items():
        if part.is_floating_point():
            yield name, part if part.dim() > 1 else part[:, None]


def _variances(
    task: Task, teacher: Teacher, split: Split, place: Place, device: torch.device
) -> dict[str, Tensor]:
    """The variance over samples of each number that the teacher predicts, averaged over a part."""
    some = np.unique(np.linspace(0, len(split) - 1, _SAMPLES).astype(np.int64))
    found: dict[str, list[Tensor]] = {}
    for start in range(0, len(some), CHUNK):
        indices = some[start : start + CHUNK]
        draws = SampleDraws(place, Drawn(indices, np.zeros_like(indices)), f"hold/{task.view.name}")
        inputs = to_device(task.view.prepare(split.batch(indices), draws), device)
        for name, part in _parts(teacher.predict(task, inputs)):
            found.setdefault(name, []).append(part)
    variances = {n: torch.cat(parts).double().var(0).mean().float() for n, parts in found.items()}
    return {
        name: variance if variance > 0 else variance + 1 for name, variance in variances.items()
    }
