"""What a plan's data have to learn from: `plan --data`. Loads the data and builds the model."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from curriculum.config import Kinds, LoadedPlan
from curriculum.events import Heartbeat, Observer
from curriculum.plan import PlannedPhase
from curriculum.run.assemble import build_seeded, load_data, require_trust
from curriculum.tasks import Batch, Describing, Target, Task


def describe_data(
    loaded: LoadedPlan,
    kinds: Kinds,
    phases: Sequence[PlannedPhase],
    observer: Observer,
    *,
    trust: bool = False,
) -> dict[str, Any]:
    """What `plan --data --json` has under `data`: every target of every task, in the model's order.

    Raises:
        UsageError: the plan names code that nobody said may be imported.
        DataError: the data cannot be read.
    """
    require_trust(loaded, trust=trust)
    observer.on_event(Heartbeat(doing="loading data", done=0, of=None))
    data = load_data(loaded.plan.data, kinds, loaded.plan.seed)
    observer.on_event(Heartbeat(doing="measuring targets", done=0, of=None))
    assembly = build_seeded(loaded, kinds, data)
    split = data.splits["train"]
    train, samples = split.batch(np.arange(len(split))), len(split)
    targets: list[dict[str, Any]] = []
    for task in assembly.tasks:
        on = [phase for phase in phases if task.name in phase.weights]
        batches = sorted({phase.training.global_batch for phase in on})
        problem = task.objection(train)
        found = [_as_json(target, samples, batches) for target in _targets(task, train)]
        targets += [{"task": task.name, **each, "problem": problem} for each in found]
    notices = [*data.notices, *assembly.notices]
    return {"train_samples": samples, "targets": targets, "notices": notices}


def _as_json(target: Target, samples: int, batches: Sequence[int]) -> dict[str, Any]:
    return {
        "name": target.name,
        "labels": target.labels,
        "share": target.labels / samples,
        "zero": target.zero,
        "scale": target.scale,
        "classes": [
            {
                "name": name,
                "samples": count,
                "share": count / max(1, target.labels),
                "none_in_batch": {str(b): none_in_batch(samples, count, b) for b in batches},
            }
            for name, count in target.classes.items()
        ],
        "remark": target.remark,
    }


def none_in_batch(samples: int, count: int, batch: int) -> float:
    """The chance that a global batch holds none of `count` samples of a split.

    Hypergeometric, since an epoch is a permutation: C(samples - count, batch) / C(samples, batch).
    """
    others = samples - count
    if batch > others:
        return 0.0 if count else 1.0
    return math.exp(_log_ways(others, batch) - _log_ways(samples, batch))


def _log_ways(among: int, chosen: int) -> float:
    """Log C(among, chosen)."""
    return math.lgamma(among + 1) - math.lgamma(chosen + 1) - math.lgamma(among - chosen + 1)


def _targets(task: Task, train: Batch) -> Sequence[Target]:
    if isinstance(task, Describing):
        return task.targets(train)
    return [Target(name=task.name, labels=int(task.count(train)))]
