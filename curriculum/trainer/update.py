"""One optimizer step: from a global batch to new weights, or to a reason to make none."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import torch
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from curriculum.balance import Balance, Term
from curriculum.plan import PlannedPhase
from curriculum.sampling import Drawn, Place
from curriculum.state import OptimizerState
from curriculum.trainer.differentiate import Differentiator
from curriculum.trainer.objective import Losses, Objective, check_finite, gather
from curriculum.trainer.optim import (
    export_state,
    import_state,
    make_optimizer,
    set_learning_rate,
    trained_parameters,
)


@attrs.frozen(kw_only=True)
class Differentiated:
    """A global batch's losses; the gradients that came of them are with the parameters."""

    found: Losses
    clipped: bool
    task_norms: Mapping[str, float]  # of raw losses' gradients, where the balance measures them


class Updater:
    """Makes the optimizer steps of one phase's attempt."""

    def __init__(
        self, objective: Objective, balance: Balance, phase: PlannedPhase, place: Place
    ) -> None:
        self._model, self._phase = objective.assembly.model, phase
        self._device = objective.device
        self.parameters = trained_parameters(self._model, phase.weights)
        self.optimizer = make_optimizer(phase.training, self.parameters)
        self._differentiate = Differentiator(objective, balance, phase, place, self.parameters)

    def differentiate(
        self, weights: Mapping[str, float], terms: Mapping[str, Term], drawn: Drawn, step: int
    ) -> Differentiated:
        """Gradients of a global batch, clipped; heads that warm up do so on a frozen trunk.

        Raises:
            Unsound: a loss or the gradient is not finite.
        """
        warms_up = step <= self._phase.warmup_steps
        self._set_mode(warms_up=warms_up)
        sums, norms = self._differentiate(weights, terms, drawn, step, frozen_trunk=warms_up)
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        norm = get_total_norm(gradients).to(self._device)
        found = gather(sums, weights, terms, norm)
        check_finite(found, self.parameters, self._phase.name, step)
        limit = self._phase.training.gradient_clip
        clipped = limit is not None and found.gradient_norm > limit
        if limit is not None and clipped:
            clip_grads_with_norm_(self.parameters.values(), limit, norm)
        return Differentiated(found=found, clipped=clipped, task_norms=norms)

    def apply(self, learning_rate: float) -> None:
        """Let the optimizer use the gradients."""
        set_learning_rate(self.optimizer, learning_rate)
        self.optimizer.step()
        self.discard()

    def discard(self) -> None:
        """Drop the gradients."""
        self.optimizer.zero_grad(set_to_none=True)

    def export_state(self) -> OptimizerState:
        """What the optimizer remembers."""
        return export_state(self._phase.training.optimizer.kind, self.optimizer, self.parameters)

    def import_state(self, saved: OptimizerState) -> bool:
        """Take over what an optimizer remembered; False where it was of another kind."""
        kind = self._phase.training.optimizer.kind
        return import_state(saved, kind, self.optimizer, self.parameters)

    def _set_mode(self, *, warms_up: bool) -> None:
        """While heads warm up, all but they stand still: no dropout, no statistics of batches."""
        if warms_up:
            self._model.eval()
            for task in self._phase.turned_on:
                self._model.get_submodule(f"heads.{task}").train()
        elif not self._model.training:
            self._model.train()


class Statistics:
    """The model's buffers before a step, which a step that is left out may have spoilt."""

    def __init__(self, model: nn.Module) -> None:
        self._kept = [(buffer, buffer.clone()) for buffer in model.buffers()]

    def restore(self) -> None:
        """Put them back."""
        with torch.no_grad():
            for buffer, kept in self._kept:
                buffer.copy_(kept)
