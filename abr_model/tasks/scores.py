"""How the ABR tasks are judged: on a whole split, in physical units, beside trivial predictors.

B samples of a chunk, N of a split, T points, W waves, K classes. What is kept of a sample is a few
numbers; NaN is "cannot be judged". Recordings of one subject are one cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs
import torch
from torch import Tensor

from abr_model import logistic, metrics
from abr_model.physical import SHARE, balanced, with_prior
from abr_model.standards import CLASSES, WAVES, Standards
from curriculum.class_losses import ClassLoss
from curriculum.standardise import Units
from curriculum.tasks import CLUSTER, Batch, Kept, TrivialPredictor, View

Better = Mapping[str, Literal["higher", "lower"]]


@attrs.frozen(eq=False)
class Always:
    """A decision about classes without logits, and the probabilities beside it, both (B, K)."""

    decision_BK: Tensor
    probability_BK: Tensor


@attrs.frozen(eq=False)
class ClassScore:
    """Five classes, by balanced accuracy; calibration of the probabilities on the side.

    What is decided is the class of the highest logit, as it was trained; the loss says which
    probabilities the logits stand for.
    """

    standards: Standards
    view: View
    loss: ClassLoss

    @property
    def better(self) -> Better:
        """All higher, but for the calibration error."""
        names = ["balanced_accuracy", "macro_f1", *(f"recall[{name}]" for name in CLASSES)]
        higher = dict.fromkeys((f"classification/{name}" for name in names), "higher")
        return {**higher, "classification/calibration_error": "lower"}  # type: ignore[dict-item]

    def keep(self, prediction: Any, inputs: Batch) -> Kept:
        """Logits and probabilities (B, K), with the label."""
        if isinstance(prediction, Always):
            logits, probability = prediction.decision_BK, prediction.probability_BK
        else:
            likelihoods = self.loss.log_likelihoods(prediction)
            logits, probability = prediction, with_prior(likelihoods, self.standards).softmax(1)
        return {
            "score": balanced(logits, self.standards),
            "probability": probability,
            "label": inputs["hearing_class"],
            CLUSTER: inputs["subject"],
        }

    def error(self, kept: Kept) -> float | None:
        """1 - balanced accuracy."""
        found = metrics.recalls(*self._judged(kept), len(CLASSES))
        return 1 - metrics.mean(found.values()) if found else None

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """Over the classes that the split holds."""
        predicted, label = self._judged(kept)
        recalls = metrics.recalls(predicted, label, len(CLASSES))
        if not recalls:
            return {}
        known = kept["label"] >= 0
        error = metrics.calibration_error(kept["probability"][known], label)
        return {
            "classification/balanced_accuracy": metrics.mean(recalls.values()),
            "classification/macro_f1": metrics.macro_f1(predicted, label, len(CLASSES)),
            "classification/calibration_error": error,
            **{f"classification/recall[{CLASSES[k]}]": recall for k, recall in recalls.items()},
        }

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """Always the most frequent class; its probabilities are the training split's shares."""
        label = train["hearing_class"]
        majority = torch.bincount(label[label >= 0], minlength=len(CLASSES)).argmax()
        row_K = torch.nn.functional.one_hot(majority, len(CLASSES)).float()
        prior_K = self.standards.class_prior.float()

        def always(inputs: Batch) -> Always:
            size = (len(inputs["hearing_class"]), -1)
            return Always(row_K.expand(size), prior_K.expand(size))

        return {"majority": always}

    def _judged(self, kept: Kept) -> tuple[Tensor, Tensor]:
        known = kept["label"] >= 0
        return kept["score"][known].argmax(1), kept["label"][known]


