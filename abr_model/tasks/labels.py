"""The labels of a batch: how many there are, what they cost, and which cannot be learned.

B samples, W waves. A label is NaN where it is missing. Classes of hearing are in `hearing`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import attrs
import torch
from torch import Tensor

from abr_model import logistic, losses
from abr_model.standards import WAVES
from curriculum.standardise import Units
from curriculum.tasks import Batch, Target

_WAVE_V = WAVES.index("v")


class Labels(Protocol):
    """What a labelled task learns from."""

    def count(self, batch: Batch) -> float:
        """Labels that are there."""
        ...

    def loss(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """The loss, summed over them."""
        ...

    def objection(self, batch: Batch) -> str | None:
        """A label that cannot be learned, as a phrase, if there is one."""
        ...

    def targets(self, train: Batch) -> Sequence[Target]:
        """What the training split has of them, for `plan --data`."""
        ...


@attrs.frozen(eq=False)
class PresenceLabels:
    """Whether each wave is there."""

    def count(self, batch: Batch) -> float:
        """Labels that are there."""
        return losses.known_labels(batch["wave_present"])

    def loss(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """Cross entropy of logits (B, W)."""
        return losses.binary_cross_entropy(prediction, inputs["wave_present"])

    def objection(self, batch: Batch) -> str | None:
        """A presence that is neither 0 nor 1."""
        label = batch["wave_present"]
        odd = label[label.isfinite() & (label != 0) & (label != 1)]
        return f"`wave_present` is {float(odd[0]):g}" if odd.numel() else None

    def targets(self, train: Batch) -> Sequence[Target]:
        """One a wave."""
        found: list[Target] = []
        for wave, label in zip(WAVES, train["wave_present"].unbind(1), strict=True):
            classes = {"absent": int((label == 0).sum()), "there": int((label == 1).sum())}
            labels = int(label.isfinite().sum())
            found.append(Target(name=f"wave_{wave}_present", labels=labels, classes=classes))
        return found


@attrs.frozen(eq=False)
class NumberLabels:
    """Numbers in physical units, learned as logistic distributions in standardised ones."""

    label: str
    units: Units

    def count(self, batch: Batch) -> float:
        """Labels that are there."""
        return losses.known_labels(batch[self.label])

    def loss(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """-log density under distributions (B, columns, 2)."""
        return logistic.exact(prediction, self.units.standardise(inputs[self.label]))

    def objection(self, batch: Batch) -> str | None:
        """A number that is infinite, or that is the same everywhere."""
        if self.units.constant:
            return f"{self.units.constant} everywhere: nothing to learn"
        return f"`{self.label}` is infinite" if bool(batch[self.label].isinf().any()) else None

    def targets(self, train: Batch) -> Sequence[Target]:
        """One a wave, or one alone."""
        label = train[self.label]
        columns = label.reshape(len(label), -1).unbind(1)
        names = [self.label.replace("wave_", f"wave_{wave}_") for wave in WAVES]
        zeros, scales = self.units.zero.tolist(), self.units.scale.tolist()
        return [
            Target(name=name, labels=int(column.isfinite().sum()), zero=zero, scale=scale)
            for name, column, zero, scale in zip(names, columns, zeros, scales, strict=False)
        ]


@attrs.frozen(eq=False)
class ThresholdLabels:
    """Thresholds of ears, in dB nHL, some of them known by a bound alone.

    Where the threshold was not measured, whether wave V is there still bounds it: an ear that
    answers at a level has its threshold at or below it, one that does not has it above.
    """

    units: Units  # (1,)

    def count(self, batch: Batch) -> float:
        """Thresholds and bounds."""
        return float(sum(label.isfinite().sum() for label in self._split(batch)))

    def loss(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """-log density of thresholds, -log probability of bounds, under distributions (B, 1, 2)."""
        exact_B1, above_B1, below_B1 = map(self.units.standardise, self._split(inputs))
        return (
            logistic.exact(prediction, exact_B1)
            + logistic.above(prediction, above_B1)
            + logistic.below(prediction, below_B1)
        )

    def objection(self, batch: Batch) -> str | None:
        """As for numbers."""
        return NumberLabels("threshold_db", self.units).objection(batch)

    def targets(self, train: Batch) -> Sequence[Target]:
        """One; bounds are counted apart."""
        (known,) = NumberLabels("threshold_db", self.units).targets(train)
        _, above, below = (int(label.isfinite().sum()) for label in self._split(train))
        bounds = f"{above} more lie above a level, {below} not above one" if above + below else ""
        return [attrs.evolve(known, remark=bounds)]

    @staticmethod
    def _split(batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The threshold, a level that it is above, one that it is not above: (B, 1) or NaN."""
        threshold_B, level_B = batch["threshold_db"], batch["level_db"]
        present_B = batch["wave_present"][:, _WAVE_V]
        unknown_B = threshold_B.isnan()
        above_B = level_B.where(unknown_B & (present_B == 0), torch.nan)
        below_B = level_B.where(unknown_B & (present_B == 1), torch.nan)
        return threshold_B[:, None], above_B[:, None], below_B[:, None]
