"""The parts of the model that `export` writes as programs, from recordings to predictions.

B recordings, T points, S static parameters, W waves, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from abr_model.conditioning import STATICS
from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.physical import denoised_uv, physical
from abr_model.standards import CLASSES, WAVES, Standards
from abr_model.tasks.hearing import without_prior
from curriculum.standardise import Units
from curriculum.tasks import Batch, Exportable, Exports, Task
from curriculum.trainer.objective import passes, predictions

SIGNAL = "signal"
DESCRIPTION = """\
A model of the auditory brainstem response (ABR) to clicks: a one-dimensional U-Net with S4D layers
that reads a recording and what is known of it. As far as these tasks were trained, it takes the
noise away, names the class of hearing, finds waves I, III and V, and estimates the ear's threshold.

**For research, not a medical device.** No part of it has been tested for the diagnosis or the
treatment of anybody. Trained on synthetic ears, it knows what their generator knows. It may be
wrong where recordings, clinics or the mix of classes differ from the data below. A 95 % interval
holds 95 % of labels like those that it was trained on."""

_RATE = f"{SAMPLE_RATE_HZ:g} Hz from stimulus onset"
_VALUE = "the most likely value, and the ends of its 95 % interval"
OUTPUTS: Mapping[str, tuple[str, str]] = {
    "class_probability": (
        "classification",
        f"(B, {len(CLASSES)}) of {', '.join(CLASSES)}, as frequent as in the training data",
    ),
    "class_balanced": (
        "classification",
        f"(B, {len(CLASSES)}) likewise, as if all classes were equally frequent",
    ),
    "wave_probability": ("peak_existence", "(B, 3) that waves I, III and V are there"),
    "wave_latency_ms": ("peak_latency", f"(B, 3, 3) of waves I, III and V: {_VALUE}, ms"),
    "wave_amplitude_uv": ("peak_amplitude", f"(B, 3, 3) of waves I, III and V: {_VALUE}, µV"),
    "threshold_db": ("threshold", f"(B, 3) {_VALUE}, dB nHL"),
}
"""Each output of the heads: its task, and what it is."""


def exports_of(model: nn.Module, standards: Standards) -> Exports:
    """What the model offers to `export`."""

    def parts(tasks: Sequence[Task]) -> list[Exportable]:
        on = {task.name for task in tasks}
        points = len(standards.colour)
        inputs = {
            "recording_uv": f"(B, {points}) µV, {_RATE}",
            "statics": f"(B, {len(STATICS)}) {', '.join(STATICS)}; NaN where one is not known",
        }
        names = [name for name, (task, _) in OUTPUTS.items() if task in on]
        seen = [task for task in tasks if task.name != SIGNAL]
        found: list[Exportable] = []
        if seen:
            heads = Exportable(
                name="heads",
                module=Heads(model, seen, standards, names),
                inputs=inputs,
                outputs={name: OUTPUTS[name][1] for name in names},
                inputs_of=inputs_of,
            )
            found.append(heads)
        if SIGNAL in on:
            signal = next(task for task in tasks if task.name == SIGNAL)
            denoiser = Exportable(
                name="denoiser",
                module=Denoiser(model, signal, standards),
                inputs=inputs,
                outputs={"denoised_uv": f"(B, {points}) µV, {_RATE}, without its noise"},
                inputs_of=inputs_of,
            )
            found.append(denoiser)
        return found

    return Exports(description=DESCRIPTION, parts=parts, about=lambda: about(standards))


class Heads(nn.Module):
    """Recordings (B, T) and statics (B, S) to the outputs of these names, in physical units."""

    def __init__(
        self, model: nn.Module, tasks: Sequence[Task], standards: Standards, names: Sequence[str]
    ) -> None:
        super().__init__()
        self.model = model
        self._standards, self._names, self._tasks = standards, tuple(names), tuple(tasks)
        (self._run,) = passes(tasks, {task.name: task.score.view for task in tasks})

    def forward(self, recording_uv: Tensor, statics: Tensor) -> tuple[Tensor, ...]:
        """The outputs."""
        inputs = self._run.view.prepare(_batch(recording_uv, statics), _NoDraws())
        said = without_prior(predictions(self.model, inputs, self._run), self._tasks)
        found = physical(said, self._standards)
        return tuple(found[name] for name in self._names)


class Denoiser(nn.Module):
    """Recordings (B, T) and statics (B, S) to recordings without noise (B, T), µV."""

    def __init__(self, model: nn.Module, signal: Task, standards: Standards) -> None:
        super().__init__()
        self.model = model
        self._standards = standards
        (self._run,) = passes([signal], {signal.name: signal.score.view})

    def forward(self, recording_uv: Tensor, statics: Tensor) -> tuple[Tensor]:
        """The recordings."""
        batch = {**_batch(recording_uv, statics), "replicates_uv": recording_uv}  # not looked at
        inputs = self._run.view.prepare(batch, _NoDraws())
        velocity_BT = predictions(self.model, inputs, self._run)[SIGNAL]
        return (denoised_uv(inputs["x"], inputs["time"], velocity_BT, self._standards),)


def inputs_of(batch: Batch) -> tuple[Tensor, Tensor]:
    """Recordings and statics of a batch."""
    return batch["recording_uv"], torch.stack([batch[name] for name in STATICS], 1)


def about(standards: Standards) -> dict[str, Any]:
    """The constants of the training split, as JSON data; the colour of its noise is a tensor."""
    units = {
        field.name: {"zero": value.zero.tolist(), "scale": value.scale.tolist()}
        for field in attrs.fields(Standards)
        if isinstance(value := getattr(standards, field.name), Units)
    }
    return {
        "standards": {**units, "class_prior": standards.class_prior.tolist()},
        "sample_rate_hz": SAMPLE_RATE_HZ,
        "points": len(standards.colour),
        "statics": list(STATICS),
        "classes": list(CLASSES),
        "waves": list(WAVES),
    }


def _batch(recording_BT: Tensor, statics_BS: Tensor) -> dict[str, Tensor]:
    columns = dict(zip(STATICS, statics_BS.unbind(1), strict=True))
    return {"recording_uv": recording_BT, **columns}


class _NoDraws:
    """For views that tasks are judged by: nothing about them is random."""

    def uniform(self, name: str, *shape: int) -> Tensor:
        raise NotImplementedError(name)

    def normal(self, name: str, *shape: int) -> Tensor:
        raise NotImplementedError(name)
