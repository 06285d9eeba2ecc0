"""A trained run judged on held-out subjects, beside trivial and classical predictions.

N recordings of the test split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import numpy as np
import torch
from torch import Tensor

from abr_model.config import ABR_KINDS
from abr_model.standards import Standards
from benchmarks.baselines import fit_baselines
from benchmarks.trained import Trained
from curriculum.events import Event
from curriculum.run.judge import judge
from curriculum.run.restored import Restored, restore_run
from curriculum.tasks import Batch, Task
from curriculum.trainer.predicting import predict

SPLIT = "test"


@attrs.frozen(kw_only=True)
class Beside:
    """What another predictor reaches: its name and its value."""

    name: str
    value: float


@attrs.frozen(kw_only=True, eq=False)
class Judged:
    """One run. Metrics by name; predictions (N, ...) by task, with the labels (N, ...)."""

    metrics: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]]
    skill: Mapping[str, float]
    better: Mapping[str, str]
    trivial: Mapping[str, Beside]
    classical: Mapping[str, Beside]
    others: Mapping[str, Mapping[str, float]]  # all classical methods, by metric and name
    predictions: Mapping[str, Tensor]
    labels: Mapping[str, Tensor]
    standards: Standards


class Quiet:
    """Observes nothing."""

    def on_event(self, event: Event) -> None:
        """Nothing."""
        del event


def judge_run(run: Trained, resamples: int) -> Judged:
    """Judge the model, fit the baselines to its training split, and judge them too."""
    found = judge(
        run.folder, run.loaded, ABR_KINDS, Quiet(), split=SPLIT, threads=1, resamples=resamples
    )
    restored = restore_run(run.folder, run.loaded, ABR_KINDS, Quiet(), threads=1)
    better = {name: way for task in restored.tasks for name, way in task.score.better.items()}
    standards = standards_of(restored)
    train, test = whole(restored, "train"), whole(restored, SPLIT)
    baselines = fit_baselines(train)
    on_train, on_test = (
        scores(restored.tasks, batch, baselines.predictions(batch, standards))
        for batch in (train, test)
    )
    return Judged(
        metrics=found["metrics"],
        intervals={name: (low, high) for name, (low, high) in found["intervals"].items()},
        skill=found["skill"],
        better=better,
        trivial={name: best_of(by, by, better[name]) for name, by in found["trivial"].items()},
        classical={
            name: best_of(on_train.get(name, by), by, better[name]) for name, by in on_test.items()
        },
        others=on_test,
        predictions=predictions(restored),
        labels={name: test[name] for name in _LABELS},
        standards=standards,
    )


_LABELS = (
    "hearing_class",
    "wave_present",
    "wave_latency_ms",
    "wave_amplitude_uv",
    "threshold_db",
    "subject",
)


def standards_of(restored: Restored) -> Standards:
    """The constants that the model was trained with."""
    return Standards.of_state(restored.assembly.model.state_dict())


def whole(restored: Restored, split: str) -> Batch:
    """All of a split."""
    here = restored.data.splits[split]
    return here.batch(np.arange(len(here)))


def predictions(restored: Restored) -> dict[str, Tensor]:
    """What the model says of the held-out split, by task."""
    split = restored.data.splits[SPLIT]
    parts = list(
        predict(
            restored.assembly,
            restored.tasks,
            split,
            0,
            torch.device("cpu"),
            lambda done, of: None,  # noqa: ARG005 - nobody watches
        )
    )
    names = [task.name for task in restored.tasks]
    return {name: torch.cat([part.predictions[name] for part in parts]) for name in names}


def scores(
    tasks: Sequence[Task], batch: Batch, said: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, float]]:
    """The metrics of predictions that need no model, by metric and method."""
    found: dict[str, dict[str, float]] = {}
    for task in tasks:
        inputs = task.score.view.prepare(batch, _NoDraws())
        for method, prediction in said[task.name].items():
            kept = task.score.keep(prediction, inputs)
            for metric, value in task.score.metrics(kept).items():
                found.setdefault(metric, {})[method] = value
    return found


def best_of(chosen_by: Mapping[str, float], by: Mapping[str, float], better: str) -> Beside:
    """The method that is best by one set of values, with its value in another."""
    pick = max if better == "higher" else min
    name = pick(chosen_by, key=lambda each: chosen_by[each])
    return Beside(name=name, value=by[name])


class _NoDraws:
    """The views by which tasks are judged draw nothing."""

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Never asked for."""
        raise NotImplementedError(name, shape)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Never asked for."""
        raise NotImplementedError(name, shape)
