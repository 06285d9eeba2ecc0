"""From what was kept of a split to metrics, skill and intervals. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import fmean
from typing import cast

import attrs
import numpy as np
from torch import Tensor

from curriculum.errors import CurriculumError
from curriculum.sampling import Place
from curriculum.tasks import CLUSTER, Kept, Score, Task
from curriculum.trainer.resampling import resampled_rows

FEW = 12
"""Clusters up to which each one is reported by itself."""


@attrs.frozen(kw_only=True)
class Result:
    """What an evaluation found; see `curriculum.events.Evaluated`.

    `intervals` holds 95 % bounds of metrics and of `<task>/skill`, where they were asked for.
    """

    losses: Mapping[str, float | None]
    metrics: Mapping[str, float]
    trivial: Mapping[str, Mapping[str, float]]
    skill: Mapping[str, float]
    intervals: Mapping[str, tuple[float, float]] = attrs.field(
        factory=dict[str, tuple[float, float]]
    )


@attrs.frozen(kw_only=True)
class Judged:
    """What was kept of a split, by task; and for trivial predictions, by task and predictor."""

    kept: Mapping[str, Kept]
    trivial: Mapping[str, Mapping[str, Kept]]


def judge(tasks: Sequence[Task], losses: Mapping[str, float | None], judged: Judged) -> Result:
    """Metrics, trivial scores and skill.

    Raises:
        CurriculumError: a metric is not finite.
    """
    metrics: dict[str, float] = {}
    trivial: dict[str, dict[str, float]] = {}
    skill: dict[str, float] = {}
    for task in tasks:
        score, here, beside = task.score, judged.kept[task.name], judged.trivial[task.name]
        metrics.update(_checked(task, score.metrics(here)))
        for by, theirs in beside.items():
            for metric, value in score.metrics(theirs).items():
                trivial.setdefault(metric, {})[by] = value
        if (found := skill_of(score, here, beside.values())) is not None:
            skill[task.name] = found
    return Result(losses=losses, metrics=metrics, trivial=trivial, skill=_with_groups(tasks, skill))


def skill_of(score: Score, kept: Kept, beside: Iterable[Kept]) -> float | None:
    """1 - error / (best trivial error); None where nothing can be judged, or trivial is perfect."""
    error = score.error(kept)
    trivial = [found for each in beside if (found := score.error(each)) is not None]
    best = min(trivial, default=None)
    return None if error is None or not best else 1.0 - error / best


def with_clusters(
    result: Result, tasks: Sequence[Task], judged: Judged, names: Sequence[str]
) -> Result:
    """The result with the metrics of each cluster, `group/metric[name]`, where there are few."""
    metrics = dict(result.metrics)
    trivial = {metric: dict(values) for metric, values in result.trivial.items()}
    for task in tasks:
        for cluster, rows in _few_clusters(judged.kept[task.name]):
            here = task.score.metrics(_at(judged.kept[task.name], rows))
            metrics |= {f"{metric}[{names[cluster]}]": value for metric, value in here.items()}
            for by, theirs in judged.trivial[task.name].items():
                for metric, value in task.score.metrics(_at(theirs, rows)).items():
                    trivial.setdefault(f"{metric}[{names[cluster]}]", {})[by] = value
    return attrs.evolve(result, metrics=metrics, trivial=trivial)


def _few_clusters(kept: Kept) -> Iterator[tuple[int, Tensor]]:
    """Each cluster's number and rows, where there are at least two and not many."""
    if CLUSTER not in kept:
        return
    numbers = cast("list[int]", kept[CLUSTER].unique().tolist())
    if 2 <= len(numbers) <= FEW:
        for number in numbers:
            yield number, kept[CLUSTER] == number


def with_intervals(
    result: Result, tasks: Sequence[Task], judged: Judged, place: Place, resamples: int
) -> Result:
    """The result with 95 % intervals, by drawing whole clusters again and again."""
    intervals: dict[str, tuple[float, float]] = {}
    for task in tasks:
        kept, beside = judged.kept[task.name], judged.trivial[task.name]
        intervals |= _intervals(task, kept, beside, place, resamples)
    return attrs.evolve(result, intervals=intervals)


def _intervals(
    task: Task, kept: Kept, beside: Mapping[str, Kept], place: Place, resamples: int
) -> dict[str, tuple[float, float]]:
    """95 % bounds of a task's metrics and skill: percentiles over resampled clusters."""
    found: dict[str, list[float]] = {}
    for rows, draw in resampled_rows(kept, place, resamples):
        here = _at(kept, rows)
        if CLUSTER in here:
            here = {**here, CLUSTER: draw}
        values = dict(task.score.metrics(here))
        skill = skill_of(task.score, here, [_at(each, rows) for each in beside.values()])
        if skill is not None:
            values[f"{task.name}/skill"] = skill
        for name, value in values.items():
            found.setdefault(name, []).append(value)
    return {
        name: (float(np.quantile(values, 0.025)), float(np.quantile(values, 0.975)))
        for name, values in found.items()
    }


def _with_groups(tasks: Sequence[Task], skill: Mapping[str, float]) -> dict[str, float]:
    """Skill by task, and by group as the mean of those of its tasks that could be judged."""
    groups: dict[str, list[float]] = {}
    for task in tasks:
        if task.name in skill:
            groups.setdefault(task.group, []).append(skill[task.name])
    return {**skill, **{group: fmean(values) for group, values in groups.items()}}


def _checked(task: Task, metrics: Mapping[str, float]) -> Mapping[str, float]:
    for name, value in metrics.items():
        if not math.isfinite(value):
            raise CurriculumError(
                "a metric must be finite, or be left out",
                found=f"`{name}` = {value}",
                where=f"task `{task.name}`",
                hint="The model's predictions are not finite, or the score is wrong.",
            )
    return metrics


def _at(kept: Kept, rows: Tensor) -> Kept:
    return {name: tensor[rows] for name, tensor in kept.items()}
