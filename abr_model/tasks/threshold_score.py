"""How the threshold is judged: by recording, and by ear, to which a threshold belongs.

B recordings of a chunk, N of a split, E ears.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch

from abr_model import logistic, metrics
from abr_model.physical import SHARE
from abr_model.series import ears_of, pooled_threshold
from abr_model.tasks.scores import Better, NumberScore
from curriculum.tasks import CLUSTER, Batch, Kept, TrivialPredictor, View

_EAR_MAE, _EAR_COVERAGE = "threshold/ear_mae_db", "threshold/ear_interval_coverage"


@attrs.frozen(eq=False)
class ThresholdScore:
    """The score of each recording's threshold, and that of ears from their recordings together."""

    recordings: NumberScore

    @property
    def view(self) -> View:
        """That of the recordings."""
        return self.recordings.view

    @property
    def better(self) -> Better:
        """Errors lower, shares higher."""
        return {**self.recordings.better, _EAR_MAE: "lower", _EAR_COVERAGE: "higher"}

    def keep(self, prediction: Any, inputs: Batch) -> Kept:
        """What the recordings' score keeps; distributions (B, 2) and labels (B), standardised."""
        label_B1 = inputs[self.recordings.label].reshape(-1, 1)
        return {
            **self.recordings.keep(prediction, inputs),
            "distribution": prediction[:, 0].double(),
            "label": self.recordings.units.standardise(label_B1)[:, 0].double(),
        }

    def error(self, kept: Kept) -> float | None:
        """Mean absolute error over recordings."""
        return self.recordings.error(kept)

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """By recording; by ear; and how many ears' intervals hold their threshold."""
        ears = ears_of(kept[CLUSTER])
        known_N = kept["label"].isfinite()
        label_E = ears.total(kept["label"].nan_to_num()) / ears.total(known_N)  # NaN: of none known
        scale_N = kept["distribution"][:, 1]
        even_N2 = torch.stack([kept["distribution"][:, 0], scale_N.nan_to_num(1.0)], -1)
        location_E, scale_E = pooled_threshold(even_N2, ears).unbind(-1)
        error_E = (location_E - label_E).abs()
        width_E = torch.where(ears.total(scale_N.isnan()) == 0, scale_E, torch.nan)
        inside_E = (error_E <= logistic.half_width(SHARE) * width_E).double()
        judged_E = error_E.isfinite() & width_E.isfinite()
        found = {
            _EAR_MAE: metrics.known_mean(self.recordings.units.lengths(error_E)),
            _EAR_COVERAGE: metrics.known_mean(inside_E.where(judged_E, torch.nan)),
        }
        by_ear = {name: value for name, value in found.items() if value is not None}
        return {**self.recordings.metrics(kept), **by_ear}

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """Those of the recordings: the median, which is also each ear's."""
        return self.recordings.trivial(train)
