"""Which runs the comparison consists of, in the order in which they are worth having."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import attrs

from benchmarks.curriculum_arms import (
    ALONE,
    COMPARED,
    FINALISTS,
    MAIN,
    ORDERS,
    PROTECTED,
    TRIED,
)
from benchmarks.curriculum_plans import Arm, Scale, plan_text

TUNING_SEEDS = (100, 101)
BROKEN = ("threshold", "classification")
BROKEN_IN = ("joint", "by cost", "one by one, cosines")
FEW = 3  # seeds of what is asked beside the main question


@attrs.frozen(kw_only=True)
class Job:
    """An arm with a number of steps and a seed; `broken` is a task whose labels are shuffled."""

    arm: Arm
    budget: str  # "time" (equal), "steps" (equal) or "tried"
    steps: int
    seed: int
    scale: Scale
    broken: str | None = None

    @property
    def text(self) -> str:
        """The plan."""
        return plan_text(self.arm, self.steps, self.seed, self.scale)

    @property
    def key(self) -> str:
        """Changes when the run would."""
        return hashlib.sha256(f"{self.broken} {self.text}".encode()).hexdigest()[:16]


def steps_at_equal_time(arm: Arm, costs: Mapping[str, float], joint_steps: int) -> int:
    """Steps that an arm gets in the CPU time of joint training."""
    shares = arm.steps(100_000)
    spent = sum(n * costs[s] for n, s in zip(shares, arm.signatures(), strict=True)) / sum(shares)
    return round(joint_steps / spent)


def jobs_of(costs: Mapping[str, float], scale: Scale, seeds: Sequence[int]) -> list[Job]:
    """All of them: settings tried; at equal time; alone; at equal steps; broken."""

    def at_equal_time(arms: Sequence[Arm], budget: str, seeds: Sequence[int]) -> Iterator[Job]:
        for seed in seeds:
            for arm in arms:
                steps = steps_at_equal_time(arm, costs, scale.steps)
                yield Job(arm=arm, budget=budget, steps=steps, seed=seed, scale=scale)

    def at_equal_steps(
        arms: Sequence[Arm], seeds: Sequence[int], broken: str | None
    ) -> Iterator[Job]:
        for seed in seeds:
            for arm in arms:
                yield Job(
                    arm=arm,
                    budget="steps",
                    steps=scale.steps,
                    seed=seed,
                    scale=scale,
                    broken=broken,
                )

    tried = [arm for pair in zip(*TRIED.values(), strict=True) for arm in pair]
    finalists = [arm for arm in tried if arm.name in FINALISTS]
    failing = [arm for arm in COMPARED if arm.name in BROKEN_IN]
    few, curricula = seeds[:FEW], [arm for arm in MAIN if len(arm.stages) > 1]
    return [
        *at_equal_time(tried, "tried", TUNING_SEEDS[:1]),
        *at_equal_time(MAIN, "time", seeds),
        *at_equal_time(finalists, "tried", TUNING_SEEDS[1:]),
        *at_equal_steps(ALONE, few, None),
        *(job for arm in ORDERS for job in at_equal_time([arm], "time", few)),
        *(job for arm in PROTECTED for job in at_equal_time([arm], "time", few)),
        *at_equal_steps(curricula, few, None),
        *(job for task in BROKEN for job in at_equal_steps(failing, few[:1], task)),
        *at_equal_time(ORDERS, "time", seeds[FEW:]),
        *at_equal_steps(ALONE, seeds[FEW:], None),
        *at_equal_steps(curricula, seeds[FEW:], None),
        *(job for task in BROKEN for job in at_equal_steps(failing, few[1:], task)),
    ]
