"""Ears to judge classes by, enough of the rarest for its recall to mean something.

N recordings, one of each ear; K classes.
"""

from __future__ import annotations

from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from abr_model import metrics
from abr_model.data.ears import NEUROPATHY
from abr_model.data.source import AbrSplit, Part
from abr_model.data.synthetic import GENERATOR_VERSION, make_recordings
from abr_model.physical import balanced, with_prior
from abr_model.standards import CLASSES, WAVES, Standards
from abr_model.tasks.hearing import HearingTask
from curriculum.run.restored import Restored
from curriculum.tasks import Batch
from curriculum.trainer.predicting import predict

SEED = 20_000  # no run is trained on it
NUMBERS = ("macro_f1", "balanced_accuracy", "recall", "recall_there", "calibration_error")


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


def judged(restored: Restored, test: TestEars) -> dict[str, dict[str, float]]:
    """The numbers of a run's decisions, as trained and with the prior taken off."""
    (task,) = (task for task in restored.tasks if isinstance(task, HearingTask))
    standards = Standards.of_state(restored.assembly.model.state_dict())
    chunks = predict(restored.assembly, [task], test.split, 0, torch.device("cpu"), _silent)
    logits_NK = torch.cat([chunk.predictions[task.name] for chunk in chunks])
    likelihoods_NK = task.loss.log_likelihoods(logits_NK)
    probability_NK = with_prior(likelihoods_NK, standards).softmax(1)
    return {
        "as_trained": _numbers(balanced(logits_NK, standards), probability_NK, test),
        "without_prior": _numbers(balanced(likelihoods_NK, standards), probability_NK, test),
    }


def _numbers(score_NK: Tensor, probability_NK: Tensor, test: TestEars) -> dict[str, float]:
    said, label = score_NK.argmax(1), test.labels["hearing_class"]
    common = slice(test.common)
    recalls = metrics.recalls(said[common], label[common], len(CLASSES))
    right = (said == test.rare).double()
    values: dict[str, Any] = {
        "macro_f1": metrics.macro_f1(said[common], label[common], len(CLASSES)),
        "balanced_accuracy": metrics.mean(recalls.values()),
        "recall": right[test.is_rare].mean(),
        "recall_there": right[test.answers].mean(),
        "calibration_error": metrics.calibration_error(probability_NK[common], label[common]),
    }
    return {name: float(value) for name, value in values.items()}


def _silent(done: int, of: int) -> None:
    del done, of
