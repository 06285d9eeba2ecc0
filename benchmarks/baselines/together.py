"""All baselines together, in the form in which the model's scores take predictions.

N recordings, W waves, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor

from abr_model.standards import Standards
from abr_model.tasks.signal_score import Estimate
from benchmarks.baselines.columns import Columns, columns_of
from benchmarks.baselines.correlating import (
    Criterion,
    fit_criterion,
    fit_ears,
    half_correlation,
)
from benchmarks.baselines.denoising import (
    BandPass,
    Denoiser,
    LinearEstimator,
    Wiener,
    fit_band_pass,
    fit_linear,
    fit_wiener,
)
from benchmarks.baselines.guessing import ThresholdGuess, fit_guess
from benchmarks.baselines.hearing import HearingClassifier, fit_classifier
from benchmarks.baselines.picking import PRESENT_RATIO, PeakPicker, fit_picker
from curriculum.standardise import Units


@attrs.frozen(kw_only=True, eq=False)
class Baselines:
    """Classical methods, tuned on a training split."""

    picker: PeakPicker
    criterion: Criterion
    classifier: HearingClassifier
    guess: ThresholdGuess
    band: BandPass
    wiener: Wiener
    linear: LinearEstimator

    def predictions(
        self, batch: Mapping[str, Tensor], standards: Standards
    ) -> dict[str, dict[str, Any]]:
        """Predictions by task and by method, for a whole split at once.

        Numbers come without an interval. `threshold` by `correlation` is that of the ear.
        """
        columns = columns_of(batch)
        picked = self.picker.pick(columns)
        ratio_NW = np.maximum(picked.ratio, 1e-3) / PRESENT_RATIO
        latency, amplitude = standards.wave_latency_ms, standards.wave_amplitude_uv
        correlation_N = half_correlation(columns, self.picker.high_hz)
        guess_N = self.guess.guess_db(columns, picked, correlation_N)
        ear_N = ear_thresholds(columns, correlation_N, self.criterion)
        denoisers: dict[str, Denoiser] = {
            "band-pass": self.band,
            "Wiener": self.wiener,
            "linear MMSE": self.linear,
        }
        return {
            "signal": {
                name: Estimate(_tensor(each.denoise(columns))) for name, each in denoisers.items()
            },
            "classification": {
                "logistic regression": _tensor(self.classifier.scores(columns, picked))
            },
            "peak_existence": {"3:1 rule": _tensor(np.log(ratio_NW))},
            "peak_latency": {"peak picking": _numbers(picked.latency_ms, latency)},
            "peak_amplitude": {"peak picking": _numbers(picked.amplitude_uv, amplitude)},
            "threshold": {
                "one recording": _numbers(guess_N[:, None], standards.threshold_db),
                "correlation": _numbers(ear_N[:, None], standards.threshold_db),
            },
        }


def fit_baselines(batch: Mapping[str, Tensor]) -> Baselines:
    """Tune all of them on a training split."""
    columns = columns_of(batch)
    picker = fit_picker(columns)
    picked = picker.pick(columns)
    correlation_N = half_correlation(columns, picker.high_hz)
    return Baselines(
        picker=picker,
        criterion=fit_criterion(columns, fit_ears(columns, correlation_N)),
        classifier=fit_classifier(columns, picked),
        guess=fit_guess(columns, picked, correlation_N),
        band=fit_band_pass(columns),
        wiener=fit_wiener(columns),
        linear=fit_linear(columns),
    )


def ear_thresholds(columns: Columns, correlation_N: np.ndarray, criterion: Criterion) -> np.ndarray:
    """(N,) the threshold of each recording's ear, in dB nHL; NaN where it has no half-averages."""
    ears = {
        ear: curve.threshold_db(criterion)
        for ear, curve in fit_ears(columns, correlation_N).items()
    }
    return np.array([ears.get(int(subject), np.nan) for subject in columns["subject"]])


def _numbers(values: ArrayLike, units: Units) -> Tensor:
    """Values (N, columns) as distributions (N, columns, 2) without a scale."""
    location = units.standardise(_tensor(values))
    return torch.stack([location, torch.full_like(location, torch.nan)], -1)


def _tensor(values: ArrayLike) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
