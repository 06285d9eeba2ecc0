"""The command line in tests: in this process, or as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "from abr_model.cli import run; run()")
SMOKE = ROOT / "phases" / "smoke.yaml"

PLAN = """\
experiment: tiny
seed: 7
model: {kind: python, factory: "support.tiny:build"}
data: {kind: python, factory: "support.tiny:data"}
checkpoints: {every: 4 steps, every_seconds: null}
defaults:
  global_batch: 12
  evaluate_every: 4 steps
  optimizer: {kind: adamw, learning_rate: 1e-2}
  schedule: {kind: constant}
phases:
  - name: first
    turn_on: {shape: 1.0}
    duration: 6 steps
  - name: second
    turn_on: {kind: 0.5}
    duration: 6 steps
"""
"""A plan of a fraction of a second."""


@attrs.frozen
class Answer:
    """What a command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """What stdout holds, where that is one JSON document and nothing else."""
        found: dict[str, Any] = json.loads(self.out)
        return found


Command = Callable[..., Answer]


def environment(changes: Mapping[str, str] | None = None) -> dict[str, str]:
    """That of a process of its own: without what would colour it, with the packages under test."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS", "LINES"}
    }
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests")])
    return {**kept, "PYTHONPATH": path, "TERM": "xterm-256color", **(changes or {})}


def process(
    arguments: Sequence[str], folder: Path, changes: Mapping[str, str] | None = None
) -> Answer:
    """Run the program as a process of its own, with pipes."""
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(changes),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
