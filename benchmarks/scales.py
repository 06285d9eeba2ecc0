"""GradNorm's toy regression under every balance: what a loss in other units does to the others.

    python benchmarks/scales.py [--seeds 5] [--minutes 9] [--cost] [--write]

Chen et al. 2018 (arXiv 1711.02257, section 4): task i learns f_i(x) = σ_i tanh((B + ε_i) x), from
250 numbers to 100, on a trunk of four layers of 100 ReLUs and a linear head for each task. B and
ε_i have variance 10 and 3.5; x is normal with variance 1/250, new in every batch. 3000 steps of
Adam at 1e-3, batches of 100, squared error; what is shown is the sum over tasks of the test error
over σ². Two cases: σ = 1 and 100, and ten σ from 1 to 100. The oracle knows σ: fixed weights 1/σ².

Each finished training is kept in `--folder`, so that a run that was stopped goes on where it was.
`--cost` measures steps of every balance side by side with `fixed`; `--write` puts what is there
into `benchmarks/results/scales.md`.
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

import attrs
import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.side_by_side import Turns, side_by_side  # noqa: E402 - the checkout beside this file
from curriculum import train  # noqa: E402
from curriculum.supervised import SharedTrunk, TensorData  # noqa: E402
from curriculum.tasks import Assembly, Batch, Draws, Kept, TrivialPredictor  # noqa: E402

INPUTS, OUTPUTS, WIDTH, LAYERS = 250, 100, 100, 4
STEPS, BATCH = 3000, 100
Costs = Mapping[str, Mapping[str, Mapping[str, float]]]
"""Of each case, of each balance: `ms` of a step and its `ratio` to `fixed`."""
CASES: Mapping[str, tuple[float, ...]] = {
    "two": (1.0, 100.0),
    "ten": tuple(float(10 ** (2 * place / 9)) for place in range(10)),
}
ORACLE = "oracle 1/σ²"
STRATEGIES: Mapping[str, str] = {
    "equal (fixed)": "kind: fixed",
    ORACLE: "kind: fixed",
    "calibrated": "kind: calibrated",
    "log": "kind: log",
    "uncertainty": "kind: uncertainty",
    "dwa": "kind: dwa",
    "dwa, raw": "kind: dwa, normalize: false",
    "gradnorm": "kind: gradnorm, alpha: 0.12, measure_every: 1 step",
    "gradnorm, normalized": "kind: gradnorm, alpha: 0.12, measure_every: 1 step, normalize: true",
    "torchjd/upgrad": "kind: torchjd, aggregator: upgrad",
    "torchjd/pcgrad": "kind: torchjd, aggregator: pcgrad",
    "torchjd/aligned_mtl": "kind: torchjd, aggregator: aligned_mtl",
    "torchjd/mgda": "kind: torchjd, aggregator: mgda",
}
EQUAL = "equal (fixed)"
CLAIMED = [EQUAL, ORACLE, "calibrated"]
PLAN = """
experiment: {name}
seed: {seed}
model: {{kind: mine}}
data: {{kind: mine}}
checkpoints: {{every_seconds: null}}
defaults:
  global_batch: {batch}
  gradient_clip: null
  evaluate_every: {steps} steps
  optimizer: {{kind: adamw, learning_rate: 1e-3, weight_decay: 0}}
  schedule: {{kind: constant}}
  balance: {{{balance}, watch_every: null}}
phases:
  - name: all
    turn_on: {weights}
    duration: {steps} steps
