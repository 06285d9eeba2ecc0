"""Does turning tasks on one at a time pay? Curricula beside joint training and each task alone.

    python benchmarks/curriculum.py [--minutes 9] [--seeds 200 201] [--arms joint "heads first"]

Trains each arm of `benchmarks/curriculum_arms.py` with each seed, in this process and on one
thread, judges it on held-out subjects, and keeps a line of JSON for each run in `--folder`; runs
that are there already are not trained again. A seed draws the ears as well as the weights, so arms
are paired by seed. `--minutes` begins no run after so many; the same command goes on from there.
The settings of the arms were chosen on other seeds, whose runs come first. Writes
`benchmarks/results/curriculum.md`, of the runs that there are, and prints it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.curriculum_arms import JOINT, every_arm  # noqa: E402 - beside this file
from benchmarks.curriculum_jobs import Job, jobs_of  # noqa: E402
from benchmarks.curriculum_plans import Scale  # noqa: E402
from benchmarks.curriculum_report import Found, report  # noqa: E402
from benchmarks.curriculum_runs import (  # noqa: E402
    append_record,
    measure_costs,
    read_records,
    train,
)
from benchmarks.curriculum_tables import mean_skill  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "curriculum.md"


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    of = Scale()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[200, 201, 202, 203, 204])
    parser.add_argument("--arms", nargs="+", metavar="NAME", help="train only these, by name")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "curriculum")
    parser.add_argument("--rounds", type=int, default=3, help="of measuring what a step costs")
    parser.add_argument("--minutes", type=float, help="begin no run after so many; 0: train none")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    parser.add_argument("--base-channels", type=int, default=of.base_channels)
    parser.add_argument("--subjects", type=int, default=of.subjects)
    parser.add_argument("--steps", type=int, default=of.steps, help="of joint training")
    return parser


def main() -> None:
    """Train what is missing, write and print."""
    options = arguments().parse_args()
    torch.set_num_threads(1)
    ends = None if options.minutes is None else time.monotonic() + 60 * options.minutes
    scale = Scale(
        base_channels=options.base_channels, subjects=options.subjects, steps=options.steps
    )
    rounds = costs_of(options.folder / f"costs-{scale.base_channels}.jsonl", scale, options.rounds)
    costs = {signature: statistics.median(each) for signature, each in rounds.items()}
    jobs = jobs_of(costs, scale, options.seeds)
    path = options.folder / "runs.jsonl"
    wanted = [job for job in jobs if not options.arms or job.arm.name in options.arms]
    train_missing(wanted, path, ends)
    records = {record["key"]: record for record in read_records(path)}
    there = [(job, records[job.key]) for job in jobs if job.key in records]
    text = report(Found(scale=scale, rounds=rounds, runs=there, missing=len(jobs) - len(there)))
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(text, encoding="utf-8")
    print(text, end="")


def costs_of(path: Path, scale: Scale, rounds: int) -> dict[str, list[float]]:
    """What a step costs, by signature; measured once, in rounds, and kept beside the runs."""
    found: dict[str, list[float]] = {}
    for record in read_records(path):
        found.setdefault(record["signature"], []).append(record["share"])
    covered, missing = set(found), []
    for arm in every_arm():
        if new := set(arm.signatures()) - covered:
            covered |= new
            missing.append(arm)
    for signature, shares in measure_costs(missing, JOINT, rounds, scale).items():
        if signature not in found:
            found[signature] = shares
            for share in shares:
                append_record(path, {"signature": signature, "share": share})
    return found


def train_missing(jobs: Sequence[Job], path: Path, ends: float | None) -> None:
    """Train jobs in their order, until time is up."""
    done = {record["key"] for record in read_records(path)}
    for job in jobs:
        if job.key in done:
            continue
        if ends is not None and time.monotonic() >= ends:
            return
        record = train(job)
        append_record(path, record)
        print(said(job, record), file=sys.stderr, flush=True)


def said(job: Job, record: Mapping[str, Any]) -> str:
    """One line about a run that has ended."""
    of_tasks = " ".join(f"{value:.3f}" for value in record["test"].values())
    what = f"{job.arm.name}, {job.budget}, seed {job.seed}"
    broken = f", {job.broken} broken" if job.broken else ""
    return f"{what}{broken}: mean {mean_skill(record):.4f} ({of_tasks}), {record['cpu_s']:.0f} s"


if __name__ == "__main__":
    main()
