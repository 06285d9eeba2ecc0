"""What the heads say, in the units that people use.

B recordings, W waves, K classes. A number comes as (…, 3): the most likely value, and the ends of
the central 95 % interval of its logistic distribution.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from abr_model import diffusion, logistic
from abr_model.standards import Standards
from curriculum.standardise import Units

SHARE = 0.95


def physical(predictions: Mapping[str, Tensor], standards: Standards) -> dict[str, Tensor]:
    """Predictions of the tasks that read the recording as observed, by the name of the quantity.

    - `class_probability`, `class_balanced` (B, K): with the training split's shares of the classes,
      and as if all that occur there were equally frequent
    - `wave_probability` (B, W): that it is there
    - `wave_latency_ms`, `wave_amplitude_uv` (B, W, 3): if it is there
    - `threshold_db` (B, 3)

    Of `classification` it wants logarithms of likelihoods, which no prior is in, as
    `tasks.hearing.without_prior` makes them of logits. Quantities of tasks that are not among the
    predictions are left out.
    """
    found: dict[str, Tensor] = {}
    if "classification" in predictions:
        score_BK = predictions["classification"]
        found["class_probability"] = with_prior(score_BK, standards).softmax(1)
        found["class_balanced"] = balanced(score_BK, standards).softmax(1)
    if "peak_existence" in predictions:
        found["wave_probability"] = predictions["peak_existence"].sigmoid()
    numbers = {
        "peak_latency": ("wave_latency_ms", standards.wave_latency_ms),
        "peak_amplitude": ("wave_amplitude_uv", standards.wave_amplitude_uv),
        "threshold": ("threshold_db", standards.threshold_db),
    }
    for task, (name, units) in numbers.items():
        if task in predictions:
            found[name] = with_interval(predictions[task], units)
    if "threshold_db" in found:
        found["threshold_db"] = found["threshold_db"][:, 0]
    return found


def with_prior(score_BK: Tensor, standards: Standards) -> Tensor:
    """Balanced scores to logits of the classes as frequent as in the training split."""
    prior_K = standards.class_prior.to(score_BK.device).clamp_min(1e-8)
    return score_BK + prior_K.log().to(score_BK.dtype)


def balanced(score_BK: Tensor, standards: Standards) -> Tensor:
    """Scores of classes as if all were equally frequent; of those never seen in training, -inf."""
    seen_K = standards.class_prior.to(score_BK.device) > 0
    return score_BK.where(seen_K | ~seen_K.any(), -torch.inf)


def with_interval(distribution: Tensor, units: Units) -> Tensor:
    """Logistic distributions (B, columns, 2) to values and their intervals, (B, columns, 3)."""
    location, scale = distribution.unbind(-1)
    value = units.physical(location)
    width = units.lengths(logistic.half_width(SHARE) * scale)
    return torch.stack([value, value - width, value + width], -1)


def denoised_uv(x_BT: Tensor, time_B: Tensor, velocity_BT: Tensor, standards: Standards) -> Tensor:
    """Recordings without their noise, µV, from what the `denoise` view gives and the head says."""
    return standards.signal_uv.physical(diffusion.denoised(x_BT, velocity_BT, time_B))
