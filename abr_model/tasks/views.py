"""How the tasks see a recording: noised to a diffusion time, or as it was observed.

Each view adds the trunk's input to the batch: `x` (B, T) in standardised units, `time` (B), and
`statics` (B, S), NaN where a parameter is missing.
"""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from torch import Tensor

from abr_model import diffusion
from abr_model.conditioning import STATICS, statics_of
from abr_model.standards import Standards
from curriculum.tasks import Batch, Draws

HIDDEN_SHARE = 0.1
"""Of samples in which a static parameter is not told, so that its absence is learned."""


@attrs.frozen(eq=False)
class ObservedView:
    """The recording as it is, at time 0."""

    standards: Standards
    name: str = "observed"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """`x` is the recording."""
        del draws
        return _observed(batch, self.standards, statics_of(batch, self.standards.signal_uv))


@attrs.frozen(eq=False)
class PartlyObservedView:
    """The recording as it is, of which not every static parameter is told.

    What tasks are trained on, so that "missing" is learned; they are judged by `ObservedView`.
    """

    standards: Standards
    name: str = "partly observed"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """`x` is the recording; some static parameters are NaN."""
        return _observed(batch, self.standards, _partly_hidden(batch, self.standards, draws))


@attrs.frozen(eq=False)
class NoisedView:
    """The recording noised to a random time, and the `velocity` (B, T) to predict.

    A recording whose truth is known is asked for it. Of one without, half-average A is the input
    and half-average B the target (Lehtinen et al. 2018, "Noise2Noise", arXiv 1803.04189): B's noise
    is independent of A's, so the expected target is the truth. One that has neither is its own
    target, as if it had no noise. Times lie denser near t*, where recordings are denoised.
    """

    standards: Standards
    name: str = "noised"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """`x` at `time`, its `velocity`, and its weight in the loss, `min_snr` (B)."""
        truth_B, whole_BT = batch["has_truth"], batch["recording_uv"]
        halves_B = batch["half_a_uv"].isfinite().all(1) & batch["half_b_uv"].isfinite().all(1)
        pair_B1 = (halves_B & ~truth_B)[:, None]
        signal_BT = torch.where(pair_B1, batch["half_a_uv"], whole_BT)
        clean_BT = torch.where(pair_B1, batch["half_b_uv"], whole_BT)
        clean_BT = torch.where(truth_B[:, None], batch["truth_uv"], clean_BT)
        sigma_B = own_noise(batch, self.standards) * torch.where(pair_B1[:, 0], 2**0.5, 1.0)
        sigma_B = torch.where(truth_B | halves_B, sigma_B, 0.0)
        start_B = diffusion.time_of_noise(sigma_B)
        time_B = start_B + (diffusion.LAST - start_B) * draws.uniform("time").square()
        noise_BT = draws.normal("noise", signal_BT.shape[1]) @ self.standards.colour.T
        signal_BT = self.standards.signal_uv.standardise(signal_BT)
        clean_BT = self.standards.signal_uv.standardise(clean_BT)
        x_BT = diffusion.noised(signal_BT, sigma_B, time_B, noise_BT)
        return {
            **batch,
            "x": x_BT,
            "statics": _partly_hidden(batch, self.standards, draws),
            "time": time_B,
            "velocity": diffusion.velocity(x_BT, clean_BT, time_B),
            "min_snr": diffusion.min_snr_weight(time_B),
        }


@attrs.frozen(eq=False)
class DenoiseView:
    """The recording at the time t* that its own noise stands for: one step away from clean."""

    standards: Standards
    name: str = "denoise"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """`x` is √ᾱ(t*) times the recording; `replicates_uv` are there to judge by."""
        del draws
        time_B = diffusion.time_of_noise(own_noise(batch, self.standards))
        root_B1 = diffusion.alpha_bar(time_B).sqrt()[:, None]
        x_BT = root_B1 * self.standards.signal_uv.standardise(batch["recording_uv"])
        # Asked for by name: the data derives it only where it is needed.
        replicates_BT = batch["replicates_uv"]
        statics_BS = statics_of(batch, self.standards.signal_uv)
        seen = {"x": x_BT, "time": time_B, "statics": statics_BS}
        return {**batch, "replicates_uv": replicates_BT, **seen}


def _observed(batch: Batch, standards: Standards, statics_BS: Tensor) -> Batch:
    x_BT = standards.signal_uv.standardise(batch["recording_uv"])
    return {**batch, "x": x_BT, "time": x_BT.new_zeros(x_BT.shape[0]), "statics": statics_BS}


def _partly_hidden(batch: Batch, standards: Standards, draws: Draws) -> Tensor:
    """The static parameters, each hidden in a share of samples, and all in as many again."""
    draw_BS = draws.uniform("hidden", len(STATICS) + 1)
    hide_BS = (draw_BS[:, 1:] < HIDDEN_SHARE) | (draw_BS[:, :1] < HIDDEN_SHARE)
    return statics_of(batch, standards.signal_uv).masked_fill(hide_BS, torch.nan)


def own_noise(batch: Mapping[str, Tensor], standards: Standards) -> Tensor:
    """σ of a recording's residual noise in standardised units, (B); 0 where it is not known."""
    return standards.signal_uv.standardise(batch["noise_uv"]).nan_to_num()
