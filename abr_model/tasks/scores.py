"""How the ABR tasks are judged: on a whole split, in physical units, beside trivial predictors.

N recordings, T samples, W waves, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from abr_model import metrics
from abr_model.diffusion import denoised
from abr_model.replicates import replicate_correlation
from abr_model.standards import CLASSES, WAVES, Standards, Units
from curriculum.tasks import Batch, View

Better = Mapping[str, Literal["higher", "lower"]]
_SWEEPS = (500, 1000, 2000)


@attrs.frozen(eq=False)
class Estimate:
    """What a trivial predictor says a recording would be without noise, in µV, (N, T).

    `sweeps`: it stands for raw recordings of so many sweeps, beside denoised ones of 500; it is
    judged by agreement with other recordings, not against the truth.
    """

    signal_NT: Tensor
    sweeps: int | None = None


@attrs.frozen(eq=False)
class SignalScore:
    """Denoising in one step: against the truth where it is known, else against other recordings."""

    standards: Standards
    subject_names: Sequence[str]
    view: View

    @property
    def better(self) -> Better:
        """Errors lower, correlations higher."""
        each = [f"signal/replicate_correlation[{name}]" for name in self.subject_names]
        higher = ("signal/correlation", "signal/replicate_correlation", *each)
        return {"signal/mse_uv2": "lower", **dict.fromkeys(higher, "higher")}

    def error(self, prediction: Any, inputs: Batch) -> float | None:
        """Mean squared error against the truth, µV²."""
        known = inputs["has_truth"]
        if not bool(known.any()) or (isinstance(prediction, Estimate) and prediction.sweeps):
            return None
        estimate_NT = self._estimate(prediction, inputs)[known].double()
        return float((estimate_NT - inputs["truth_uv"][known].double()).square().mean())

    def metrics(self, prediction: Any, inputs: Batch) -> Mapping[str, float]:
        """Against the truth, and against replicates."""
        found = dict(self._against_replicates(prediction, inputs))
        error = self.error(prediction, inputs)
        if error is not None:
            found["signal/mse_uv2"] = error
            heard = inputs["has_truth"] & (inputs["truth_uv"].abs().amax(1) > 0)
            estimate_NT = self._estimate(prediction, inputs)
            if bool(heard.any()):
                each = metrics.correlation(estimate_NT[heard], inputs["truth_uv"][heard])
                found["signal/correlation"] = float(each.mean())
        return found

    def trivial(self, train: Batch, inputs: Batch) -> Mapping[str, Estimate]:
        """No response at all; the recording itself; raw recordings of more sweeps."""
        del train
        recording_NT = inputs["recording_uv"]
        return {
            "zero": Estimate(torch.zeros_like(recording_NT)),
            "raw": Estimate(recording_NT),
            **{f"raw {sweeps} sweeps": Estimate(recording_NT, sweeps) for sweeps in _SWEEPS},
        }

    def _estimate(self, prediction: Any, inputs: Batch) -> Tensor:
        if isinstance(prediction, Estimate):
            return prediction.signal_NT
        clean_NT = denoised(inputs["x"], prediction, inputs["time"])
        return clean_NT * self.standards.signal_uv.scale

    def _against_replicates(self, prediction: Any, inputs: Batch) -> Mapping[str, float]:
        human = ~inputs["has_truth"]
        without = isinstance(prediction, Estimate) and prediction.sweeps is None
        if without or not bool(human.any()):
            return {}
        sweeps = prediction.sweeps if isinstance(prediction, Estimate) else _SWEEPS[0]
        found = replicate_correlation(
            self._estimate(prediction, inputs)[human],
            inputs["recording_uv"][human],
            subject_N=inputs["subject"][human],
            level_N=inputs["level_db"][human],
            sweeps_N=inputs["sweeps"][human],
            sweeps=sweeps or _SWEEPS[0],
        )
        if not found:
            return {}
        names = {s: f"signal/replicate_correlation[{self.subject_names[s]}]" for s in found}
        mean = sum(found.values()) / len(found)
        each = {names[subject]: value for subject, value in sorted(found.items())}
        return {"signal/replicate_correlation": mean, **each}


@attrs.frozen(eq=False)
class ClassScore:
    """Five classes, by balanced accuracy."""

    view: View

    @property
    def better(self) -> Better:
        """Both higher."""
        names = ("classification/balanced_accuracy", "classification/macro_f1")
        return dict.fromkeys(names, "higher")

    def error(self, prediction: Any, inputs: Batch) -> float | None:
        """1 - balanced accuracy."""
        found = self._judged(prediction, inputs, metrics.balanced_accuracy)
        return None if found is None else 1 - found

    def metrics(self, prediction: Any, inputs: Batch) -> Mapping[str, float]:
        """Balanced accuracy and macro-F1."""
        both = {
            "classification/balanced_accuracy": metrics.balanced_accuracy,
            "classification/macro_f1": metrics.macro_f1,
        }
        found = {name: self._judged(prediction, inputs, judge) for name, judge in both.items()}
        return {name: value for name, value in found.items() if value is not None}

    def trivial(self, train: Batch, inputs: Batch) -> Mapping[str, Tensor]:
        """Always the most frequent class."""
        label = train["hearing_class"]
        majority = torch.bincount(label[label >= 0], minlength=len(CLASSES)).argmax()
        row_K = torch.nn.functional.one_hot(majority, len(CLASSES)).float()
        return {"majority": row_K.expand(len(inputs["hearing_class"]), -1)}

    def _judged(self, prediction: Tensor, inputs: Batch, judge: Any) -> float | None:
        known = inputs["hearing_class"] >= 0
        label, predicted = inputs["hearing_class"][known], prediction[known].argmax(1)
        found: float | None = judge(predicted, label, len(CLASSES))
        return found


@attrs.frozen(eq=False)
class ExistenceScore:
    """Whether each wave is there, by the area under the ROC curve."""

    view: View

    @property
    def better(self) -> Better:
        """All higher."""
        names = ["existence_auc", *(f"wave_{wave}_existence_auc" for wave in WAVES)]
        return {f"peaks/{name}": "higher" for name in names}

    def error(self, prediction: Any, inputs: Batch) -> float | None:
        """1 - mean AUC of the waves."""
        found = self.metrics(prediction, inputs).get("peaks/existence_auc")
        return None if found is None else 1 - found

    def metrics(self, prediction: Any, inputs: Batch) -> Mapping[str, float]:
        """AUC of each wave, and their mean."""
        found: dict[str, float] = {}
        for place, wave in enumerate(WAVES):
            label = inputs["wave_present"][:, place]
            known = label.isfinite()
            value = metrics.auc(prediction[known, place], label[known])
            if value is not None:
                found[f"peaks/wave_{wave}_existence_auc"] = value
        mean = {"peaks/existence_auc": sum(found.values()) / len(found)} if found else {}
        return {**mean, **found}

    def trivial(self, train: Batch, inputs: Batch) -> Mapping[str, Tensor]:
        """The same for every recording."""
        del train
        return {"constant": torch.zeros_like(inputs["wave_present"])}


@attrs.frozen(eq=False)
class NumberScore:
    """A number, or one for each wave, by its mean absolute error in physical units."""

    label: str  # the batch's tensor
    metric: str  # `group/name`, with the unit
    units: Units
    view: View
    waves: bool = True

    @property
    def better(self) -> Better:
        """All lower."""
        group, name = self.metric.split("/")
        each = [f"{group}/wave_{wave}_{name}" for wave in WAVES] if self.waves else []
        return dict.fromkeys([self.metric, *each], "lower")

    def error(self, prediction: Any, inputs: Batch) -> float | None:
        """Mean absolute error over all labels."""
        return metrics.mean_absolute_error(self.units.physical(prediction), self._target(inputs))

    def metrics(self, prediction: Any, inputs: Batch) -> Mapping[str, float]:
        """Over all labels, and by wave."""
        target_NW, physical_NW = self._target(inputs), self.units.physical(prediction)
        group, name = self.metric.split("/")
        found = {self.metric: metrics.mean_absolute_error(physical_NW, target_NW)}
        for place, wave in enumerate(WAVES if self.waves else ()):
            value = metrics.mean_absolute_error(physical_NW[:, place], target_NW[:, place])
            found[f"{group}/wave_{wave}_{name}"] = value
        return {metric: value for metric, value in found.items() if value is not None}

    def trivial(self, train: Batch, inputs: Batch) -> Mapping[str, Tensor]:
        """The median of the training split."""
        median_W = self._target(train).nanmedian(0).values.nan_to_num()
        row_W = self.units.standardise(median_W)
        return {"median": row_W.expand(len(inputs[self.label]), -1)}

    def _target(self, batch: Batch) -> Tensor:
        target = batch[self.label]
        return target if self.waves else target[:, None]
