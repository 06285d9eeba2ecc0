"""The six tasks, and the model that they share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import attrs
from torch import Tensor

from abr_model import losses
from abr_model.config import AbrUnet
from abr_model.model import AbrModel
from abr_model.standards import Standards, measure
from abr_model.tasks.scores import ClassScore, ExistenceScore, NumberScore, SignalScore
from abr_model.tasks.views import DenoiseView, NoisedView, ObservedView
from abr_model.trunk import BOTTOM, CONDITION, DECODED, Trunk
from curriculum.tasks import Assembly, Batch, Score, View


@attrs.frozen(kw_only=True, eq=False)
class SignalTask:
    """The diffusion: every recording counts once, with or without a known truth."""

    view: View
    score: Score
    name: str = "signal"
    group: str = "signal"
    reads: frozenset[str] = frozenset({DECODED})

    def count(self, batch: Batch) -> float:
        """Recordings."""
        return float(len(batch["recording_uv"]))

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """Squared error of the velocity, weighted by the time's signal-to-noise ratio."""
        return losses.weighted_square_sum(prediction, inputs["velocity"], inputs["min_snr"])


@attrs.frozen(kw_only=True, eq=False)
class LabelledTask:
    """A task with labels in the batch, some of which may be missing."""

    name: str
    group: str
    view: View
    score: Score
    label: str
    loss: Callable[[Tensor, Tensor], Tensor]
    reads: frozenset[str] = frozenset({BOTTOM, CONDITION})

    def count(self, batch: Batch) -> float:
        """Labels that are there."""
        return losses.known_labels(batch[self.label])

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """The loss, summed over those labels."""
        return self.loss(prediction, inputs[self.label])


def build(settings: AbrUnet, data: Any) -> Assembly:
    """The model that a plan asks for, with constants measured on the data's training split.

    Raises:
        DataError: a target does not vary.
    """
    standards = measure(data.splits["train"])
    trunk = Trunk(**attrs.asdict(settings))
    model = AbrModel(trunk, settings.base_channels, settings.n_levels, standards)
    signal = SignalTask(
        view=NoisedView(standards),
        score=SignalScore(standards, data.subject_names, DenoiseView(standards)),
    )
    return Assembly(model=model, tasks=(signal, *_labelled(standards)), notices=standards.notices)


def _labelled(standards: Standards) -> list[LabelledTask]:
    seen = ObservedView(standards)

    def classes(logits: Tensor, label: Tensor) -> Tensor:
        prior = standards.class_prior.to(logits.device)
        return losses.logit_adjusted_cross_entropy(logits, label, prior)

    def number(name: str, group: str, label: str, metric: str, *, waves: bool) -> LabelledTask:
        units = getattr(standards, label)

        def loss(prediction: Tensor, target: Tensor) -> Tensor:
            target = target if waves else target[:, None]
            return losses.smooth_l1(prediction, units.standardise(target))

        score = NumberScore(label, metric, units, seen, waves)
        return LabelledTask(name=name, group=group, view=seen, score=score, label=label, loss=loss)

    return [
        LabelledTask(
            name="classification",
            group="classification",
            view=seen,
            score=ClassScore(seen),
            label="hearing_class",
            loss=classes,
        ),
        LabelledTask(
            name="peak_existence",
            group="peaks",
            view=seen,
            score=ExistenceScore(seen),
            label="wave_present",
            loss=losses.binary_cross_entropy,
        ),
        number("peak_latency", "peaks", "wave_latency_ms", "peaks/latency_mae_ms", waves=True),
        number(
            "peak_amplitude", "peaks", "wave_amplitude_uv", "peaks/amplitude_mae_uv", waves=True
        ),
        number("threshold", "threshold", "threshold_db", "threshold/mae_db", waves=False),
    ]
