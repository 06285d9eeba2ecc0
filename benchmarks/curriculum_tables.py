"""What the runs of `benchmarks/curriculum.py` say, as Markdown tables.

A record is what `benchmarks.curriculum_runs.train` returns. Skill is on the test split, but for
curves, which are of the validation split. A task that is off counts as skill 0.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean, median, stdev
from typing import Any

from benchmarks.curriculum_plans import PEAKS, TASKS, Arm
from benchmarks.quality_tables import table

Record = Mapping[str, Any]
Runs = Mapping[int, Record]  # by seed
Measure = Callable[[Record], float]

# Student's t, 97.5 %, by degrees of freedom.
_T = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def mean_skill(record: Record) -> float:
    """Over the six tasks; one that was never on counts as 0."""
    return fmean(record["test"].get(task, 0.0) for task in TASKS)


def worst_skill(record: Record) -> float:
    """Of the task that is worst."""
    return min(record["test"].get(task, 0.0) for task in TASKS)


def of_task(task: str) -> Measure:
    """The skill of one task."""
    return lambda record: float(record["test"][task])


def curve_mean(skill: Mapping[str, float]) -> float:
    """Mean skill at an evaluation."""
    return fmean(skill.get(task, 0.0) for task in TASKS)


def ends(record: Record) -> list[Mapping[str, float]]:
    """Skill at the end of each phase, R_k."""
    last = {each["phase"]: each["skill"] for each in record["curve"]}
    return list(last.values())


def backward_transfer(record: Record) -> float | None:
    """How earlier tasks changed after their own phase; negative is forgetting, None of one phase.

    BWT (Lopez-Paz and Ranzato 2017, arXiv 1706.08840, equation 3), over tasks: the mean, over those
    turned on before the last phase, of R_Tj - R_jj.
    """
    phases = ends(record)
    own: dict[str, float] = {}
    for skill in phases[:-1]:
        own.update({task: skill[task] for task in TASKS if task in skill and task not in own})
    changes = [phases[-1][task] - before for task, before in own.items() if task in phases[-1]]
    return fmean(changes) if changes else None


def spent(arm: Arm, record: Record, costs: Mapping[str, float]) -> list[float]:
    """What had been computed at each evaluation, in steps of joint training."""
    sizes = dict(zip((s.name for s in arm.stages), arm.steps(record["steps"]), strict=True))
    cost = dict(zip(sizes, (costs[s] for s in arm.signatures()), strict=True))
    names, found = list(sizes), []
    for each in record["curve"]:
        place = names.index(each["phase"])
        earlier = sum(sizes[name] * cost[name] for name in names[:place])
        inside = each["step"] - sum(sizes[name] for name in names[:place])
        found.append(earlier + inside * cost[each["phase"]])
    return found


def first(
    arm: Arm,
    record: Record,
    costs: Mapping[str, float],
    holds: Callable[[Mapping[str, float]], bool],
) -> tuple[int, float] | None:
    """Step and cost of the first evaluation of which something holds; None if of none."""
    for each, cost in zip(record["curve"], spent(arm, record, costs), strict=True):
        if holds(each["skill"]):
            return each["step"], cost
    return None


def interval(differences: Sequence[float]) -> tuple[float, float]:
    """Mean and half the width of its 95 % interval by Student's t."""
    if len(differences) < 2:
        return fmean(differences), math.inf
    half = _T[len(differences) - 1] * stdev(differences) / math.sqrt(len(differences))
    return fmean(differences), half


def spread(values: Sequence[float]) -> str:
    """`mean (least to greatest)`."""
    return f"{fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def beside(runs: Runs, joint: Runs, measure: Measure) -> str:
    """Paired difference to joint training, `mean ± half`; bold where the interval leaves out 0."""
    common = [seed for seed in runs if seed in joint]
    if len(common) < 2:
        return "–"
    middle, half = interval([measure(runs[s]) - measure(joint[s]) for s in common])
    text = f"{middle:+.3f} ± {half:.3f}"
    return f"**{text}**" if abs(middle) > half else text


def skill_rows(arms: Mapping[str, Runs], joint: Runs, to: str = "to joint") -> str:
    """Mean and worst skill, beside joint training, or another arm that `to` names."""
    rows: list[Sequence[str]] = [
        ("arm", "seeds", "steps", "mean skill", to, "worst task", to, "BWT")
    ]
    for name, runs in arms.items():
        each = list(runs.values())
        bwt = [found for record in each if (found := backward_transfer(record)) is not None]
        rows.append(
            (
                name,
                str(len(each)),
                str(each[0]["steps"]),
                spread([mean_skill(r) for r in each]),
                "" if runs is joint else beside(runs, joint, mean_skill),
                spread([worst_skill(r) for r in each]),
                "" if runs is joint else beside(runs, joint, worst_skill),
                f"{fmean(bwt):+.3f}" if bwt else "–",
            )
        )
    return table(rows)


def task_rows(arms: Mapping[str, Runs], joint: Runs) -> str:
    """Each task's skill, and its difference to joint training."""
    rows: list[Sequence[str]] = [("arm", *TASKS)]
    for name, runs in arms.items():
        each = list(runs.values())
        cells = [f"{fmean(r['test'][task] for r in each):.3f}" for task in TASKS]
        if runs is not joint:
            cells = [
                f"{cell} ({beside(runs, joint, of_task(task))})"
                for cell, task in zip(cells, TASKS, strict=True)
            ]
        rows.append((name, *cells))
    return table(rows)


