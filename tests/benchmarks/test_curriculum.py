"""Arms are plans that load; what the tables say follows from the runs."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from abr_model.config import ABR_KINDS
from abr_model.data import synthetic_data
from benchmarks.curriculum import arguments
from benchmarks.curriculum_arms import ALONE, JOINT, TRIED, every_arm
from benchmarks.curriculum_jobs import Job, jobs_of, steps_at_equal_time
from benchmarks.curriculum_plans import HEADS, TASKS, Arm, Scale, Stage, plan_text
from benchmarks.curriculum_runs import Shuffled, append_record, read_records
from benchmarks.curriculum_tables import (
    backward_transfer,
    beside,
    broken_rows,
    first,
    interval,
    mean_skill,
    search_rows,
    skill_rows,
    soon_rows,
    spent,
)
from curriculum.config import load_plan, load_plan_text

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "curriculum.md").read_text(encoding="utf-8")
TWO = Arm(
    name="two",
    what="heads, then the signal",
    stages=[
        Stage(name="heads", turn_on=HEADS, share=60),
        Stage(name="signal", turn_on=("signal",), share=40),
    ],
)
ALL_ON = "+".join(TASKS)
COSTS = {ALL_ON: 1.0, "+".join(HEADS): 0.5}


def record(skill: float, early: float, steps: int = 100, **more: Any) -> dict[str, Any]:
    """A run of `TWO`: heads at `early`, then everything at `skill`."""
    off, on = dict.fromkeys(HEADS, early), dict.fromkeys(TASKS, skill)
    curve = [
        {"phase": "heads", "step": 30, "skill": dict.fromkeys(HEADS, 0.05)},
        {"phase": "heads", "step": 60, "skill": off},
        {"phase": "signal", "step": 100, "skill": on},
    ]
    return {"test": on, "curve": curve, "steps": steps, "steps_of_joint": 70, **more}


def test_every_arm_is_a_plan_that_loads() -> None:
    names = [arm.name for arm in every_arm()]
    assert len(names) == len(set(names))
    assert len({len(arms) for arms in TRIED.values()}) == 1
    for arm in every_arm():
        loaded = load_plan_text(plan_text(arm, 700, 3, Scale()), arm.name, ABR_KINDS)
        phases, steps = loaded.plan.phases, arm.steps(700)
        assert [phase.name for phase in phases] == [stage.name for stage in arm.stages]
        assert [str(phase.duration) for phase in phases] == [f"{n} steps" for n in steps]
        assert arm in ALONE or set(arm.active()[-1]) == set(TASKS)


def test_a_cheap_phase_leaves_time_for_more_steps() -> None:
    assert TWO.signatures() == ["+".join(HEADS), ALL_ON]
    assert steps_at_equal_time(TWO, COSTS, 700) == 1000  # 600 at half the cost, 400 at all of it
    assert steps_at_equal_time(JOINT, COSTS, 700) == 700
    assert TWO.steps(1000) == [600, 400]
    assert spent(TWO, record(0.5, 0.2), COSTS) == [15.0, 30.0, 70.0]


def test_the_comparison_has_as_many_trials_of_each_and_no_run_twice() -> None:
    costs = {each: 0.5 for arm in every_arm() for each in arm.signatures()} | {ALL_ON: 1.0}
    jobs = jobs_of(costs, Scale(), [200, 201])
    keys = [job.key for job in jobs]
    assert len(keys) == len(set(keys))
    assert {job.seed for job in jobs if job.budget == "tried"} == {100, 101}
    assert {job.seed for job in jobs if job.budget != "tried"} == {200, 201}


def test_a_job_s_key_is_of_what_it_trains() -> None:
    job = Job(arm=TWO, budget="time", steps=100, seed=1, scale=Scale())
    others = [
        Job(arm=TWO, budget="time", steps=101, seed=1, scale=Scale()),
        Job(arm=TWO, budget="time", steps=100, seed=2, scale=Scale()),
        Job(arm=TWO, budget="time", steps=100, seed=1, scale=Scale(subjects=100)),
        Job(arm=TWO, budget="time", steps=100, seed=1, scale=Scale(), broken="threshold"),
    ]
    assert len({each.key for each in (job, *others)}) == 5


def test_forgetting_is_what_earlier_tasks_lost() -> None:
    assert backward_transfer(record(0.5, 0.2)) == pytest.approx(0.3)
    assert backward_transfer(record(0.1, 0.2)) == pytest.approx(-0.1)
    alone = record(0.5, 0.2)
    assert backward_transfer({**alone, "curve": alone["curve"][-1:]}) is None


def test_an_interval_is_student_s() -> None:
    middle, half = interval([0.01, 0.02, 0.03, 0.02, 0.02])
    assert (middle, half) == (pytest.approx(0.02), pytest.approx(0.00878, abs=1e-5))


def test_differences_are_paired_by_seed() -> None:
    joint = {seed: record(0.5 + seed / 10, 0.2) for seed in range(4)}
    ahead = {seed: record(0.51 + seed / 10 + 0.001 * seed, 0.2) for seed in range(4)}
    assert beside(ahead, joint, mean_skill).startswith("**+0.01")
    level = {seed: record(0.5 + seed / 10 + (-1) ** seed * 0.01, 0.2) for seed in range(4)}
    assert "**" not in beside(level, joint, mean_skill)
    line = skill_rows({"joint": joint, "ahead": ahead}, joint).splitlines()[3]
    assert line.startswith("| ahead | 4 | 100 | 0.661 (0.510 to 0.813) | **+0.012 ± 0.002** |")


def test_a_task_that_is_off_counts_as_nothing() -> None:
    reached = first(TWO, record(0.5, 0.4), COSTS, lambda skill: skill.get("signal", 0.0) > 0)
    assert reached == (100, 70.0)
    assert first(TWO, record(0.5, 0.4), COSTS, lambda skill: skill.get("signal", 0) > 1) is None
    runs = {1: record(0.5, 0.5), 2: record(0.5, 0.3)}
    row = soon_rows({"two": runs}, {"two": TWO}, runs, COSTS).splitlines()[2]
    # heads alone at 0.5 are 0.417 of the mean, short of 0.45
    assert row == "| two | 2 of 2 | 100 | 70% | 70% | 30% | 30% | 30% | 30% | 30% |"


def test_a_broken_task_is_seen_where_a_healthy_one_would_be_good() -> None:
    healthy, broken = {1: record(0.5, 0.2)}, {1: record(0.5, -0.01)}
    row = broken_rows({("two", "threshold"): broken}, {"two": healthy}, {"two": TWO}, COSTS)
    assert row.splitlines()[2] == "| threshold | two | 1 | 60 | 43% | 0.200 | -0.010 | 0.500 |"


def test_a_search_pays_for_common_phases_once() -> None:
    rows = search_rows([JOINT, TWO], {"joint": 70, "two": 100}, COSTS, 70).splitlines()[2:]
    assert rows == [
        "| joint | 100% | 1.0 | 5.0 | 10.0 | 20.0 |",
        "| two | 57% | 1.0 | 3.3 | 6.1 | 11.9 |",
    ]


def test_shuffling_deals_one_label_out_by_subject() -> None:
    split = synthetic_data(60, 3, 10.0, 0.15, 0.15, seed=0).splits["train"]
    every = np.arange(len(split))
    whole, broken = split.batch(every), Shuffled(split, "threshold_db", 7).batch(every)
    assert torch.equal(broken["recording_uv"], whole["recording_uv"])
    assert torch.equal(broken["hearing_class"], whole["hearing_class"])
    was, now = (each["threshold_db"].nan_to_num(-1.0) for each in (whole, broken))
    assert not torch.equal(was, now)
    assert sorted(set(was.tolist())) == sorted(set(now.tolist()))
    for subject in whole["subject"].unique():  # an ear still has one threshold
        assert len(now[whole["subject"] == subject].unique()) == 1


def test_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "runs" / "runs.jsonl"
    assert read_records(path) == []
    append_record(path, {"key": "a"})
    with path.open("a") as file:
        file.write('{"key": "b')
    assert read_records(path) == [{"key": "a"}]


def test_the_plan_that_is_told_is_a_plan() -> None:
    (told,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    around = "experiment: told\nmodel: {kind: abr_unet}\ndata: {kind: synthetic}\n"
    loaded = load_plan_text(around + told, "curriculum.md", ABR_KINDS)
    assert loaded.warnings == ()
    default = load_plan(ROOT / "phases" / "default.yaml", ABR_KINDS)
    for said, shipped in zip(loaded.plan.phases, default.plan.phases, strict=True):
        assert (said.name, said.turn_on, said.ramp, said.duration) == (
            shipped.name,
            shipped.turn_on,
            shipped.ramp,
            shipped.duration,
        )


def test_the_commands_that_are_told_are_commands() -> None:
    told = re.findall(r"`python benchmarks/curriculum.py ?([^`]*)`", TEXT)
    assert len(told) == 2
    for words in told:
        arguments().parse_args(shlex.split(words))
    options = shlex.split(re.findall(r"`(--base-channels[^`]*)`", TEXT)[0])
    assert arguments().parse_args(options).base_channels == 16


@pytest.mark.slow
def test_an_arm_is_trained_once_and_then_reused(tmp_path: Path) -> None:
    def run(*more: str) -> str:
        where = ["--folder", str(tmp_path / "runs"), "--results", str(tmp_path / "found.md")]
        small = ["--base-channels", "4", "--subjects", "60", "--steps", "8", "--seeds", "1", "2"]
        program = str(ROOT / "benchmarks" / "curriculum.py")
        command = [sys.executable, program, *where, *small, "--rounds", "1"]
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "found.md").read_text(encoding="utf-8") == done.stdout
        return done.stdout

    first_time = run("--arms", "joint", "heads first")
    runs = (tmp_path / "runs" / "runs.jsonl").read_text()
    assert run("--minutes", "0") == first_time
    assert (tmp_path / "runs" / "runs.jsonl").read_text() == runs
    assert "## At equal wall time" in first_time
    assert "| heads first | 2 |" in first_time
