"""The six tasks, and the model that they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
from torch import Tensor

from abr_model import losses
from abr_model.config import AbrUnet
from abr_model.model import AbrModel
from abr_model.standards import WAVES, Standards, measure
from abr_model.tasks.exports import exports_of
from abr_model.tasks.hearing import HearingTask, hearing_task
from abr_model.tasks.labels import (
    Labels,
    NumberLabels,
    PresenceLabels,
    ThresholdLabels,
)
from abr_model.tasks.scores import ExistenceScore, NumberScore
from abr_model.tasks.signal_score import SignalScore
from abr_model.tasks.threshold_score import ThresholdScore
from abr_model.tasks.views import DenoiseView, NoisedView, ObservedView, PartlyObservedView
from abr_model.trunk import BOTTOM, CONDITION, DECODED, Trunk
from curriculum.errors import CheckpointError
from curriculum.standardise import Units
from curriculum.state import restore
from curriculum.tasks import Assembly, Batch, Score, Target, View


@attrs.frozen(kw_only=True, eq=False)
class SignalTask:
    """The diffusion: every recording counts once, with or without a known truth."""

    view: View
    score: Score
    units: Units
    name: str = "signal"
    group: str = "signal"
    reads: frozenset[str] = frozenset({DECODED})

    def count(self, batch: Batch) -> float:
        """Recordings."""
        return float(len(batch["subject"]))

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """Squared error of the velocity, weighted by the time's signal-to-noise ratio."""
        return losses.weighted_square_sum(prediction, inputs["velocity"], inputs["min_snr"])

    def targets(self, train: Batch) -> Sequence[Target]:
        """Recordings, and what they are asked to become."""
        truths, halves = int(train["has_truth"].sum()), int(train["has_halves"].sum())
        return [
            Target(
                name="recording_uv",
                labels=int(self.count(train)),
                zero=float(self.units.zero),
                scale=float(self.units.scale),
                remark=f"{truths} with their truth, {halves} with half-averages",
            )
        ]

    def objection(self, batch: Batch) -> str | None:
        """Recordings that are the same everywhere."""
        del batch
        return (
            f"{self.units.constant} everywhere: nothing to learn" if self.units.constant else None
        )


@attrs.frozen(kw_only=True, eq=False)
class LabelledTask:
    """A task with labels in the batch, some of which may be missing."""

    name: str
    group: str
    view: View
    score: Score
    labels: Labels
    reads: frozenset[str] = frozenset({BOTTOM, CONDITION})

    def count(self, batch: Batch) -> float:
        """Labels that are there."""
        return self.labels.count(batch)

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """The loss, summed over those labels."""
        return self.labels.loss(prediction, inputs)

    def targets(self, train: Batch) -> Sequence[Target]:
        """What the training split has of those labels."""
        return self.labels.targets(train)

    def objection(self, batch: Batch) -> str | None:
        """A label that cannot be learned, if there is one."""
        return self.labels.objection(batch)


def build(settings: AbrUnet, data: Any) -> Assembly:
    """The model that a plan asks for, with constants measured on the data's training split."""
    return assemble(settings, measure(data.splits["train"]))


def rebuild(settings: AbrUnet, tensors: Mapping[str, Tensor], where: str) -> Assembly:
    """The model that these tensors are the state of, with its constants; needs no data.

    Raises:
        CheckpointError: they are the state of another model; says `where` they came from.
    """
    try:
        standards = Standards.of_state(tensors)
    except (KeyError, TypeError) as error:
        raise CheckpointError(
            "a checkpoint must hold the constants of the training split",
            found=f"not those of this version: {error}",
            where=where,
        ) from error
    assembly = assemble(settings, standards)
    restore(assembly.model, tensors, where)
    return assembly


def assemble(settings: AbrUnet, standards: Standards) -> Assembly:
    """The model and its tasks, with these constants."""
    trunk = Trunk(**attrs.asdict(settings))
    model = AbrModel(trunk, settings.base_channels, settings.n_levels, standards)
    signal = SignalTask(
        view=NoisedView(standards),
        score=SignalScore(standards, DenoiseView(standards)),
        units=standards.signal_uv,
    )
    tasks = (signal, *_labelled(standards))
    return Assembly(
        model=model,
        tasks=tasks,
        notices=standards.notices,
        exports=exports_of(model, standards),
    )


def _labelled(standards: Standards) -> list[HearingTask | LabelledTask]:
    seen, partly = ObservedView(standards), PartlyObservedView(standards)
    latency, amplitude = standards.wave_latency_ms, standards.wave_amplitude_uv
    columns = tuple(f"wave_{wave}" for wave in WAVES)
    latency_score = NumberScore(
        "wave_latency_ms",
        "peaks/latency_mae_ms",
        latency,
        seen,
        columns,
        {"latency_share_within_0.1_ms": 0.1},
    )
    amplitude_score = NumberScore(
        "wave_amplitude_uv", "peaks/amplitude_mae_uv", amplitude, seen, columns
    )
    threshold_score = ThresholdScore(
        NumberScore(
            "threshold_db",
            "threshold/mae_db",
            standards.threshold_db,
            seen,
            within={"share_within_5_db": 5.0, "share_within_10_db": 10.0},
        )
    )
    parts: list[tuple[str, str, Score, Labels]] = [
        ("peak_existence", "peaks", ExistenceScore(seen), PresenceLabels()),
        ("peak_latency", "peaks", latency_score, NumberLabels("wave_latency_ms", latency)),
        ("peak_amplitude", "peaks", amplitude_score, NumberLabels("wave_amplitude_uv", amplitude)),
        ("threshold", "threshold", threshold_score, ThresholdLabels(standards.threshold_db)),
    ]
    others = (
        LabelledTask(name=name, group=group, view=partly, score=score, labels=labels)
        for name, group, score, labels in parts
    )
    return [hearing_task(standards, partly, seen), *others]
