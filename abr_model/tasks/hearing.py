"""The class of hearing: its labels, its loss, and what its logits mean.

B samples, K classes. A label is -1 where it is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import torch
from torch import Tensor

from abr_model import losses
from abr_model.standards import CLASSES, Standards
from abr_model.tasks.scores import ClassScore
from abr_model.trunk import BOTTOM, CONDITION
from curriculum.class_losses import ClassLoss, Frequencies, make_class_loss
from curriculum.config.class_settings import LogitAdjusted
from curriculum.tasks import Batch, Target, Task, View


@attrs.frozen(kw_only=True, eq=False)
class HearingTask:
    """Five classes of hearing, with the loss of the phase; a `curriculum.tasks.ClassTask`."""

    view: View
    score: ClassScore
    name: str = "classification"
    group: str = "classification"
    reads: frozenset[str] = frozenset({BOTTOM, CONDITION})
    classes: int = len(CLASSES)

    @property
    def loss(self) -> ClassLoss:
        """What it is trained with; its score knows what logits mean by it."""
        return self.score.loss

    def with_loss(self, loss: ClassLoss) -> HearingTask:
        """The same task with another loss."""
        return attrs.evolve(self, score=attrs.evolve(self.score, loss=loss))

    def labels(self, batch: Batch) -> Tensor:
        """The class of each recording's ear (B); -1 where it is not known."""
        return batch["hearing_class"]

    def count(self, batch: Batch) -> float:
        """Labels that are not -1."""
        return losses.known_labels(batch["hearing_class"])

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """The loss of logits (B, K), summed over those labels."""
        return self.loss.loss_sum(prediction, inputs["hearing_class"])

    def objection(self, batch: Batch) -> str | None:
        """A class that the head has no output for."""
        highest = int(batch["hearing_class"].max())
        return None if highest < len(CLASSES) else f"`hearing_class` is {highest}"

    def targets(self, train: Batch) -> Sequence[Target]:
        """One, with recordings by class."""
        label = train["hearing_class"]
        counts = torch.bincount(label[label >= 0], minlength=len(CLASSES)).tolist()
        classes = dict(zip(CLASSES, counts, strict=False))
        return [Target(name="hearing_class", labels=sum(counts), classes=classes)]


def hearing_task(standards: Standards, trained_on: View, judged_by: View) -> HearingTask:
    """The task with the default loss, until a run gives it the one of its plan."""
    frequencies = Frequencies.of(standards.class_prior.tolist())
    loss = make_class_loss(LogitAdjusted(), frequencies)
    return HearingTask(view=trained_on, score=ClassScore(standards, judged_by, loss))


def without_prior(predictions: Mapping[str, Tensor], tasks: Sequence[Task]) -> dict[str, Tensor]:
    """Predictions by task, with logarithms of likelihoods in the place of logits of classes."""
    losses_of = {task.name: task.loss for task in tasks if isinstance(task, HearingTask)}
    return {
        name: losses_of[name].log_likelihoods(said) if name in losses_of else said
        for name, said in predictions.items()
    }
