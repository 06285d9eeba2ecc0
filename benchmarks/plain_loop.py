"""A plain torch loop: all losses added up with weight 1, a clipped gradient, AdamW; and a record.

Data, views, order of samples, dropout, optimizer, learning rate and batch are those of our plans.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from benchmarks.historic import HIGHEST, LOWEST, NumbersThen
from curriculum.sampling import Drawn, Order, Place, SampleDraws
from curriculum.tasks import Assembly, DataSource
from curriculum.trainer.evaluation import Evaluator

LOOKED_AT = (1, 25, 100, 250, 500, 1000)
"""Steps at which the trunk's gradient is taken apart; the last one is always looked at."""


@attrs.frozen(kw_only=True)
class Settings:
    """Those of a plan's `defaults`."""

    steps: int
    learning_rate: float
    weight_decay: float
    warmup: int  # steps, linear; then half a cosine down to 0 at the end
    clip: float
    batch: int

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 1."""
        if step <= self.warmup:
            return self.learning_rate * step / self.warmup
        done = (step - 1 - self.warmup) / max(1, self.steps - self.warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * done))


@attrs.frozen(kw_only=True)
class Look:
    """What a step looked like from inside, by task."""

    losses: Mapping[str, float]
    trunk: Mapping[str, float]  # the norm of each loss's gradient on the trunk
    low: Mapping[str, float]  # share of a likelihood's spreads at its lower clamp
    high: Mapping[str, float]  # and at its upper one: there the gradient is zero


@attrs.frozen(kw_only=True)
class Trained:
    """What a loop came to."""

    losses: list[Mapping[str, float]]  # of every step
    looks: Mapping[int, Look]
    skill: Mapping[str, float]
    metrics: Mapping[str, float]
    trivial: Mapping[str, Mapping[str, float]]


def train(assembly: Assembly, data: DataSource, seed: int, settings: Settings) -> Trained:
    """Train, and judge on the validation split. Ends early where the total is not finite."""
    model, split = assembly.model, data.splits["train"]
    optimizer = torch.optim.AdamW(
        model.parameters(), settings.learning_rate, weight_decay=settings.weight_decay
    )
    place = Place(seed, 0)
    order = Order(place, len(split))
    losses: list[Mapping[str, float]] = []
    looks: dict[int, Look] = {}
    model.train()
    for step in range(1, settings.steps + 1):
        drawn = order.batch(step, settings.batch)
        place.seed_dropout(step, 0)
        parts, said = _forward(assembly, split.batch(drawn.samples), place, drawn)
        losses.append({task: float(loss.detach()) for task, loss in parts.items()})
        if step in LOOKED_AT or step == settings.steps:
            looks[step] = _look(model, parts, said, losses[-1])
        total = torch.stack(list(parts.values())).sum()
        if not bool(total.isfinite()):
            break
        for group in optimizer.param_groups:
            group["lr"] = settings.rate(step)
        optimizer.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip)
        optimizer.step()
    found = Evaluator(assembly, split, data.splits, seed, torch.device("cpu")).evaluate(
        assembly.tasks, "validation"
    )
    return Trained(
        losses=losses, looks=looks, skill=found.skill, metrics=found.metrics, trivial=found.trivial
    )


def _forward(
    assembly: Assembly, batch: Any, place: Place, drawn: Drawn
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The mean loss and the prediction of each task."""
    model: Any = assembly.model
    losses: dict[str, Tensor] = {}
    said: dict[str, Any] = {}
    for view in {task.view.name: task.view for task in assembly.tasks}.values():
        seen = [task for task in assembly.tasks if task.view.name == view.name]
        inputs = view.prepare(batch, SampleDraws(place, drawn, f"train/{view.name}"))
        features = model.features(inputs, frozenset[str]().union(*(task.reads for task in seen)))
        for task in seen:
            if (count := task.count(batch)) > 0:
                said[task.name] = model.heads[task.name](features)
                losses[task.name] = task.loss_sum(said[task.name], inputs) / count
    return losses, said


def _look(
    model: nn.Module, parts: Mapping[str, Tensor], said: Mapping[str, Any], losses: Any
) -> Look:
    trunk = [p for name, p in model.named_parameters() if not name.startswith("heads.")]
    norms: dict[str, float] = {}
    for task, loss in parts.items():
        gradients = torch.autograd.grad(loss, trunk, retain_graph=True, allow_unused=True)
        known = [gradient for gradient in gradients if gradient is not None]
        norms[task] = float(torch.nn.utils.get_total_norm(known))
    spreads = dict(_spreads(model, said))
    return Look(
        losses=losses,
        trunk=norms,
        low={task: _share(spread <= LOWEST) for task, spread in spreads.items()},
        high={task: _share(spread >= HIGHEST) for task, spread in spreads.items()},
    )


def _spreads(model: Any, said: Mapping[str, Any]) -> Iterator[tuple[str, Tensor]]:
    """The log standard deviations of heads with the likelihood of then."""
    for task, prediction in said.items():
        head = model.heads[task]
        if isinstance(head, NumbersThen) and head.choices.gaussian:
            yield task, prediction["spread"].detach()


def _share(where: Tensor) -> float:
    return float(where.float().mean())
