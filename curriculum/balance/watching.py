"""The watch on the balance: what each loss counts, by its weight, and how gradients agree. Pure.

A share is a contribution over its planned weight times its ramp (law 10), so that a small weight is
no alarm and a swamped task is one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs

from curriculum.balance.protocol import SMALLEST, Term

WARNING_ABOVE = 10.0
ALARM_ABOVE = 100.0
LEVELS = ("", "warning", "alarm")
ENOUGH_PROBES = 6
"""A batch's cosine is off by 0.22 or so: nothing is to be concluded from fewer."""

Pairs = Mapping[str, Mapping[str, float]]


@attrs.frozen(kw_only=True)
class Watched:
    """What the watch has seen of a phase; the checkpoint carries it."""

    since: int = 0  # the steps up to this one are judged already
    sums: Mapping[str, float] = attrs.field(factory=dict[str, float])  # of shares, since then
    counts: Mapping[str, float] = attrs.field(factory=dict[str, float])  # of steps with a label
    level: str = ""  # the last look's
    probes: int = 0
    cosines: Pairs = attrs.field(factory=dict[str, Mapping[str, float]])  # sums over probes
    compared: Pairs = attrs.field(factory=dict[str, Mapping[str, float]])  # how many each is of


@attrs.frozen(kw_only=True)
class Verdict:
    """Who counts most and who least, and how far they are apart."""

    most: str
    least: str
    ratio: float

    @property
    def level(self) -> str:
        """One of `LEVELS`."""
        return LEVELS[(self.ratio > WARNING_ABOVE) + (self.ratio > ALARM_ABOVE)]

    def __str__(self) -> str:
        return f"`{self.most}` counts {self.ratio:.3g} times as much as `{self.least}`"


def after_step(
    watched: Watched, terms: Mapping[str, Term], losses: Mapping[str, float | None]
) -> Watched:
    """The step's shares added: of each task with a label, the term's slope times the loss."""
    sums, counts = dict(watched.sums), dict(watched.counts)
    for task, loss in losses.items():
        if loss is not None:
            sums[task] = sums.get(task, 0.0) + abs(terms[task].slope(loss) * loss)
            counts[task] = counts.get(task, 0.0) + 1.0
    return attrs.evolve(watched, sums=sums, counts=counts)


def shares(watched: Watched) -> dict[str, float]:
    """Each task's mean share since the last look, added up to 1; empty where nothing counted."""
    means = {task: total / watched.counts[task] for task, total in watched.sums.items()}
    return as_shares(means)


def as_shares(sizes: Mapping[str, float]) -> dict[str, float]:
    """Sizes over their sum; empty where that is zero, or not finite."""
    whole = sum(sizes.values())
    fair = whole > 0 and math.isfinite(whole)
    return {task: size / whole for task, size in sizes.items()} if fair else {}


def judge(found: Mapping[str, float]) -> Verdict | None:
    """The extremes; None where there is nothing to compare."""
    if len(found) < 2:
        return None
    most, least = max(found, key=found.__getitem__), min(found, key=found.__getitem__)
    return Verdict(most=most, least=least, ratio=found[most] / max(found[least], SMALLEST))


def after_look(watched: Watched, step: int, level: str) -> Watched:
    """The sums start anew."""
    return attrs.evolve(watched, since=step, sums={}, counts={}, level=level)


def after_probe(watched: Watched, tasks: Sequence[str], gram: Sequence[Sequence[float]]) -> Watched:
    """The cosines of a probe added; `gram` holds the products of the tasks' gradients.

    A pair of which one has no gradient on the trunk, or one that is not finite, is left out.
    """
    cosines = {task: dict(others) for task, others in watched.cosines.items()}
    compared = {task: dict(others) for task, others in watched.compared.items()}
    for i, one in enumerate(tasks):
        for j in range(i + 1, len(tasks)):
            norms = math.sqrt(gram[i][i]) * math.sqrt(gram[j][j])
            if norms > 0 and math.isfinite(norms):
                other = tasks[j]
                _add(cosines, one, other, gram[i][j] / norms)
                _add(compared, one, other, 1.0)
    return attrs.evolve(watched, probes=watched.probes + 1, cosines=cosines, compared=compared)


def mean_cosines(watched: Watched) -> dict[str, dict[str, float]]:
    """For each pair once, the mean over the phase's probes."""
    return {
        one: {other: total / watched.compared[one][other] for other, total in others.items()}
        for one, others in watched.cosines.items()
    }


def _add(pairs: dict[str, dict[str, float]], one: str, other: str, value: float) -> None:
    row = pairs.setdefault(one, {})
    row[other] = row.get(other, 0.0) + value