"""


@attrs.frozen
class Fresh:
    """The input: new numbers for each sample and epoch."""

    name: str = "fresh"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """X (B, 250), normal with variance 1/250."""
        return {**batch, "x": draws.normal("x", INPUTS) / math.sqrt(INPUTS)}


@attrs.frozen(eq=False)
class Curve:
    """One task: σ tanh((B + ε) x)."""

    name: str
    sigma: float
    matrix_YX: Tensor
    view: Fresh = Fresh()
    reads: frozenset[str] = frozenset({"shared"})
    better: Mapping[str, Literal["higher", "lower"]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "better", {f"{self.name}/error": "lower"})

    @property
    def group(self) -> str:
        """It is alone."""
        return self.name

    @property
    def score(self) -> Curve:
        """It judges itself."""
        return self

    def target(self, inputs: Batch) -> Tensor:
        """(B, 100)."""
        return self.sigma * torch.tanh(inputs["x"] @ self.matrix_YX.T)

    def count(self, batch: Batch) -> float:
        """Every sample has a label."""
        return float(len(batch["number"]))

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """Mean over outputs, sum over samples, of the squared error."""
        return (prediction - self.target(inputs)).square().mean(1).sum()

    def objection(self, batch: Batch) -> str | None:
        """Any number can be predicted."""
        del batch

    def keep(self, prediction: Tensor, inputs: Batch) -> Kept:
        """Squared error over σ²."""
        error = (prediction - self.target(inputs)).square().mean(1).double()
        return {"error": error / self.sigma**2}

    def error(self, kept: Kept) -> float | None:
        """Its mean."""
        return float(kept["error"].mean())

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """The same."""
        return {f"{self.name}/error": float(kept["error"].mean())}

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """Zero, the mean of the targets."""
        del train
        return {"zero": lambda inputs: torch.zeros(len(inputs["x"]), OUTPUTS)}


def assembly(case: str, seed: int) -> Assembly:
    """Tasks, drawn by the seed, and the model, by torch's own."""
    random = np.random.default_rng(seed)
    shared = random.standard_normal((OUTPUTS, INPUTS)) * math.sqrt(10.0)
    tasks = tuple(
        Curve(
            f"f{number}",
            sigma,
            torch.from_numpy(
                shared + random.standard_normal((OUTPUTS, INPUTS)) * math.sqrt(3.5)
            ).float(),
        )
        for number, sigma in enumerate(CASES[case])
    )
    layers: list[nn.Module] = []
    for layer in range(LAYERS):
        layers += [nn.Linear(WIDTH if layer else INPUTS, WIDTH), nn.ReLU()]
    heads = {task.name: nn.Linear(WIDTH, OUTPUTS) for task in tasks}
    return Assembly(model=SharedTrunk("x", nn.Sequential(*layers), heads), tasks=tasks)


def plan_of(case: str, strategy: str, seed: int, steps: int) -> str:
    """The plan as text."""
    weights = {
        f"f{number}": sigma**-2 if strategy == ORACLE else 1.0
        for number, sigma in enumerate(CASES[case])
    }
    return PLAN.format(
        name="toy",
        seed=seed,
        batch=BATCH,
        steps=steps,
        balance=STRATEGIES[strategy],
        weights=json.dumps(weights),
    )


def trained(case: str, strategy: str, seed: int, steps: int, *observers: object) -> float:
    """Train; returns the sum of the tasks' errors."""
    data = TensorData(
        train={"number": torch.arange(10_000)}, validation={"number": torch.arange(2_000)}
    )
    with tempfile.TemporaryDirectory() as folder:
        (phase,) = train(
            plan_of(case, strategy, seed, steps),
            build=lambda: assembly(case, seed),
            data=data,
            runs_dir=Path(folder),
            threads=1,
            observers=observers,  # type: ignore[arg-type]
        )
    return math.fsum(phase["metrics"].values())


def trials(seeds: int) -> Iterator[tuple[str, str, int]]:
    """Every training: what the claims are about first, then the others, each seed by seed."""
    for group in (CLAIMED, [each for each in STRATEGIES if each not in CLAIMED]):
        for seed in range(seeds):
            yield from ((case, strategy, seed) for case in CASES for strategy in group)


def worker(case: str, strategy: str, every: int) -> None:
    """Train for ever, in turns."""
    trained(case, strategy, 0, 10**6, Turns(every))


def measure_cost(case: str, rounds: int, every: int) -> dict[str, dict[str, float]]:
    """Milliseconds of a step of each balance, and its ratio to `fixed` round by round."""
    commands = {
        name: [str(Path(__file__)), "--worker", case, name, str(every)]
        for name in STRATEGIES
        if name != ORACLE
    }
    base, found = EQUAL, {}
    spent = side_by_side(commands, rounds)
    for name, seconds in spent.items():
        ratios = [one / other for one, other in zip(seconds, spent[base], strict=True)]
        found[name] = {
            "ms": 1000 * statistics.median(seconds) / every,
            "ratio": statistics.median(ratios),
        }
    return found


