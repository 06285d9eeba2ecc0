"""Ears to judge classes by, enough of the rarest for its recall to mean something.

N recordings, one of each ear; K classes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from abr_model import metrics
from abr_model.data.ears import NEUROPATHY
from abr_model.data.source import AbrSplit, Part
from abr_model.data.synthetic import GENERATOR_VERSION, make_recordings
from abr_model.standards import CLASSES, WAVES
from abr_model.tasks.hearing import HearingTask
from curriculum.class_losses import ClassLoss, as_plain, from_plain
from curriculum.run.restored import Restored
from curriculum.tasks import Batch
from curriculum.trainer.predicting import predict

SEED = 20_000  # no run is trained on it


@attrs.frozen(kw_only=True, eq=False)
class TestEars:
    """A split whose first `common` recordings are of ears as they come, the others of rare ones.

    Metrics over classes come from the first; the recall of the rarest class from all its ears.
    """

    __test__ = False  # no test of pytest's

    split: AbrSplit
    common: int
    labels: Batch
    fingerprint: str
    rare: int = NEUROPATHY

    @classmethod
    def make(cls, common: int, rare_of: int) -> TestEars:
        """`common` ears as they come, and the rare ones of `rare_of` (the first of which they are).

        A recording of each.
        """
        made = make_recordings(max(common, rare_of), 1, 15.0, SEED)
        behind = np.flatnonzero(made.hearing_class[common:] == NEUROPATHY) + common
        split = AbrSplit(Part(made, np.concatenate([np.arange(common), behind])))
        return cls(
            split=split,
            common=common,
            labels=split.batch(np.arange(len(split))),
            fingerprint=f"{GENERATOR_VERSION}/{SEED}/{common}/{rare_of}",
        )

    @property
    def is_rare(self) -> Tensor:
        """Which recordings are of the rarest class, (N) bool."""
        return self.labels["hearing_class"] == self.rare

    @property
    def answers(self) -> Tensor:
        """Those of them in which wave V is there, (N) bool."""
        return self.is_rare & (self.labels["wave_present"][:, WAVES.index("v")] == 1)

    @property
    def described(self) -> str:
        """In words."""
        return (
            f"{self.common} unseen ears as they come, a recording of each; the recall of "
            f"{CLASSES[self.rare]} on {int(self.is_rare.sum())} such ears "
            f"({int(self.is_rare[: self.common].sum())} of them among those), of which "
            f"{int(self.answers.sum())} answer at the level they were tested at"
        )


@attrs.frozen(kw_only=True, eq=False)
class Decided:
    """What a run said of the test ears, with the loss that says what it means."""

    logits_NK: Tensor
    loss: ClassLoss
    facts: Mapping[str, Any]

    @classmethod
    def read(cls, place: Path) -> Decided | None:
        """What was written there before, if anything."""
        facts, logits = place.with_suffix(".json"), place.with_suffix(".npy")
        if not facts.exists():
            return None
        known = json.loads(facts.read_text())
        loss = from_plain(known.pop("loss"))
        return cls(logits_NK=torch.from_numpy(np.load(logits)), loss=loss, facts=known)

    def write(self, place: Path) -> None:
        """Keep it; the facts last."""
        place.parent.mkdir(parents=True, exist_ok=True)
        np.save(place.with_suffix(".npy"), self.logits_NK.numpy())
        facts = json.dumps({**self.facts, "loss": as_plain(self.loss)})
        place.with_suffix(".json").write_text(facts)

    def as_trained(self, test: TestEars) -> dict[str, float]:
        """The numbers of the highest logits, and the error of the probabilities they stand for."""
        common = slice(test.common)
        probability_NK = self.loss.log_posteriors(self.logits_NK[common]).exp()
        label_N = test.labels["hearing_class"][common]
        error = metrics.calibration_error(probability_NK, label_N)
        return {**_numbers(self.logits_NK, test), "calibration_error": error}

    def with_prior(self, test: TestEars, power: float) -> dict[str, float]:
        """Those of likelihoods times the prior to a power: 0 all classes alike, 1 as they come."""
        likelihoods_NK = self.loss.log_likelihoods(self.logits_NK)
        return _numbers(likelihoods_NK + power * self.loss.prior_K, test)


def decide(restored: Restored, test: TestEars, facts: Mapping[str, Any]) -> Decided:
    """What a run says of the test ears."""
    (task,) = (task for task in restored.tasks if isinstance(task, HearingTask))
    chunks = predict(restored.assembly, [task], test.split, 0, torch.device("cpu"), _silent)
    logits_NK = torch.cat([chunk.predictions[task.name] for chunk in chunks])
    return Decided(logits_NK=logits_NK, loss=task.loss, facts=facts)


def _numbers(score_NK: Tensor, test: TestEars) -> dict[str, float]:
    said, label = score_NK.argmax(1), test.labels["hearing_class"]
    common = slice(test.common)
    recalls = metrics.recalls(said[common], label[common], len(CLASSES))
    right = (said == test.rare).double()
    return {
        "macro_f1": metrics.macro_f1(said[common], label[common], len(CLASSES)),
        "balanced_accuracy": metrics.mean(recalls.values()),
        "recall": float(right[test.is_rare].mean()),
        "recall_there": float(right[test.answers].mean()),
    }


def _silent(done: int, of: int) -> None:
    del done, of
