"""The watch on a phase's balance: it looks at shares and probes gradients, and changes nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Protocol

from curriculum.balance import Term
from curriculum.balance import watching as pure
from curriculum.balance.watching import Verdict, Watched
from curriculum.errors import PolicyStop
from curriculum.events import BalanceWatched, Event, Warned
from curriculum.plan import PlannedPhase
from curriculum.sampling import Order, Place
from curriculum.trainer.gradients import by_task, products, trunk_parameters, without_dropout
from curriculum.trainer.objective import Objective
from curriculum.trainer.signals import Signals

_REMEDY = (
    "give the phase `balance: {kind: calibrated}`, which divides each loss by its own size, or "
    "look at why the one is so small"
)


class _Listener(Protocol):
    @property
    def signals(self) -> Signals: ...
    @property
    def emit(self) -> Callable[[Event], None]: ...


class BalanceWatch:
    """Follows one phase. `watched` is what it has seen; the checkpoint carries it."""

    def __init__(
        self, objective: Objective, phase: PlannedPhase, place: Place, listener: _Listener
    ) -> None:
        settings = phase.training.balance.watch
        self.watched = Watched()
        self._objective, self._phase, self._place = objective, phase, place
        self._listener, self._stop_above = listener, settings.stop_above
        every = None if settings.watch_every is None else max(1, phase.steps(settings.watch_every))
        self._every = every if len(phase.weights) > 1 else None
        self._order = Order(place, len(objective.split), "watch")

    def follow(self, terms: Mapping[str, Term], losses: Mapping[str, float | None]) -> None:
        """Take an optimizer step in."""
        if self._every is not None:
            self.watched = pure.after_step(self.watched, terms, losses)

    def is_due(self, step: int) -> bool:
        """Whether to look after `step`; once it has looked there, it is not."""
        return self._every is not None and step > self.watched.since and step % self._every == 0

    def look(self, step: int, weights: Mapping[str, float], terms: Mapping[str, Term]) -> None:
        """Look at the shares since the last look, and probe the gradients.

        Raises:
            PolicyStop: a loss counts more than `stop_above` times as much as another.
            Interrupted: a signal came during the probe; the look is due again.
        """
        watched, norms = self._probe(weights, terms)
        self._report(watched, step, norms)

    def end(self, step: int) -> None:
        """Look at the shares since the last look, at the phase's end.

        Raises:
            PolicyStop: as `look`.
        """
        if self._every is not None and step > self.watched.since:
            self._report(self.watched, step, {})

    def _report(self, watched: Watched, step: int, norms: Mapping[str, float]) -> None:
        found = pure.shares(watched)
        verdict = pure.judge(found)
        level = "" if verdict is None else verdict.level
        before, self.watched = self.watched, pure.after_look(watched, step, level)
        self._listener.emit(
            BalanceWatched(
                phase=self._phase.name,
                step=step,
                since=before.since,
                shares=found,
                gradient_shares=pure.as_shares(norms),
                cosines=pure.mean_cosines(watched),
                probes=watched.probes,
            )
        )
        if verdict is not None:
            self._warn(verdict, before, step)

    def _warn(self, verdict: Verdict, before: Watched, step: int) -> None:
        """Say it when it gets worse, not at every look; stop where the plan asks for that."""
        if pure.LEVELS.index(verdict.level) > pure.LEVELS.index(before.level):
            self._listener.emit(
                Warned(
                    message=f"{verdict}, each by its weight: {_REMEDY}",
                    phase=self._phase.name,
                    step=step,
                    task=verdict.least,
                    severity=verdict.level,
                )
            )
        if self._stop_above is not None and verdict.ratio > self._stop_above:
            raise PolicyStop(
                f"no loss may count more than {self._stop_above:g} times as much as another, each "
                "by its weight",
                found=f"that {verdict}",
                where=f"phase `{self._phase.name}`, step {step}",
                hint=f"{_REMEDY[0].upper()}{_REMEDY[1:]}; `stop_above` is the limit",
            )

    def _probe(
        self, weights: Mapping[str, float], terms: Mapping[str, Term]
    ) -> tuple[Watched, dict[str, float]]:
        """Each task's gradient on the trunk, on a batch of the watch's own order."""
        model, training = self._objective.assembly.model, self._phase.training
        trunk, number = list(trunk_parameters(model).values()), self.watched.probes + 1
        if not trunk:  # a frozen one has no gradient to share
            return self.watched, {}
        self._listener.signals.check()
        with without_dropout(model):
            found = by_task(
                self._objective,
                weights,
                self._order.batch(number, training.global_batch),
                self._place,
                trunk,
                step=number,
                micro_steps=training.accumulation_steps,
                stream="watch",
            )
        self._listener.signals.check()
        tasks = list(found.rows)
        gram = products(list(found.rows.values()))
        norms: dict[str, float] = {}
        for i, task in enumerate(tasks):
            part, count = found.sums[task]
            slope = terms[task].slope(float(part) / count)
            norms[task] = weights[task] * abs(slope) * math.sqrt(gram[i][i])
        return pure.after_probe(self.watched, tasks, gram), norms
