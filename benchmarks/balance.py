"""What the default balance and its watch cost: CPU time of a step, with them and without.

    python benchmarks/balance.py [--rounds 100] [--write]

The default ABR model with all six tasks on, batch 24, as in `phases/joint.yaml`; each kind of
training is a process of one thread, and they take turns of 20 steps (see `side_by_side`). Besides
the default balance with its watch at the default interval: without the watch, and with a look every
20 steps, once a turn, from which the price of one look is found. Evaluations are off. Measuring a
task when it is turned on is no part of a step; it is timed by itself.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.config import ABR_KINDS  # noqa: E402 - the checkout beside this file
from benchmarks.side_by_side import Turns, side_by_side  # noqa: E402
from curriculum.config import load_plan  # noqa: E402
from curriculum.events import Calibrated, Event, PhaseStarted  # noqa: E402
from curriculum.run.folder import RunFolder  # noqa: E402
from curriculum.run.runner import Request, run  # noqa: E402

TURN = 20
WATCH_EVERY = 200
BASE = "fixed, no watch"
BALANCES = {
    BASE: "kind: fixed, watch_every: null",
    "calibrated, no watch": "kind: calibrated, watch_every: null",
    "calibrated, its watch (default)": "kind: calibrated",
    f"calibrated, a look every {TURN} steps": f"kind: calibrated, watch_every: {TURN} steps",
}


class Calibrating:
    """An observer in a worker: CPU seconds from the phase's start to its calibration's end."""

    def __init__(self) -> None:
        self.began = 0.0

    def on_event(self, event: Event) -> None:
        """Say how long measuring took, and end."""
        if isinstance(event, PhaseStarted):
            self.began = time.process_time()
        if isinstance(event, Calibrated):
            print(time.process_time() - self.began, flush=True)
            raise SystemExit(0)


def worker(balance: str, *, calibration: bool) -> None:
    """Train for ever, in turns; or until the tasks are measured."""
    overrides = [
        f"defaults.balance={{{balance}}}",
        "phases.0.duration=1_000_000 steps",
        "defaults.evaluate_every=1_000_000 steps",
        "data.subjects=300",
        "checkpoints.every_seconds=null",
    ]
    loaded = load_plan(ROOT / "phases" / "joint.yaml", ABR_KINDS, overrides)
    with tempfile.TemporaryDirectory() as folder:
        request = Request(
            loaded=loaded, kinds=ABR_KINDS, folder=RunFolder(Path(folder) / "x"), threads=1
        )
        run(request, [Calibrating() if calibration else Turns(TURN)])


def ratios(spent: Mapping[str, Sequence[float]], name: str, other: str) -> list[float]:
    """One over the other, turn by turn."""
    return [one / base for one, base in zip(spent[name], spent[other], strict=True)]


def page(spent: Mapping[str, Sequence[float]], calibration: float) -> str:
    """What was found, as Markdown."""
    base = statistics.fmean(spent[BASE]) / TURN
    lines = [
        "| balance | ms a step, mean | over fixed, no watch |",
        "|---|---|---|",
    ]
    for name, seconds in spent.items():
        mean = statistics.fmean(seconds) / TURN
        share = statistics.fmean(seconds) / statistics.fmean(spent[BASE]) - 1
        low, high = interval(ratios(spent, name, BASE))
        lines.append(
            f"| {name} | {1000 * mean:.2f} | {100 * share:+.2f} % "
            f"({100 * (low - 1):+.2f} to {100 * (high - 1):+.2f}) |"
        )
    often = statistics.fmean(spent[f"calibrated, a look every {TURN} steps"])
    look = (often - statistics.fmean(spent["calibrated, no watch"])) / base
    turns = len(spent[BASE])
    return f"""\
# What the balance costs

`python benchmarks/balance.py --rounds {turns} --write`. CPU time of a step of the default model,
all six tasks on, batch 24: mean of {turns} turns of {TURN} steps, the trainings in turns; in
brackets the 95 % interval of the mean ratio, turn by turn. {platform.platform()}, torch
{torch.__version__}, one thread.

{chr(10).join(lines)}

One look costs {look:.2f} steps: {100 * look / WATCH_EVERY:.2f} % of the steps at the default
interval of {WATCH_EVERY}. Measuring all six tasks when they are turned on costs
{calibration / base:.0f} steps, once.
"""


def calibration_seconds(here: str) -> float:
    """CPU seconds of measuring all six tasks."""
    command = [sys.executable, here, "--worker", "kind: calibrated", "--calibration"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return float(done.stdout)


def interval(values: Sequence[float]) -> tuple[float, float]:
    """Mean ± 1.96 standard errors."""
    mean = statistics.fmean(values)
    error = 1.96 * statistics.stdev(values) / len(values) ** 0.5
    return mean - error, mean + error


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--write", action="store_true", help="write the page of results")
    parser.add_argument("--worker", metavar="BALANCE")
    parser.add_argument("--calibration", action="store_true", help="a worker that only measures")
    options = parser.parse_args()
    if options.worker:
        worker(options.worker, calibration=options.calibration)
        return
    here = str(Path(__file__))
    spent = side_by_side(
        {name: [here, "--worker", balance] for name, balance in BALANCES.items()}, options.rounds
    )
    text = page(spent, calibration_seconds(here))
    if options.write:
        (ROOT / "benchmarks" / "results" / "balance.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
