"""The learning rate at a step. Pure: (settings, step, history) -> learning rate."""

from __future__ import annotations

import math
from collections.abc import Sequence

from curriculum.config.schema import Constant, Cosine, PlateauSchedule, Schedule
from curriculum.events import Evaluated
from curriculum.exits import Directions, direction_of, value_of
from curriculum.plan import PlannedPhase, Stretch


def learning_rate_at(
    phase: PlannedPhase,
    step: int,
    history: Sequence[Evaluated],
    directions: Directions,
    stretch: Stretch | None = None,
) -> float:
    """Learning rate of the `step`-th update of a phase, counted from 1.

    Warm-up is linear: the first of `warmup` updates has 1/`warmup` of the learning rate, the last
    all of it. After it, cosine (Loshchilov and Hutter 2017, arXiv 1608.03983, equation 5, one
    period) goes from the learning rate, at the first update, to `final` of it, just after the last
    that the phase can have. Where it spans the run, its period is the longest that all phases can
    take, and the warm-up of a phase leads up to it; what a phase that ends early leaves is skipped.
    In a stretch beyond the phase's end a cosine begins anew, lower, and spans the stretch.
    """
    base, settings = phase.training.optimizer.learning_rate, phase.training.schedule
    if stretch is not None:
        return base * stretch.learning_rate * _in_stretch(settings, stretch, step)
    warmup = phase.steps(settings.warmup)
    match settings:
        case Cosine(span="run"):
            assert phase.begins is not None  # the loader refuses a cosine without a bound
            done = (phase.begins + step - 1) / max(1, phase.run_length or 0)
            rising = step / warmup if step < warmup else 1.0
            return base * rising * _cosine(settings.final, done)
        case _ if step <= warmup:
            return base * step / warmup
        case Cosine():
            assert phase.longest is not None  # the loader refuses a cosine without a bound
            done = (step - 1 - warmup) / max(1, phase.longest - warmup)
            return base * _cosine(settings.final, done)
        case Constant():
            return base
        case PlateauSchedule():
            return base * _after_falls(settings, history, directions)


def _in_stretch(settings: Schedule, stretch: Stretch, step: int) -> float:
    done = (step - 1 - stretch.begins) / stretch.length
    return _cosine(settings.final, done) if isinstance(settings, Cosine) else 1.0


def _cosine(final: float, done: float) -> float:
    share = 0.5 * (1.0 + math.cos(math.pi * min(1.0, done)))
    return final + (1.0 - final) * share


def _after_falls(
    settings: PlateauSchedule, history: Sequence[Evaluated], directions: Directions
) -> float:
    metric = settings.metric
    sign = 1.0 if direction_of(metric, directions) == "higher" else -1.0
    share, best, since = 1.0, float("-inf"), 0
    for evaluation in history:
        value = sign * value_of(evaluation, metric)
        best, since = (value, 0) if value > best else (best, since + 1)
        if since >= settings.patience:
            share, since = max(settings.floor, share * settings.factor), 0
    return share
