"""Active tasks judged on a whole split, each beside its trivial predictors."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import torch

from curriculum.errors import UnsoundEvaluation
from curriculum.sampling import Drawn, Place, SampleDraws
from curriculum.tasks import (
    Assembly,
    Batch,
    Kept,
    Split,
    Task,
    TrivialPredictor,
)
from curriculum.trainer.judging import Judged, Result, judge, with_clusters, with_intervals
from curriculum.trainer.objective import Pass, passes, predictions, to_cpu, to_device

CHUNK = 256
Progress = Callable[[int, int], None]


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
        self._trivial: dict[tuple[str, str], Mapping[str, Kept]] = {}
        self._train: Batch | None = None

    def evaluate(
        self,
        tasks: Sequence[Task],
        split: str,
        progress: Progress | None = None,
        chunk: int = CHUNK,
        resamples: int = 0,
        clusters: Sequence[str] = (),
    ) -> Result:
        """Losses, metrics, trivial scores and skill of tasks on a split.

        Args:
            tasks: those to judge.
            split: the name of the split; all of it is judged.
            progress: `progress(done, of)` is called between chunks, and may raise to stop.
            chunk: samples that are predicted at once; changes no result.
            resamples: bootstrap resamples by which intervals are found; 0 for none.
            clusters: the clusters' names; where a split holds only few of them, each one's metrics
                are reported too, as `group/metric[name]`.

        Raises:
            UnsoundEvaluation: a loss is not finite.
        """
        model = self._assembly.model
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                losses, kept = self._predict(tasks, split, progress or _silent, chunk)
        finally:
            model.train(was_training)
        _check_losses(losses, split)
        trivial = {task.name: self._trivial[split, task.name] for task in tasks}
        judged = Judged(kept=kept, trivial=trivial)
        result = judge(tasks, losses, judged)
        if clusters:
            result = with_clusters(result, tasks, judged, clusters)
        if resamples:
            result = with_intervals(result, tasks, judged, self._place, resamples)
        return result

    def _predict(
        self, tasks: Sequence[Task], name: str, progress: Progress, chunk: int
    ) -> tuple[dict[str, float | None], dict[str, Kept]]:
        """The losses of tasks on a split, and what was kept of it to judge them by."""
        split = self._splits[name]
        trained = passes(tasks, {task.name: task.view for task in tasks})
        judged = passes(tasks, {task.name: task.score.view for task in tasks})
        predictors = self._predictors(tasks, name)
        kept, beside = _Collected(), _Collected()
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
                for task in needs_score:
                    prediction = to_cpu(found[task.name])
                    kept.add(task.name, task.score.keep(prediction, prepared))
                    for by, predict in predictors.get(task.name, {}).items():
                        beside.add((task.name, by), task.score.keep(predict(prepared), prepared))
        progress(len(split), len(split))
        for task, by_name in predictors.items():
            self._trivial[name, task] = {by: beside.whole((task, by)) for by in by_name}
        losses = {n: math.fsum(s) / counts[n] if counts[n] > 0 else None for n, s in sums.items()}
        return losses, {task.name: kept.whole(task.name) for task in tasks}

    def _predictors(
        self, tasks: Sequence[Task], split: str
    ) -> dict[str, Mapping[str, TrivialPredictor]]:
        """The trivial predictors of tasks that were not yet judged on a split."""
        new = [task for task in tasks if (split, task.name) not in self._trivial]
        if new and self._train is None:
            self._train = self._train_split.batch(np.arange(len(self._train_split)))
        return {task.name: task.score.trivial(self._train or {}) for task in new}


class _Collected:
    """What was kept, chunk by chunk."""

    def __init__(self) -> None:
        self._parts: dict[object, list[Kept]] = {}

    def add(self, of: object, kept: Kept) -> None:
        self._parts.setdefault(of, []).append(kept)

    def whole(self, of: object) -> Kept:
        parts = self._parts[of]
        return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _check_losses(losses: Mapping[str, float | None], split: str) -> None:
    bad = {n: loss for n, loss in losses.items() if loss is not None and not math.isfinite(loss)}
    if bad:
        raise UnsoundEvaluation(
            "every loss must be finite",
            found=", ".join(f"`{task}` {loss}" for task, loss in bad.items()),
            where=f"the {split} split",
            hint="Lower the learning rate, or look at the split's samples",
        )


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


def _silent(done: int, of: int) -> None:
    del done, of


def _chunks(size: int, chunk: int) -> Iterator[np.ndarray]:
    for start in range(0, size, chunk):
        yield np.arange(start, min(start + chunk, size))
