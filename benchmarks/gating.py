"""What gating saves: milliseconds of a step by set of active tasks, and where the time goes.

    python benchmarks/gating.py [--steps 20] [--repeats 5] [--threads 2]

Forward, loss, backward and AdamW on the default model, batch 24, synthetic ears. The sets are
measured in turn, several times over, so that a slow moment of the machine does not fall on one of
them alone. Shares are of the time inside forward passes, by hooks on the parts, in a separate run.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.config import AbrUnet  # noqa: E402 - the checkout beside this file
from abr_model.data import synthetic_data  # noqa: E402
from abr_model.tasks import build  # noqa: E402
from curriculum.config.schema import AdamW  # noqa: E402
from curriculum.sampling import Order, Place  # noqa: E402
from curriculum.trainer.objective import Objective  # noqa: E402
from curriculum.trainer.optim import make_optimizer, trained_parameters  # noqa: E402

PEAKS = ("peak_existence", "peak_latency", "peak_amplitude")
ALL = ("signal", "classification", *PEAKS, "threshold")
SETS = {
    "signal": ("signal",),
    "classification": ("classification",),
    "threshold": ("threshold",),
    "peaks": PEAKS,
    "all but signal": ALL[1:],
    "signal, classification": ALL[:2],
    "signal, classification, peaks": ALL[:5],
    "all": ALL,
}
PARTS = (
    "condition",
    "stem",
    "encoder",
    "down",
    "bottom",
    "up",
    "join",
    "decoder",
    "unstem",
    "beside",
)


class Stepper:
    """Optimizer steps of the default model with some tasks on."""

    def __init__(self, objective: Objective, tasks: tuple[str, ...]) -> None:
        self.objective, self.tasks = objective, tasks
        self.parameters = trained_parameters(objective.assembly.model, tasks)
        self.optimizer = make_optimizer(AdamW(learning_rate=1e-6), self.parameters)
        self.place, self.step = Place(0, 0), 0

    def run(self, steps: int) -> float:
        """Milliseconds of a step."""
        order = Order(self.place, len(self.objective.split))
        began = time.perf_counter()
        for _ in range(steps):
            self.step += 1
            weights = dict.fromkeys(self.tasks, 1.0)
            drawn = order.batch(self.step, 24)
            self.objective.backward(weights, drawn, self.place, weights, step=self.step)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
        return 1000 * (time.perf_counter() - began) / steps


def shares(objective: Objective, steps: int) -> dict[str, float]:
    """Share of the forward time that each part of the trunk and each head takes, all tasks on."""
    model = objective.assembly.model
    spent: dict[str, float] = defaultdict(float)
    began: dict[str, float] = {}

    def watch(name: str, module: nn.Module) -> None:
        module.register_forward_pre_hook(lambda *_: began.__setitem__(name, time.perf_counter()))
        module.register_forward_hook(
            lambda *_: spent.__setitem__(name, spent[name] + time.perf_counter() - began[name])
        )

    for part in PARTS:
        inner = getattr(model.trunk, part)
        if not isinstance(inner, nn.ModuleList):
            watch(f"trunk: {part}", inner)
            continue
        leaves = [
            leaf for each in inner for leaf in (each if isinstance(each, nn.ModuleList) else [each])
        ]
        for leaf in leaves:
            watch(f"trunk: {part}", leaf)
    for name, head in model.heads.items():
        watch(f"head: {name}", head)
    Stepper(objective, ALL).run(steps)
    whole = sum(spent.values())
    return {name: value / whole for name, value in spent.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    data = synthetic_data(200, 6, 15.0, 0.15, 0.15, seed=0)
    objective = Objective(build(AbrUnet(), data), data.splits["train"], torch.device("cpu"))
    steppers = {name: Stepper(objective, tasks) for name, tasks in SETS.items()}
    for stepper in steppers.values():
        stepper.run(3)
    found: dict[str, list[float]] = {name: [] for name in SETS}
    for _ in range(options.repeats):
        for name, stepper in steppers.items():
            found[name].append(stepper.run(options.steps))
    print(f"{platform.platform()}, torch {torch.__version__}, {options.threads} threads, batch 24,")
    print(f"median of {options.repeats} runs of {options.steps} steps (lowest to highest)\n")
    print(f"{'active tasks':32}{'ms a step':>10}{'spread':>16}{'of all':>8}")
    whole = statistics.median(found["all"])
    for name, values in found.items():
        middle = statistics.median(values)
        spread = f"{min(values):.1f} to {max(values):.1f}"
        print(f"{name:32}{middle:10.1f}{spread:>16}{middle / whole:8.2f}")
    print(f"\n{'part, all tasks on':32}{'of forward':>10}")
    for name, share in sorted(shares(objective, options.steps).items(), key=lambda item: -item[1]):
        print(f"{name:32}{100 * share:9.1f} %")


if __name__ == "__main__":
    main()
