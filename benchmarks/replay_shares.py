"""What the replay measures besides skill: each loss's share, and errors that bounds cause.

A share is a contribution divided by its planned weight times its ramp (law 10), averaged over
blocks of 25 steps; by size, since the Gaussian likelihood of then falls below zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from curriculum import gate
from curriculum import journal as journals
from curriculum.config import DataSummary
from curriculum.config.schema import Plan
from curriculum.plan import resolve
from curriculum.tasks import Assembly, DataSource
from curriculum.trainer.predicting import predict

BLOCK = 25
BOUNDS = {"peak_latency": ("wave_latency_ms", 8.0), "peak_amplitude": ("wave_amplitude_uv", 0.5)}
"""The label of a head that was bounded, and how far it reached."""


def blocks_of_losses(losses: Sequence[Mapping[str, float]]) -> list[dict[str, float]]:
    """Shares by block where every weight is 1: the losses themselves."""
    return [_mean(losses[start : start + BLOCK]) for start in range(0, len(losses), BLOCK)]


def blocks_of_run(journal: Path, plan: Plan, data: DataSource) -> list[dict[str, float]]:
    """Shares by block of a run, phase after phase, from the steps in its journal."""
    summary = DataSummary(fingerprint=data.fingerprint, train_size=len(data.splits["train"]))
    records = journals.live(journals.read(journal))
    found: list[dict[str, float]] = []
    for phase in resolve(plan, summary):
        steps = [r for r in records if r["event"] == "step" and r["phase"] == phase.name]
        shares = [_shares(record, gate.weights_at(phase, record["step"])) for record in steps]
        found += blocks_of_losses(shares)
    return found


def _shares(record: Mapping[str, Any], weights: Mapping[str, float]) -> dict[str, float]:
    return {
        task: contribution / weights[task]
        for task, contribution in record["contributions"].items()
        if record["losses"][task] is not None
    }


def _mean(parts: Sequence[Mapping[str, float]]) -> dict[str, float]:
    tasks = dict.fromkeys(task for part in parts for task in part)
    found = {}
    for task in tasks:
        values = [abs(part[task]) for part in parts if task in part]
        found[task] = math.fsum(values) / len(values)
    return found


def ratio(block: Mapping[str, float]) -> float:
    """The largest share over the smallest."""
    return max(block.values()) / max(min(block.values()), 1e-12)


def beyond(assembly: Assembly, data: DataSource) -> dict[str, dict[str, float]]:
    """Of validation labels that lie beyond a bound of then: their share, and how far off we are.

    `mae` is the mean absolute error of those labels, in ms or µV.
    """
    split = data.splits["validation"]
    tasks = [task for task in assembly.tasks if task.name in BOUNDS]
    errors: dict[str, list[torch.Tensor]] = {task.name: [] for task in tasks}
    counts = dict.fromkeys(errors, 0)
    for part in predict(assembly, tasks, split, 0, torch.device("cpu"), lambda *_: None):
        for task in tasks:
            label, bound = part.batch[BOUNDS[task.name][0]], BOUNDS[task.name][1]
            kept = task.score.keep(part.predictions[task.name], part.inputs[task.name])
            errors[task.name].append(kept["error"][label > bound])
            counts[task.name] += int(label.isfinite().sum())
    found = {}
    for name, parts in errors.items():
        far = torch.cat(parts)
        mae = float(far.mean()) if len(far) else math.nan
        found[name] = {"share": len(far) / max(1, counts[name]), "mae": mae}
    return found
