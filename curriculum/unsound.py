"""What follows from an update that must not be made. Pure: (settings, progress) -> decision."""

from __future__ import annotations

from collections.abc import Mapping

import attrs

from curriculum.config.protection import OnNonFinite, RollBack, Skip, Stop
from curriculum.errors import Unsound, UnsoundEvaluation
from curriculum.plan import PlannedPhase
from curriculum.state import Progress

DECAY = 0.98
"""Of the running mean of a loss, per step: about the last fifty."""


@attrs.frozen
class LeaveOut:
    """The step makes no update. `skipped`: how many have not, this one too."""

    skipped: int


@attrs.frozen
class GoBack:
    """Back to the last point, with this share of the learning rate."""

    learning_rate: float


def respond(settings: OnNonFinite, now: Progress, problem: Unsound) -> LeaveOut | GoBack:
    """What to do about an update that must not be made.

    Raises:
        Unsound: the problem, where the plan says to stop or has no more patience.
    """
    match settings:
        case Skip() if not isinstance(problem, UnsoundEvaluation) and now.skipped < settings.times:
            return LeaveOut(now.skipped + 1)
        case RollBack() if now.recovered < settings.times:
            return GoBack(settings.rate_factor)
        case Stop() | Skip() | RollBack():
            raise problem


def check_spikes(
    losses: Mapping[str, float | None], sizes: Mapping[str, float], phase: PlannedPhase, step: int
) -> Mapping[str, float]:
    """The running mean of each loss after a step; empty where the plan looks for no spikes.

    Raises:
        Unsound: a loss is more than `spike_above` times its running mean.
    """
    limit = phase.training.spike_above
    if limit is None:
        return {}
    moved = dict(sizes)
    for task, loss in losses.items():
        if loss is None:
            continue
        usual = sizes.get(task)
        if usual and abs(loss) > limit * usual:
            raise Unsound(
                f"every loss must be at most {limit:g} times its running mean",
                found=f"`{task}` {loss:.4g}, usually {usual:.4g}",
                where=f"phase `{phase.name}`, step {step}",
                hint="Lower the learning rate, or look at the batch",
            )
        moved[task] = abs(loss) if not usual else DECAY * usual + (1 - DECAY) * abs(loss)
    return moved
