"""Active tasks judged on a whole split, each beside its trivial predictors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from statistics import fmean

import attrs
import numpy as np
import torch
from torch import Tensor

from curriculum.errors import CurriculumError, PolicyStop
from curriculum.sampling import Drawn, Place, SampleDraws
from curriculum.tasks import Assembly, Batch, Prediction, Split, Task
from curriculum.trainer.objective import Pass, passes, predictions, to_device

CHUNK = 256
Progress = Callable[[int, int], None]


@attrs.frozen(kw_only=True)
class Result:
    """What an evaluation found; see `curriculum.events.Evaluated`."""

    losses: Mapping[str, float | None]
    metrics: Mapping[str, float]
    trivial: Mapping[str, Mapping[str, float]]
    skill: Mapping[str, float]

    def total(self, coefficients: Mapping[str, float]) -> float:
        """The losses added up as training does; those without labels are left out."""
        return math.fsum(
            coefficients[task] * loss for task, loss in self.losses.items() if loss is not None
        )


@attrs.frozen(kw_only=True)
class _Trivial:
    """A task's trivial scores: by metric and predictor, and the best error."""

    metrics: Mapping[str, Mapping[str, float]]
    error: float | None


class Evaluator:
    """Judges tasks on splits. What the trivial predictors score is computed once for each split.

    Random parts of a view (such as diffusion noise) are functions of the seed and the sample, so
    that evaluations can be compared and do not depend on the size of a chunk.
    """

    def __init__(
        self,
        assembly: Assembly,
        train: Split,
        splits: Mapping[str, Split],
        seed: int,
        device: torch.device,
    ) -> None:
        self._assembly, self._device = assembly, device
        self._train_split, self._splits = train, splits
        self._place = Place(seed, -1)
        self._trivial: dict[tuple[str, str], _Trivial] = {}
        self._train: Batch | None = None

    def evaluate(
        self,
        tasks: Sequence[Task],
        split: str,
        progress: Progress | None = None,
        chunk: int = CHUNK,
    ) -> Result:
        """Losses, metrics, trivial scores and skill of tasks on a split.

        `progress(done, of)` is called between chunks, and may raise to stop.
        """
        model = self._assembly.model
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                return self._evaluate(tasks, split, progress or _silent, chunk)
        finally:
            model.train(was_training)

    def _evaluate(self, tasks: Sequence[Task], name: str, progress: Progress, chunk: int) -> Result:
        split = self._splits[name]
        trained = passes(tasks, {task.name: task.view for task in tasks})
        judged = passes(tasks, {task.name: task.score.view for task in tasks})
        collected = _Collected()
        sums: dict[str, list[float]] = {task.name: [] for task in tasks}
        counts = dict.fromkeys(sums, 0.0)
        for indices in _chunks(len(split), chunk):
            progress(int(indices[0]), len(split))
            batch = split.batch(indices)
            drawn = Drawn(indices, np.zeros_like(indices))
            for view, needs_loss, needs_score in _views(trained, judged):
                draws = SampleDraws(self._place, drawn, f"{name}/{view.view.name}")
                prepared = view.view.prepare(batch, draws)
                inputs = to_device(prepared, self._device)
                found = predictions(self._assembly.model, inputs, view)
                for task in needs_loss:
                    if (count := float(task.count(batch))) > 0:
                        sums[task.name].append(float(task.loss_sum(found[task.name], inputs)))
                        counts[task.name] += count
                collected.add(
                    view.view.name, prepared, {t.name: found[t.name] for t in needs_score}
                )
        progress(len(split), len(split))
        losses = {n: math.fsum(s) / counts[n] if counts[n] > 0 else None for n, s in sums.items()}
        bad = [
            task for task, loss in losses.items() if loss is not None and not math.isfinite(loss)
        ]
        if bad:
            raise PolicyStop(
                "every loss must be finite",
                found=", ".join(f"`{task}` {losses[task]}" for task in bad),
                where=f"the {name} split",
                hint="Lower the learning rate, or look at the split's samples",
            )
        return self._judge(tasks, name, losses, collected)

    def _judge(
        self,
        tasks: Sequence[Task],
        split: str,
        losses: Mapping[str, float | None],
        collected: _Collected,
    ) -> Result:
        metrics: dict[str, float] = {}
        trivial: dict[str, Mapping[str, float]] = {}
        skill: dict[str, float] = {}
        for task in tasks:
            inputs = collected.inputs(task.score.view.name)
            prediction = collected.prediction(task.name)
            metrics.update(_checked(task, task.score.metrics(prediction, inputs)))
            beside = self._trivial_of(task, split, inputs)
            trivial.update(beside.metrics)
            error = task.score.error(prediction, inputs)
            if error is not None and beside.error:
                skill[task.name] = 1.0 - error / beside.error
        return Result(
            losses=losses, metrics=metrics, trivial=trivial, skill=_with_groups(tasks, skill)
        )

    def _trivial_of(self, task: Task, split: str, inputs: Batch) -> _Trivial:
        key = (split, task.name)
        if key not in self._trivial:
            if self._train is None:
                self._train = self._train_split.batch(np.arange(len(self._train_split)))
            metrics: dict[str, dict[str, float]] = {}
            errors: list[float] = []
            for predictor, prediction in task.score.trivial(self._train, inputs).items():
                for metric, value in task.score.metrics(prediction, inputs).items():
                    metrics.setdefault(metric, {})[predictor] = value
                error = task.score.error(prediction, inputs)
                errors += [] if error is None else [error]
            self._trivial[key] = _Trivial(metrics=metrics, error=min(errors, default=None))
        return self._trivial[key]