@attrs.frozen(eq=False)
class ExistenceScore:
    """Whether each wave is there, by the area under the ROC curve."""

    view: View

    @property
    def better(self) -> Better:
        """All higher."""
        names = ["existence_auc", *(f"wave_{wave}_existence_auc" for wave in WAVES)]
        names += [f"wave_{wave}_existence_f1" for wave in WAVES]
        return {f"peaks/{name}": "higher" for name in names}

    def keep(self, prediction: Any, inputs: Batch) -> Kept:
        """Logits and labels (B, W)."""
        return {"logit": prediction, "label": inputs["wave_present"], CLUSTER: inputs["subject"]}

    def error(self, kept: Kept) -> float | None:
        """1 - mean AUC of the waves."""
        found = self._auc(kept)
        return 1 - metrics.mean(found.values()) if found else None

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """AUC of each wave and their mean; F1 at even odds."""
        auc, f1 = self._auc(kept), self._by_wave(kept, metrics.f1)
        return {
            **({"peaks/existence_auc": metrics.mean(auc.values())} if auc else {}),
            **{f"peaks/wave_{wave}_existence_auc": value for wave, value in auc.items()},
            **{f"peaks/wave_{wave}_existence_f1": value for wave, value in f1.items()},
        }

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """Always there."""
        del train
        return {"always": lambda inputs: torch.ones_like(inputs["wave_present"])}

    def _auc(self, kept: Kept) -> dict[str, float]:
        return self._by_wave(kept, metrics.auc)

    @staticmethod
    def _by_wave(kept: Kept, judge: Any) -> dict[str, float]:
        found: dict[str, float] = {}
        for place, wave in enumerate(WAVES):
            label = kept["label"][:, place]
            known = label.isfinite()
            value = judge(kept["logit"][known, place], label[known])
            if value is not None:
                found[wave] = value
        return found


@attrs.frozen(eq=False)
class NumberScore:
    """A number for each of some columns, by its mean absolute error in physical units.

    `within` are distances of which the share of errors within is reported, by their name.
    """

    label: str  # the batch's tensor, (B) or (B, columns)
    metric: str  # `group/name`, with the unit
    units: Units
    view: View
    columns: tuple[str, ...] = ()  # prefixes of the metrics of each column; none where it is one
    within: Mapping[str, float] = attrs.field(factory=dict)

    @property
    def better(self) -> Better:
        """Errors lower, shares higher."""
        lower = [self.metric, *(self._name(column) for column in self.columns)]
        higher = [f"{self._group}/{name}" for name in (self._coverage, *self.within)]
        return {**dict.fromkeys(lower, "lower"), **dict.fromkeys(higher, "higher")}

    def keep(self, prediction: Any, inputs: Batch) -> Kept:
        """Errors (B, columns), and whether each label lies within its interval (NaN: none)."""
        label = inputs[self.label].reshape(len(prediction), -1)
        location, scale = prediction.double().unbind(-1)
        error = (self.units.physical(location).double() - label.double()).abs()
        width = self.units.lengths(logistic.half_width(SHARE) * scale).double()
        known = error.isfinite() & width.isfinite()
        inside = (error <= width).double().where(known, torch.nan)
        return {"error": error, "inside": inside, CLUSTER: inputs["subject"]}

    def error(self, kept: Kept) -> float | None:
        """Mean absolute error over all labels."""
        return metrics.known_mean(kept["error"])

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """Over all labels, by column, and the shares."""
        error = kept["error"]
        if (mean := metrics.known_mean(error)) is None:
            return {}
        by_column = {self._name(c): metrics.known_mean(e) for c, e in self._columns(error)}
        hits = {
            f"{self._group}/{name}": (error[error.isfinite()] <= distance).double().mean().item()
            for name, distance in self.within.items()
        }
        covered = {f"{self._group}/{self._coverage}": metrics.known_mean(kept["inside"])}
        found = {self.metric: mean, **by_column, **hits, **covered}
        return {name: value for name, value in found.items() if value is not None}

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """The median of the training split, without an interval."""
        label = train[self.label]
        median = label.reshape(len(label), -1).nanmedian(0).values.nan_to_num()
        location = self.units.standardise(median)
        row = torch.stack([location, torch.full_like(location, torch.nan)], -1)
        return {"median": lambda inputs: row.expand(len(inputs[self.label]), -1, -1)}

    @property
    def _group(self) -> str:
        return self.metric.partition("/")[0]

    @property
    def _coverage(self) -> str:
        quantity = self.metric.partition("/")[2].partition("mae")[0]
        return f"{quantity}interval_coverage"

    def _name(self, column: str) -> str:
        group, _, name = self.metric.partition("/")
        return f"{group}/{column}_{name}"

    def _columns(self, values: Tensor) -> list[tuple[str, Tensor]]:
        return list(zip(self.columns, values.unbind(1), strict=True)) if self.columns else []
