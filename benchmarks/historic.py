"""The heads and losses of the run that this project exists to prevent, on our own trunk.

Signal, classification and existence keep our losses; those of latency, amplitude and threshold are
as they were, choice by choice. B samples, O outputs of a head.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from abr_model import logistic
from abr_model.config import AbrUnet
from abr_model.heads import Readout
from abr_model.standards import WAVES, measure
from abr_model.tasks.assembly import LabelledTask, assemble
from curriculum.standardise import Units
from curriculum.tasks import Assembly, Batch, DataSource, Kept, Score, Task, TrivialPredictor, View

LOWEST, HIGHEST = -10.0, 2.0  # of the logarithm of the standard deviation
DELTA_DB = 5.0


@attrs.frozen(kw_only=True)
class Choices:
    """What was chosen then. With none of them the losses are ours, each with weight 1."""

    raw_units: bool = False  # targets in ms, µV and dB, as they are
    gaussian: bool = False  # Gaussian likelihood, std = exp(clamp(log_std, -10, 2))
    bounded: bool = False  # latency at most 8 ms, amplitude within ±0.5 µV
    huber: bool = False  # threshold by the Huber loss, δ = 5, on raw dB
    amplitude_unit: float = 1.0  # in µV; raw amplitudes are told in it: 1e-3 is nV, 1e6 is V


def _latency_ms(x: Tensor) -> Tensor:
    return 8 * x.sigmoid()


def _amplitude_uv(x: Tensor) -> Tensor:
    return 0.5 * x.tanh()


@attrs.frozen(kw_only=True, eq=False)
class Quantity:
    """A task that predicts numbers, and how far its head reached then."""

    task: str
    label: str
    units: Units
    outputs: int
    bound: Callable[[Tensor], Tensor] | None
    told_in: float = 1.0  # the unit of raw labels, in that of `units`


class NumbersThen(nn.Module):
    """A head of (B, O) locations and spreads; `distribution` is what our score reads."""

    def __init__(self, readout: Readout, of: Quantity, choices: Choices) -> None:
        super().__init__()
        self.readout, self.of, self.choices = readout, of, choices

    def forward(self, features: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """`location` and `spread` as the loss takes them."""
        location_BO, spread_BO = self.readout(features).chunk(2, 1)
        units, told_in, raw = self.of.units, self.of.told_in, self.choices.raw_units
        if self.of.bound is not None and self.choices.bounded:
            physical_BO = self.of.bound(location_BO)
            location_BO = physical_BO / told_in if raw else units.standardise(physical_BO)
        standardised_BO = units.standardise(location_BO * told_in) if raw else location_BO
        unknown_BO = torch.full_like(standardised_BO, torch.nan)
        return {
            "location": location_BO,
            "spread": spread_BO,
            "distribution": torch.stack([standardised_BO.detach(), unknown_BO], -1),
        }


@attrs.frozen(eq=False)
class ScoreThen:
    """Our score, of what a head of then says."""

    ours: Score

    @property
    def view(self) -> View:
        """Ours."""
        return self.ours.view

    @property
    def better(self) -> Mapping[str, Any]:
        """Ours."""
        return self.ours.better

    def keep(self, prediction: Any, inputs: Batch) -> Kept:
        """Of the distribution; a trivial prediction is one already."""
        told = prediction["distribution"] if isinstance(prediction, Mapping) else prediction
        return self.ours.keep(told, inputs)

    def error(self, kept: Kept) -> float | None:
        """Ours."""
        return self.ours.error(kept)

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """Ours."""
        return self.ours.metrics(kept)

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """Ours."""
        return self.ours.trivial(train)


@attrs.frozen(eq=False)
class LabelsThen:
    """Labels with the loss of then."""

    of: Quantity
    choices: Choices

    def count(self, batch: Batch) -> float:
        """Labels that are there."""
        return float(batch[self.of.label].isfinite().sum())

    def loss(self, prediction: Any, inputs: Batch) -> Tensor:
        """Huber for the threshold, a likelihood for the waves, summed."""
        location_BO, spread_BO = prediction["location"], prediction["spread"]
        label_BO = inputs[self.of.label].reshape(location_BO.shape)
        if self.choices.raw_units:
            label_BO = label_BO / self.of.told_in
        else:
            label_BO = self.of.units.standardise(label_BO)
        known = label_BO.isfinite()
        location, spread, label = location_BO[known], spread_BO[known], label_BO[known]
        if self.of.task == "threshold" and self.choices.huber:
            return F.huber_loss(location, label, delta=DELTA_DB, reduction="sum")
        if self.choices.gaussian and self.of.task != "threshold":
            log_std = spread.clamp(LOWEST, HIGHEST)
            z = (label - location) / log_std.exp()
            return (z.square() / 2 + log_std + math.log(2 * math.pi) / 2).sum()
        return logistic.exact(logistic.distribution(location, spread), label)

    def objection(self, batch: Batch) -> None:
        """None was ever raised."""
        del batch


def assemble_then(settings: AbrUnet, data: DataSource, choices: Choices) -> Assembly:
    """Our model with the heads and losses of then."""
    standards = measure(data.splits["train"])
    assembly = assemble(settings, standards)
    bottom = settings.base_channels * 2 ** (settings.n_levels - 1)
    waves = len(WAVES)
    threshold = Choices(raw_units=choices.raw_units or choices.huber, huber=choices.huber)
    quantities = [
        (choices, "peak_latency", "wave_latency_ms", waves, _latency_ms),
        (choices, "peak_amplitude", "wave_amplitude_uv", waves, _amplitude_uv),
        (threshold, "threshold", "threshold_db", 1, None),
    ]
    tasks: dict[str, Task] = {task.name: task for task in assembly.tasks}
    for chosen, name, label, outputs, bound in quantities:
        ours = tasks[name]
        if chosen == Choices() or not isinstance(ours, LabelledTask):
            continue
        units = getattr(standards, label)
        unit = chosen.amplitude_unit if name == "peak_amplitude" else 1.0
        of = Quantity(
            task=name, label=label, units=units, outputs=outputs, bound=bound, told_in=unit
        )
        readout = Readout(bottom, 4 * settings.base_channels, 2 * outputs)
        assembly.model.heads[name] = NumbersThen(readout, of, chosen)
        labels, score = LabelsThen(of, chosen), ScoreThen(ours.score)
        tasks[name] = attrs.evolve(ours, labels=labels, score=score)
    return attrs.evolve(assembly, tasks=tuple(tasks.values()), exports=None)