class _Collected:
    """Prepared inputs by view and predictions by task, chunk by chunk, on the CPU."""

    def __init__(self) -> None:
        self._inputs: dict[str, list[Batch]] = {}
        self._predictions: dict[str, list[Prediction]] = {}

    def add(self, view: str, inputs: Batch, found: Mapping[str, Prediction]) -> None:
        if found:
            self._inputs.setdefault(view, []).append(inputs)
        for task, prediction in found.items():
            self._predictions.setdefault(task, []).append(_to_cpu(prediction))

    def inputs(self, view: str) -> Batch:
        return _concatenated(self._inputs[view])

    def prediction(self, task: str) -> Prediction:
        return _concatenated(self._predictions[task])


def _views(
    trained: Sequence[Pass], judged: Sequence[Pass]
) -> Iterator[tuple[Pass, tuple[Task, ...], tuple[Task, ...]]]:
    """Each distinct view once, with the tasks whose loss and those whose score come from it."""
    losses = {one.view.name: one for one in trained}
    scores = {one.view.name: one for one in judged}
    for name in {**losses, **scores}:
        of_loss, of_score = losses.get(name), scores.get(name)
        both = [*(of_loss.tasks if of_loss else ()), *(of_score.tasks if of_score else ())]
        tasks = tuple({task.name: task for task in both}.values())
        reads = frozenset[str]().union(*(task.reads for task in tasks))
        view = (of_loss or of_score or trained[0]).view
        yield (
            Pass(view, reads, tasks),
            of_loss.tasks if of_loss else (),
            of_score.tasks if of_score else (),
        )


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


def _silent(done: int, of: int) -> None:
    del done, of


def _chunks(size: int, chunk: int) -> Iterator[np.ndarray]:
    for start in range(0, size, chunk):
        yield np.arange(start, min(start + chunk, size))


def _to_cpu(prediction: Prediction) -> Prediction:
    if isinstance(prediction, Tensor):
        return prediction.cpu()
    return {name: part.cpu() for name, part in prediction.items()}


def _concatenated(parts: Sequence[Prediction]) -> Prediction:
    if isinstance(parts[0], Tensor):
        return torch.cat(list(parts))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
