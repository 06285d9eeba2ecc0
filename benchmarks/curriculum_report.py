"""The document that `benchmarks/curriculum.py` writes."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from statistics import median

import attrs
import torch

from benchmarks.curriculum_arms import (
    ALONE,
    COMPARED,
    JOINT,
    MAIN,
    ORDERS,
    PROTECTED,
    TRIED,
    UNPROTECTED,
)
from benchmarks.curriculum_jobs import BROKEN, TUNING_SEEDS, Job, steps_at_equal_time
from benchmarks.curriculum_plans import Arm, Scale
from benchmarks.curriculum_tables import (
    CLEAR,
    Record,
    Runs,
    alone_rows,
    broken_rows,
    cost_rows,
    search_rows,
    skill_rows,
    soon_rows,
    task_rows,
    tuning_rows,
)
from benchmarks.quality_tables import table


@attrs.frozen(kw_only=True)
class Found:
    """What there is: costs of a step by signature, one a round; runs; how many are missing."""

    scale: Scale
    rounds: Mapping[str, Sequence[float]]
    runs: Sequence[tuple[Job, Record]]
    missing: int

    @property
    def costs(self) -> dict[str, float]:
        """Shares of a step with everything on."""
        return {signature: median(each) for signature, each in self.rounds.items()}

    def of(self, arms: Sequence[Arm], budget: str, broken: str | None = None) -> dict[str, Runs]:
        """The runs of these arms with a budget, by name and seed; no arm without runs."""
        by_arm: dict[str, dict[int, Record]] = {arm.name: {} for arm in arms}
        for job, record in self.runs:
            if (job.budget, job.broken) == (budget, broken) and job.arm.name in by_arm:
                by_arm[job.arm.name][job.seed] = record
        return {name: runs for name, runs in by_arm.items() if runs}


def report(found: Found) -> str:
    """The whole document."""
    at_time = found.of((*MAIN, *ORDERS), "time")
    joint = at_time.get(JOINT.name, {})
    parts = [_head(found), "## Arms", _arms(found)]
    if joint:
        parts += _at_equal_time(found, at_time, joint) + _others(found, at_time, joint)
    parts += ["## Cost of a step", _COST, cost_rows(found.rounds), "## Settings tried", _TRIED]
    tried = {group: found.of(arms, "tried") for group, arms in TRIED.items()}
    parts.append(tuning_rows(tried, TUNING_SEEDS))
    return "\n\n".join(parts) + "\n"


def _head(found: Found) -> str:
    seeds = sorted({job.seed for job, _ in found.runs if job.budget == "time"})
    scale = found.scale
    seconds = [record["cpu_s"] for job, record in found.runs if job.budget == "time"]
    left = f" {found.missing} runs are missing." if found.missing else ""
    cost = f" A run took {median(seconds):.0f} s of CPU (median)." if seconds else ""
    return (
        "# Does a curriculum pay?\n\n"
        f"`python benchmarks/curriculum.py` on {platform.system()} {platform.machine()}, torch "
        f"{torch.__version__}, one thread. The default plan's model with {scale.base_channels} "
        f"channels, {scale.subjects} synthetic ears, of which 49 % are trained on and 45 % judged; "
        f"joint training has {scale.steps} steps. Seeds {', '.join(map(str, seeds)) or 'none'}."
        f"{cost}{left}\n\n"
        "Skill is 1 - error / (best trivial error), on the test split; a task that is off counts "
        "as 0. Ranges are from the least to the greatest seed; differences are paired by seed, "
        "with 95 % intervals by Student's t, bold where they leave out 0 (of so many comparisons, "
        "one in twenty does so by chance). BWT is the mean change of earlier tasks' skill "
        "(validation) from the end of the phase that turned them on to the end of the run; "
        "negative is forgetting."
    )


def _arms(found: Found) -> str:
    rows: list[Sequence[str]] = [("arm", "what", "phases: steps at equal wall time")]
    for arm in COMPARED:
        steps = steps_at_equal_time(arm, found.costs, found.scale.steps)
        each = zip((stage.name for stage in arm.stages), arm.steps(steps), strict=True)
        rows.append((arm.name, arm.what, ", ".join(f"{name} {n}" for name, n in each)))
    return table(rows)


def _at_equal_time(found: Found, arms: Mapping[str, Runs], joint: Runs) -> list[str]:
    plans = {arm.name: arm for arm in COMPARED}
    return [
        "## At equal wall time",
        "Each arm has as many steps as fit into the CPU time of joint training.",
        skill_rows(arms, joint),
        "By task, with the difference to joint training:",
        task_rows(arms, joint),
        "## How soon",
        (
            "The first evaluation at which the mean skill (validation) is 90 % of what joint "
            "training of the same seed ends with, and in how many runs it comes; then, for each "
            f"task, when its skill is first {CLEAR:g} or more: from then on a task that does not "
            "learn would be seen. Times are shares of a whole joint run."
        ),
        soon_rows(arms, plans, joint, found.costs),
    ]


def _others(found: Found, at_time: Mapping[str, Runs], joint: Runs) -> list[str]:
    plans = {arm.name: arm for arm in (*COMPARED, *ALONE)}
    parts: list[str] = []
    if alone := found.of(ALONE, "steps"):
        parts += [
            "## Each task alone",
            f"{found.scale.steps} steps of one task; beside it, how much better it is together.",
            alone_rows(alone, {arm.name: at_time[arm.name] for arm in MAIN if arm.name in at_time}),
        ]
    protected, base = found.of(PROTECTED, "time"), at_time.get(UNPROTECTED, {})
    if protected and base:
        parts += [
            "## Protections",
            f"Each is `{UNPROTECTED}` with one protection, and stands beside it without.",
            skill_rows({UNPROTECTED: base, **protected}, base, "to unprotected"),
        ]
    at_steps = {JOINT.name: joint, **found.of(COMPARED, "steps")}
    if len(at_steps) > 1:
        parts += [
            "## At equal steps",
            f"{found.scale.steps} steps for every arm, which costs curricula less.",
            skill_rows(at_steps, joint),
        ]
    broken = {
        (name, task): runs
        for task in BROKEN
        for name, runs in found.of(COMPARED, "steps", task).items()
        if all(seed in at_steps.get(name, {}) for seed in runs)
    }
    if broken:
        parts += [
            "## A task that cannot be learned",
            f"Labels shuffled among the subjects of the training split; {found.scale.steps} steps.",
            broken_rows(broken, at_steps, plans, found.costs),
        ]
    steps = {a.name: steps_at_equal_time(a, found.costs, found.scale.steps) for a in COMPARED}
    return [
        *parts,
        "## A search over the last phase",
        (
            "What it computes to try so many settings of the last phase, in whole joint runs: the "
            "phases before are trained once and reused. Computed from the costs of a step."
        ),
        search_rows((*MAIN, *ORDERS), steps, found.costs, found.scale.steps),
    ]


_COST = (
    "CPU time of an optimizer step in the engine, measured side by side in rounds, as a share of a "
    "step with everything on."
)
_TRIED = (
    "As many of joint training as of curricula, at equal wall time: mean skill on the test split "
    "of a seed of their own, of which nothing else is reported; three of each on a second."
)