def alone_rows(runs: Mapping[str, Runs], arms: Mapping[str, Runs]) -> str:
    """Each task trained by itself, and the differences to that of arms that train all."""
    rows: list[Sequence[str]] = [("task", "alone", *arms)]
    for task in TASKS:
        if task not in runs:
            continue
        mine = [r["test"][task] for r in runs[task].values()]
        beside_it = [beside(each, runs[task], of_task(task)) for each in arms.values()]
        rows.append((task, spread(mine), *beside_it))
    return table(rows)


def soon_rows(
    arms: Mapping[str, Runs], plans: Mapping[str, Arm], joint: Runs, costs: Mapping[str, float]
) -> str:
    """How soon an arm is at 90 % of what joint training ends with, and knows of each task."""
    rows: list[Sequence[str]] = [
        ("arm", "reached by", "steps", "time", *(f"{task} known" for task in TASKS))
    ]
    for name, runs in arms.items():
        common = [seed for seed in runs if seed in joint]
        reached, known = [], {task: [] for task in TASKS}
        for seed in common:
            goal = 0.9 * curve_mean(joint[seed]["curve"][-1]["skill"])
            here = (plans[name], runs[seed], costs)
            reached.append(first(*here, lambda skill, goal=goal: curve_mean(skill) >= goal))
            for task in TASKS:
                clear = first(*here, lambda skill, task=task: skill.get(task, 0.0) >= CLEAR)
                if clear is not None:
                    known[task].append(clear[1])
        there = [each for each in reached if each is not None]
        of_all = joint[common[0]]["steps"]
        rows.append(
            (
                name,
                f"{len(there)} of {len(common)}",
                f"{fmean(each[0] for each in there):.0f}" if there else "–",
                f"{fmean(each[1] for each in there) / of_all:.0%}" if there else "–",
                *(f"{fmean(v) / of_all:.0%}" if v else "–" for v in known.values()),
            )
        )
    return table(rows)


CLEAR = 0.1
"""Skill by which a task is clearly better than trivial; what stays below is seen to fail."""


def broken_rows(
    broken: Mapping[tuple[str, str], Runs],
    healthy: Mapping[str, Runs],
    plans: Mapping[str, Arm],
    costs: Mapping[str, float],
) -> str:
    """When a task whose labels were shuffled is seen to fail, by (arm, task).

    Seen: the first evaluation at which the healthy run of the same seed is clearly better than
    trivial in it.
    """
    head = ("broken task", "arm", "seeds", "seen at step", "time", "healthy then", "broken then")
    rows: list[Sequence[str]] = [(*head, "broken at its best")]
    for (name, task), runs in broken.items():
        steps, times, well, ill, best = [], [], [], [], []
        for seed, record in runs.items():
            good = healthy[name][seed]
            found = first(
                plans[name], good, costs, lambda skill, task=task: skill.get(task, 0.0) >= CLEAR
            )
            if found is None:
                continue
            at = [each["step"] for each in good["curve"]].index(found[0])
            steps.append(found[0])
            times.append(found[1] / record["steps_of_joint"])
            well.append(good["curve"][at]["skill"][task])
            ill.append(record["curve"][at]["skill"][task])
            best.append(max(each["skill"].get(task, -math.inf) for each in record["curve"]))
        if steps:
            numbers = (f"{fmean(each):.3f}" for each in (well, ill))
            when = (f"{fmean(steps):.0f}", f"{fmean(times):.0%}")
            rows.append((task, name, str(len(steps)), *when, *numbers, f"{max(best):.3f}"))
    return table(rows)


def search_rows(
    plans: Sequence[Arm], steps: Mapping[str, int], costs: Mapping[str, float], joint_steps: int
) -> str:
    """What a search over settings of the last phase computes, in whole joint runs, by variants."""
    tried = (1, 5, 10, 20)
    rows: list[Sequence[str]] = [("arm", "last phase", *(f"{k} variants" for k in tried))]
    for arm in plans:
        each = [
            n * costs[s] / joint_steps
            for n, s in zip(arm.steps(steps[arm.name]), arm.signatures(), strict=True)
        ]
        common, last = math.fsum(each[:-1]), each[-1]
        rows.append(
            (
                arm.name,
                f"{last / (common + last):.0%}",
                *(f"{common + k * last:.1f}" for k in tried),
            )
        )
    return table(rows)


def cost_rows(costs: Mapping[str, Sequence[float]]) -> str:
    """Cost of a step by what is on."""
    rows: list[Sequence[str]] = [("on", "of a step with everything on", "lowest to highest")]
    for signature, found in costs.items():
        on = signature.replace("+", ", ").replace(", ".join(PEAKS), "peaks")
        rows.append((on, f"{median(found):.2f}", f"{min(found):.2f} to {max(found):.2f}"))
    return table(rows)


def tuning_rows(groups: Mapping[str, Mapping[str, Runs]], seeds: Sequence[int]) -> str:
    """Every setting that was tried, with the mean skill by which one was chosen, by seed."""
    rows: list[Sequence[str]] = [("", "setting", "steps", *(f"seed {seed}" for seed in seeds))]
    for group, arms in groups.items():
        for name, runs in arms.items():
            steps = str(next(iter(runs.values()))["steps"])
            skills = [f"{mean_skill(runs[seed]):.4f}" if seed in runs else "–" for seed in seeds]
            rows.append((group, name, steps, *skills))
    return table(rows)
