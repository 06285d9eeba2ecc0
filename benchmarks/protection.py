"""What each protection does: a second phase that damages the first task, without and with it.

    python benchmarks/protection.py [--seeds 5]

A small trunk learns a number (`first`), then classes of something else (`second`) at a high
learning rate, with next to no weight left for the number. Writes
`benchmarks/results/protection.md`.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, stdev

import numpy as np
import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from curriculum import train  # noqa: E402 - the checkout beside this file
from curriculum.errors import PolicyStop  # noqa: E402
from curriculum.supervised import (  # noqa: E402
    Classification,
    Regression,
    SharedTrunk,
    TensorData,
)
from curriculum.tasks import Assembly, Batch  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "protection.md"
WIDTH = 16
PLAN = """
experiment: protection
model: {kind: mine}
data: {kind: mine}
checkpoints: {every_seconds: null}
defaults:
  global_batch: 32
  evaluate_every: 25 steps
  optimizer: {kind: adamw, learning_rate: 3e-3}
  schedule: {kind: cosine, warmup: 10 steps}
phases:
  - name: first
    turn_on: {number: 1.0}
    duration: 400 steps
  - name: second
    turn_on: {classes: 1.0, number: 1e-4}
    duration: 200 steps
    optimizer: {learning_rate: 3e-2}
"""
SECOND = "phases.second."
RETAIN = f"{SECOND}retain={{number: 0.05}}"
ALONE = f"{SECOND}turn_on={{classes: 1.0}}"
ARMS: dict[str, Sequence[str]] = {
    "none": (),
    "`head_warmup: 100 steps`": (f"{SECOND}head_warmup=100 steps",),
    "`trunk_rate: 0.05`": (f"{SECOND}trunk_rate=0.05",),
    "a weight of 0.1": (f"{SECOND}turn_on={{classes: 1.0, number: 0.1}}",),
    "the weight it had (`number: 1.0`)": (f"{SECOND}turn_on={{classes: 1.0, number: 1.0}}",),
    "`hold: {number: 10}` instead of its labels": (ALONE, f"{SECOND}hold={{number: 10.0}}"),
    "`hand_off: {kind: best}` by its skill": (
        f"{SECOND}hand_off={{kind: best, metric: number/skill}}",
    ),
    "`retain`, and `stop`": (RETAIN,),
    "`retain`, and `rollback` with a tenth of the rate": (
        RETAIN,
        f"{SECOND}on_violation={{kind: rollback, rate_factor: 0.1}}",
    ),
    "`retain`, and `rehearse` for 400 steps, at most twice": (
        RETAIN,
        f"{SECOND}on_violation={{kind: rehearse, by: 400 steps, times: 2, weight: 1e4}}",
    ),
    "a weight of 0.1, `retain`, and `extend` by 100 steps": (
        f"{SECOND}turn_on={{classes: 1.0, number: 0.1}}",
        RETAIN,
        f"{SECOND}on_violation={{kind: extend, by: 100 steps, times: 3}}",
    ),
}


def build() -> Assembly:
    """The model and its two tasks."""
    trunk = nn.Sequential(nn.Linear(WIDTH, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh())
    heads = {"number": nn.Linear(32, 1), "classes": nn.Linear(32, 4)}
    model = SharedTrunk("x", trunk, heads)
    return Assembly(model=model, tasks=(Regression("number"), Classification("classes")))


def make_data(seed: int) -> TensorData:
    """Inputs, a smooth number of them, and classes by another direction; noise in both."""
    random = np.random.default_rng(seed)
    one, other = random.standard_normal((2, WIDTH)) / np.sqrt(WIDTH)

    def part(samples: int) -> Batch:
        x = random.standard_normal((samples, WIDTH))
        number = np.sin(1.5 * x @ one) + 0.1 * random.standard_normal(samples)
        score = x @ other + 0.1 * random.standard_normal(samples)
        classes = np.digitize(score, [-0.7, 0.0, 0.7])
        return {
            "x": torch.from_numpy(x).float(),
            "number": torch.from_numpy(number).float(),
            "classes": torch.from_numpy(classes),
        }

    return TensorData(train=part(2000), validation=part(2000))


def skills(overrides: Sequence[str], seed: int) -> tuple[float, float, float] | None:
    """Skill of `number` after its own phase and at the end, and of `classes`; None: stopped."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            first, second = train(
                PLAN,
                build=build,
                data=make_data(seed),
                runs_dir=Path(folder),
                overrides=[f"seed={seed}", *overrides],
            )
        except PolicyStop:
            return None
    return first["skill"]["number"], second["skill"]["number"], second["skill"]["classes"]


def row(name: str, found: Sequence[tuple[float, float, float] | None]) -> str:
    """A line of the table."""
    ended = [each for each in found if each is not None]
    cells = [
        f"{fmean(column):.3f} ± {stdev(column):.3f}" if len(column) > 1 else "–"
        for column in zip(*ended, strict=True)
    ] or ["–"] * 3
    return f"| {name} | {' | '.join(cells)} | {len(found) - len(ended)} of {len(found)} |"


def main() -> None:
    """Train every arm with every seed, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows: list[str] = []
    for name, overrides in ARMS.items():
        rows.append(row(name, [skills(overrides, seed) for seed in range(options.seeds)]))
        print(rows[-1], file=sys.stderr)
    what = (
        f"`python benchmarks/protection.py --seeds {options.seeds}`: skill on held-out samples, "
        "mean ± standard deviation over seeds, each with data of its own. The second phase gives "
        "the first task a weight of 1e-4 beside 1, unless said otherwise."
    )
    columns = ("protection", "first task, after its phase", "first task, at the end")
    columns = (*columns, "second task", "stopped")
    machine = f"One thread, {platform.platform()}, torch {torch.__version__}."
    head = f"| {' | '.join(columns)} |\n|---|---|---|---|---|"
    text = "\n".join(
        ["# Protection of what was learned", "", what, "", head, *rows, "", machine, ""]
    )
    options.results.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
