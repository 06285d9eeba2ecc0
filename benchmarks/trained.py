"""Runs of a plan with several seeds, trained once and then reused, in slices of time if need be."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from abr_model.config import ABR_KINDS
from curriculum.config import LoadedPlan, load_plan
from curriculum.run.folder import RunFolder

ROOT = Path(__file__).resolve().parents[1]
# As a user starts it; at its end it says how many seconds it computed.
_PROGRAM = """
import atexit, resource, sys
atexit.register(lambda: print(sum(resource.getrusage(resource.RUSAGE_SELF)[:2]), file=sys.stderr))
from abr_model.cli import run
run()
"""


@attrs.frozen(kw_only=True)
class Request:
    """What to train: a plan with some settings replaced, once for each seed."""

    plan: Path
    overrides: tuple[str, ...] = ()
    folder: Path  # where runs are kept
    threads: int = 1
    jobs: int = 1  # seeds at once
    minutes: float | None = None  # stop after so many; the same request goes on from there

    def loaded(self, seed: int) -> LoadedPlan:
        """The plan with this seed."""
        return load_plan(self.plan, ABR_KINDS, self.settings(seed))

    def settings(self, seed: int) -> list[str]:
        """What is replaced."""
        return [*self.overrides, f"seed={seed}", f"experiment=seed-{seed}"]

    def run_folder(self, seed: int) -> RunFolder:
        """The folder of a seed's run."""
        return RunFolder(self.folder / f"seed-{seed}")


@attrs.frozen(kw_only=True)
class Trained:
    """A finished run and what it cost."""

    seed: int
    loaded: LoadedPlan
    folder: RunFolder
    steps: int
    cpu_s: float
    phases: tuple[dict[str, Any], ...]


def train(request: Request, seeds: Sequence[int]) -> list[Trained]:
    """Train or reuse a run for each seed.

    Raises:
        SystemExit: a run failed, or time was up before all had ended.
    """
    request.folder.mkdir(parents=True, exist_ok=True)
    ends = None if request.minutes is None else time.monotonic() + 60 * request.minutes
    with ThreadPoolExecutor(request.jobs) as pool:
        found = list(pool.map(lambda seed: _train_one(request, seed, ends), seeds))
    open_ = [seed for seed, each in zip(seeds, found, strict=True) if each is None]
    if open_:
        names = ", ".join(map(str, open_))
        raise SystemExit(f"time was up before seed {names}: run the same command again to go on")
    return [each for each in found if each is not None]


def _train_one(request: Request, seed: int, ends: float | None) -> Trained | None:
    if ends is not None and time.monotonic() >= ends:
        return None
    settings = [part for each in request.settings(seed) for part in ("--set", each)]
    where = ["--runs-dir", str(request.folder.resolve()), "--threads", str(request.threads)]
    plan = str(request.plan.resolve())
    command = [sys.executable, "-c", _PROGRAM, "run", plan, *settings, *where, "--json"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        left = None if ends is None else max(ends - time.monotonic(), 1.0)
        out, err = process.communicate(timeout=left)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # it saves, and goes on from there the next time
        out, err = process.communicate()
    if process.returncode not in {0, 128 + signal.SIGINT}:
        raise SystemExit(f"seed {seed} ended with {process.returncode}:\n{err[-3000:]}")
    return _noted(request, seed, json.loads(out), float(err.split()[-1]))


def _noted(request: Request, seed: int, said: dict[str, Any], cpu_s: float) -> Trained | None:
    """Keep what a slice cost beside the run; None where the run has not ended."""
    folder = request.run_folder(seed)
    costs = folder.path / "cost.json"
    phases = said["phases"]
    spent = json.loads(costs.read_text())["cpu_s"] if costs.exists() else 0.0
    if phases and phases[0]["action"] == "ran":
        spent = 0.0
    if said["status"] != "done" or any(phase["action"] != "reused" for phase in phases):
        spent += cpu_s
        costs.write_text(json.dumps({"cpu_s": spent}))
    if said["status"] != "done":
        return None
    return Trained(
        seed=seed,
        loaded=request.loaded(seed),
        folder=folder,
        steps=sum(phase["steps"] for phase in phases),
        cpu_s=spent,
        phases=tuple(phases),
    )