def table(results: Mapping[str, float], costs: Costs) -> str:
    """What was found, as Markdown."""
    lines = [
        "| balance | σ = 1, 100 | of the oracle | step | ten σ, 1 to 100 | of the oracle | step |",
        "|---|---|---|---|---|---|---|",
    ]
    by_case = {case: _by_strategy(results, case) for case in CASES}
    for strategy in STRATEGIES:
        cells = [strategy]
        for case in CASES:
            errors, oracle = by_case[case][strategy], by_case[case][ORACLE]
            if not errors:
                cells += ["–"] * 3
                continue
            both = [seed for seed in errors if seed in oracle]
            ratios = [errors[seed] / oracle[seed] for seed in both]
            cost = costs.get(case, {}).get(EQUAL if strategy == ORACLE else strategy)
            cells += [
                _spread(list(errors.values())),
                _spread(ratios),
                "–" if cost is None else f"{cost['ratio']:.2f} ({cost['ms']:.2f} ms)",
            ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def claims(results: Mapping[str, float]) -> Iterator[tuple[str, float, float]]:
    """What must hold: a ratio of mean errors over the same seeds, and its limit."""
    for case, other, limit in (("two", ORACLE, 1.05), ("ten", ORACLE, 1.05), ("two", EQUAL, 0.85)):
        by = _by_strategy(results, case)
        both = [seed for seed in by["calibrated"] if seed in by[other]]
        if both:
            ours, theirs = (
                statistics.fmean(by[each][seed] for seed in both) for each in ("calibrated", other)
            )
            yield f"{case} σ: calibrated over {other}, {len(both)} seeds", ours / theirs, limit


def trivial() -> float:
    """A task's error where zero is predicted: the mean of tanh² of normal z, variance 13.5."""
    sample = torch.randn(10**6, generator=torch.Generator().manual_seed(0)) * math.sqrt(13.5)
    return float(torch.tanh(sample).square().mean())


def _by_strategy(results: Mapping[str, float], case: str) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {strategy: {} for strategy in STRATEGIES}
    for name, error in results.items():
        of, strategy, seed = name.split("|")
        if of == case:
            found[strategy][seed] = error
    return found


def _spread(values: list[float]) -> str:
    if len(values) < 2:
        return f"{values[0]:.3f} (1)" if values else "–"
    return f"{statistics.fmean(values):.3f} ± {statistics.stdev(values):.3f} ({len(values)})"


PAGE = """\
# Losses in other units

`python benchmarks/scales.py --seeds {seeds} --cost --write`. GradNorm's toy regression (Chen et al.
2018), 3000 steps: the sum over tasks of the test error over σ², mean ± standard deviation over
seeds (how many); lower is better, and a model that predicts zero has about {zero}.
On each seed every balance has the same tasks, initial weights and batches. "Of the oracle": the
error over that of fixed weights 1/σ² on the same seeds. "Step": CPU time of a step over one of
`fixed`, both in turns, and in milliseconds; the watch is off. In a model this small the engine's
own work shows at its largest.
`gradnorm` measures at every step, as published; by default it does at every tenth.
{machine}.

{table}

What must hold:

{claims}
"""


def write(results: Mapping[str, float], costs: Costs) -> None:
    """The page of results."""
    seeds = len({name.split("|")[2] for name in results})
    page = PAGE.format(
        seeds=seeds,
        zero=f"{2 * trivial():.2f} in the first case, {10 * trivial():.1f} in the second",
        machine=f"{platform.platform()}, torch {torch.__version__}, one thread",
        table=table(results, costs),
        claims="\n".join(
            f"- {name}: {value:.3f}, at most {limit:g}: {'holds' if value <= limit else 'FAILS'}"
            for name, value, limit in claims(results)
        ),
    )
    (ROOT / "benchmarks" / "results" / "scales.md").write_text(page, encoding="utf-8")


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many")
    parser.add_argument("--cost", action="store_true", help="measure steps, if not yet measured")
    parser.add_argument("--write", action="store_true", help="write the page of results")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "abr-scales")
    parser.add_argument("--worker", nargs=3, metavar=("CASE", "BALANCE", "EVERY"))
    options = parser.parse_args()
    if options.worker:
        worker(options.worker[0], options.worker[1], int(options.worker[2]))
        return
    options.folder.mkdir(parents=True, exist_ok=True)
    kept, kept_costs = options.folder / "results.json", options.folder / "costs.json"
    results: dict[str, float] = json.loads(kept.read_text()) if kept.exists() else {}
    costs = json.loads(kept_costs.read_text()) if kept_costs.exists() else {}
    ends = time.monotonic() + 60 * options.minutes
    for case, strategy, seed in trials(options.seeds):
        name = f"{case}|{strategy}|{seed}"
        if name not in results and time.monotonic() < ends:
            results[name] = trained(case, strategy, seed, STEPS)
            kept.write_text(json.dumps(results, indent=1))
            print(f"{name}: {results[name]:.4f}", file=sys.stderr)
    for case in CASES if options.cost else ():
        if case not in costs:
            costs[case] = measure_cost(case, rounds=20, every=20)
            kept_costs.write_text(json.dumps(costs, indent=1))
    if options.write:
        write(results, costs)
    print(table(results, costs))
    sys.exit(0 if all(value <= limit for _, value, limit in claims(results)) else 1)


if __name__ == "__main__":
    main()
