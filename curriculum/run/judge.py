"""A run's newest checkpoint judged on a split of its own data, or of other data."""

from __future__ import annotations

from typing import Any

import torch

from curriculum.config import Kinds, LoadedPlan
from curriculum.config.schema import Choice
from curriculum.errors import UsageError
from curriculum.events import Heartbeat, Observer, Warned
from curriculum.run.assemble import load_data
from curriculum.run.folder import RunFolder
from curriculum.run.restored import Restored, restore_run
from curriculum.tasks import DataSource
from curriculum.trainer.evaluation import Evaluator


def judge(
    folder: RunFolder,
    loaded: LoadedPlan,
    kinds: Kinds,
    observer: Observer,
    *,
    data: Choice | None = None,
    split: str | None = None,
    device: str = "cpu",
    threads: int | None = None,
    trust: bool = False,
    resamples: int = 0,
) -> dict[str, Any]:
    """What `evaluate --json` says. `data` is other data than the run's.

    `resamples` bootstrap resamples give the 95 % intervals; 0 for none.

    Raises:
        CheckpointError: the run has no valid checkpoint.
        UsageError: the data has no such split.
    """
    run = restore_run(folder, loaded, kinds, observer, device=device, threads=threads, trust=trust)
    return judge_restored(
        run, loaded, kinds, observer, data=data, split=split, device=device, resamples=resamples
    )


def judge_restored(
    run: Restored,
    loaded: LoadedPlan,
    kinds: Kinds,
    observer: Observer,
    *,
    data: Choice | None = None,
    split: str | None = None,
    device: str = "cpu",
    resamples: int = 0,
) -> dict[str, Any]:
    """As `judge`, of a run that is restored already."""
    plan, state, tasks = loaded.plan, run.state, run.tasks
    source = run.data if data is None else load_data(data, kinds, plan.seed, trained_on=False)
    name = require_split(source, split)
    for notice in source.notices:
        observer.on_event(Warned(message=notice))
    evaluator = Evaluator(
        run.assembly, run.data.splits["train"], source.splits, plan.seed, torch.device(device)
    )
    found = evaluator.evaluate(
        tasks,
        name,
        lambda done, of: observer.on_event(Heartbeat(doing="evaluating", done=done, of=of)),
        resamples=resamples,
        clusters=source.cluster_names,
    )
    return {
        "experiment": plan.experiment,
        "data": str(data.settings.path) if data is not None else plan.data.kind,
        "split": name,
        "phase": state.phase,
        "step": state.step,
        "metrics": dict(found.metrics),
        "trivial": {metric: dict(values) for metric, values in found.trivial.items()},
        "skill": dict(found.skill),
        "intervals": {name: list(bounds) for name, bounds in found.intervals.items()},
        "groups": {task.name: task.group for task in tasks},
    }


def require_split(source: DataSource, split: str | None) -> str:
    """The name of a split; the one that the data holds out where none is given.

    Raises:
        UsageError: the data has no such split.
    """
    name = split or source.held_out
    if name not in source.splits:
        raise UsageError(
            "the split must be one that the data has",
            found=repr(name),
            hint=f"It has {', '.join(source.splits)}",
        )
    return name
