"""Trainings that take turns: what a step of each costs, on a machine that others use too.

Each training is a process of its own that stops after every few steps, says how much CPU time it
has used, and waits for its next turn. So a slow moment of the machine falls on all of them alike,
and waiting does not count.

    found = side_by_side({"fixed": [...], "calibrated": [...]}, rounds=40)   # in the benchmark
    Turns(every=10)                                                          # observer, in a worker
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


class Turns:
    """An observer in a worker: after every so many steps it reports, and waits."""

    def __init__(self, every: int) -> None:
        self.every = every

    def on_event(self, event: object) -> None:
        """Report the process's CPU seconds after every so many steps."""
        if getattr(event, "event", "") == "step" and event.step % self.every == 0:  # type: ignore[attr-defined]
            print(time.process_time(), flush=True)
            if not sys.stdin.readline():
                raise SystemExit(0)


def side_by_side(commands: Mapping[str, Sequence[str]], rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each round of each worker; what comes before its first report is not counted.

    Args:
        commands: arguments for Python, by name; each a worker with `Turns` among its observers.
        rounds: turns that each worker gets.
    """
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    pipe = subprocess.PIPE
    workers = {
        name: subprocess.Popen(
            [sys.executable, *command],
            stdin=pipe,
            stdout=pipe,
            stderr=subprocess.DEVNULL,
            text=True,
            env=environment,
        )
        for name, command in commands.items()
    }
    try:
        before = {name: _report(worker, name) for name, worker in workers.items()}
        found: dict[str, list[float]] = {name: [] for name in workers}
        for turn in range(rounds):
            names = list(workers) if turn % 2 == 0 else list(reversed(workers))
            for name in names:
                worker = workers[name]
                assert worker.stdin is not None
                worker.stdin.write("go on\n")
                worker.stdin.flush()
                now = _report(worker, name)
                found[name].append(now - before[name])
                before[name] = now
        return found
    finally:
        for worker in workers.values():
            worker.kill()
            worker.communicate()  # closes its pipes


def _report(worker: subprocess.Popen[str], name: str) -> float:
    assert worker.stdout is not None
    line = worker.stdout.readline()
    if not line:
        raise SystemExit(f"the worker of {name} ended early, with {worker.wait()}")
    return float(line)
