"""How denoising is judged: against the truth where it is known, else against other recordings.

B samples of a chunk, T points. Two recordings of one ear at one level differ by noise alone, so a
good denoiser of one comes nearer to the mean of the others than the recording itself does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import torch
from torch import Tensor

from abr_model import metrics
from abr_model.physical import denoised_uv
from abr_model.replicates import FEWEST_SWEEPS, replicate_correlation
from abr_model.standards import Standards
from abr_model.tasks.scores import Better
from curriculum.tasks import CLUSTER, Batch, Kept, TrivialPredictor, View

_RAW_SWEEPS = (500, 1000, 2000)


@attrs.frozen(eq=False)
class Estimate:
    """What a trivial predictor says a recording would be without noise, in µV, (B, T).

    `sweeps`: it stands for raw recordings of so many sweeps, which are judged by agreement with
    others, beside denoised ones of the fewest; not against the truth.
    """

    signal_BT: Tensor
    sweeps: int | None = None


@attrs.frozen(eq=False)
class SignalScore:
    """Mean squared error and correlation with the truth; correlation with replicates."""

    standards: Standards
    view: View

    @property
    def better(self) -> Better:
        """The error lower, all else higher."""
        names = ("correlation", "snr_gain_db", "replicate_correlation")
        higher = dict.fromkeys((f"signal/{name}" for name in names), "higher")
        return {"signal/mse_uv2": "lower", **higher}  # type: ignore[dict-item]

    def keep(self, prediction: Any, inputs: Batch) -> Kept:
        """A few numbers (B) of each recording; NaN where it cannot be judged so."""
        estimate_BT, recording_BT = self._estimate(prediction, inputs), inputs["recording_uv"]
        sweeps = prediction.sweeps if isinstance(prediction, Estimate) else FEWEST_SWEEPS
        truth_BT = inputs["truth_uv"].double()
        heard_B = truth_BT.abs().amax(1) > 0  # False for NaN
        nan = torch.full((len(estimate_BT),), torch.nan, dtype=torch.float64)
        correlation_B = torch.where(heard_B, metrics.correlation(estimate_BT, truth_BT), nan)
        error_B = (estimate_BT.double() - truth_BT).square().mean(1)
        if isinstance(prediction, Estimate) and sweeps is not None:
            error_B, correlation_B = nan, nan
        agreement_B = nan if sweeps is None else self._agreement(estimate_BT, inputs, sweeps)
        return {
            "error": error_B,
            "raw_error": (recording_BT.double() - truth_BT).square().mean(1),
            "correlation": correlation_B,
            "agreement": agreement_B,
            CLUSTER: inputs["subject"],
        }

    def error(self, kept: Kept) -> float | None:
        """Mean squared error against the truth, µV²."""
        return metrics.known_mean(kept["error"])

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """Against the truth, and against replicates: the mean over subjects of each one's mean."""
        found: dict[str, float | None] = {}
        if (error := metrics.known_mean(kept["error"])) is not None:
            found["signal/mse_uv2"] = error
            found["signal/correlation"] = metrics.known_mean(kept["correlation"])
            raw = metrics.known_mean(kept["raw_error"])
            found["signal/snr_gain_db"] = metrics.decibels(raw, error)
        by_subject = metrics.mean_by(kept["agreement"], kept[CLUSTER])
        if by_subject:
            found["signal/replicate_correlation"] = metrics.mean(by_subject.values())
        return {name: value for name, value in found.items() if value is not None}

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """No response at all; the recording itself; raw recordings of more sweeps."""
        del train
        return {
            "zero": lambda inputs: Estimate(torch.zeros_like(inputs["recording_uv"])),
            "raw": lambda inputs: Estimate(inputs["recording_uv"]),
            **{f"raw {sweeps} sweeps": _raw(sweeps) for sweeps in _RAW_SWEEPS},
        }

    def _estimate(self, prediction: Any, inputs: Batch) -> Tensor:
        if isinstance(prediction, Estimate):
            return prediction.signal_BT
        return denoised_uv(inputs["x"], inputs["time"], prediction, self.standards)

    def _agreement(self, estimate_BT: Tensor, inputs: Batch, sweeps: int) -> Tensor:
        return replicate_correlation(
            estimate_BT,
            inputs["replicates_uv"],
            level_B=inputs["level_db"],
            sweeps_B=inputs["sweeps"],
            sweeps=sweeps,
        ).where(~inputs["has_truth"], torch.nan)


def _raw(sweeps: int) -> TrivialPredictor:
    return lambda inputs: Estimate(inputs["recording_uv"], sweeps)
