"""The historic failure, replayed: a plain loop as it was then, and our defaults on the same data.

    python benchmarks/replay.py [--seeds 1 2 3] [--steps 1000] [--minutes 8]

Runs, for each seed (which draws ears and weights): the plain loop of `benchmarks/plain_loop.py`
with every choice of then, with its amplitudes told in nV and in V, and with one choice at a time;
`phases/joint.yaml` and `phases/default.yaml`, shortened to as many steps. Trunk, optimizer,
learning rate, clipping and batch are the same throughout. What has run is kept in `--folder`;
`--minutes` starts no other run after so many, and the same command goes on from there. Writes
`benchmarks/results/replay.md`, of what has run, and prints it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import attrs
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.config import ABR_KINDS, AbrUnet, Synthetic  # noqa: E402 - the checkout beside this
from abr_model.loading import load_synthetic  # noqa: E402
from benchmarks.historic import Choices, assemble_then  # noqa: E402
from benchmarks.plain_loop import Settings, train  # noqa: E402
from benchmarks.replay_shares import beyond, blocks_of_losses, blocks_of_run  # noqa: E402
from benchmarks.replay_tables import report  # noqa: E402
from curriculum.config import load_plan  # noqa: E402
from curriculum.config.schema import AfterDuration  # noqa: E402
from curriculum.events import Event  # noqa: E402
from curriculum.run.folder import RunFolder  # noqa: E402
from curriculum.run.restored import restore_run  # noqa: E402
from curriculum.run.runner import Request, run  # noqa: E402
from curriculum.sampling import Place  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "replay.md"
THEN = Choices(raw_units=True, gaussian=True, bounded=True, huber=True)
PLAIN = {
    "then": THEN,
    "then, V": attrs.evolve(THEN, amplitude_unit=1e6),
    "then, nV": attrs.evolve(THEN, amplitude_unit=1e-3),
    "weights 1": Choices(),
    "raw units": Choices(raw_units=True),
    "likelihood": Choices(gaussian=True),
    "bounds": Choices(bounded=True),
    "Huber": Choices(huber=True),
}
"""Plain loops by name; "weights 1" has our losses, and each below it one choice of then more."""
OURS = {"joint": "joint.yaml", "curriculum": "default.yaml"}


class Quiet:
    """Nobody looks on."""

    def on_event(self, event: Event) -> None:
        """Nothing."""
        del event


def plain(name: str, seed: int, steps: int, folder: Path) -> dict[str, Any]:
    """Train and judge a plain loop."""
    del folder
    defaults = load_plan(ROOT / "phases" / "joint.yaml", ABR_KINDS).plan
    model, training = defaults.model.settings, defaults.defaults
    assert isinstance(model, AbrUnet)
    assert isinstance(defaults.data.settings, Synthetic)
    data: Any = load_synthetic(defaults.data.settings, seed)
    torch.manual_seed(int(Place(seed, -1).key("model")[0]) >> 1)  # the trunk of our runs
    assembly = assemble_then(model, data, PLAIN[name])
    optimizer: Any = training.optimizer
    settings = Settings(
        steps=steps,
        learning_rate=optimizer.learning_rate,
        weight_decay=optimizer.weight_decay,
        warmup=training.schedule.warmup.count,
        clip=training.gradient_clip or float("inf"),
        batch=training.global_batch,
    )
    found = train(assembly, data, seed, settings)
    return {
        "skill": found.skill,
        "metrics": found.metrics,
        "trivial": found.trivial,
        "looks": {step: attrs.asdict(look) for step, look in found.looks.items()},
        "blocks": blocks_of_losses(found.losses),
        "beyond": beyond(assembly, data),
    }


def ours(name: str, seed: int, steps: int, folder: Path) -> dict[str, Any]:
    """Train and judge a plan, each phase shortened by the same factor."""
    path = ROOT / "phases" / OURS[name]
    phases = load_plan(path, ABR_KINDS).plan.phases
    lengths = [phase.exit_rule.duration.count for phase in phases if _fixed(phase.exit_rule)]
    assert len(lengths) == len(phases), "phases must have a duration to be shortened"
    short = [round(length * steps / sum(lengths)) for length in lengths]
    overrides = [f"seed={seed}", f"experiment={name}-{seed}", "defaults.evaluate_every=1000 steps"]
    for phase, length in zip(phases, short, strict=True):
        overrides += [f"phases.{phase.name}.duration={length} steps"]
    loaded = load_plan(path, ABR_KINDS, overrides)
    where = RunFolder(folder / f"{name}-{seed}")
    found = run(Request(loaded=loaded, kinds=ABR_KINDS, folder=where, threads=1), [])
    restored = restore_run(where, loaded, ABR_KINDS, Quiet(), threads=1)
    return {
        "skill": found[-1]["skill"],
        "metrics": found[-1]["metrics"],
        "trivial": found[-1]["trivial"],
        "blocks": blocks_of_run(where.journal, loaded.plan, restored.data),
        "beyond": beyond(restored.assembly, restored.data),
    }


def _fixed(rule: Any) -> bool:
    return isinstance(rule, AfterDuration)


def measured(options: argparse.Namespace) -> dict[str, dict[int, dict[str, Any]]]:
    """The numbers of every run, by name and seed; runs what has not run yet, while there is time.

    What the comparison rests on comes first, for every seed.
    """
    ends = float("inf") if options.minutes is None else time.monotonic() + 60 * options.minutes
    options.folder.mkdir(parents=True, exist_ok=True)
    first = ("then", *OURS, "then, V")
    found: dict[str, dict[int, dict[str, Any]]] = {name: {} for name in (*first, *PLAIN)}
    work = [(name, seed) for seed in options.seeds for name in first]
    work += [(name, seed) for seed in options.seeds for name in PLAIN if name not in first]
    for name, seed in work:
        path = options.folder / f"{name.replace(', ', '-')}-{seed}-{options.steps}.json"
        if not path.exists() and time.monotonic() < ends:
            began = time.process_time()
            numbers = (ours if name in OURS else plain)(name, seed, options.steps, options.folder)
            numbers["cpu_s"] = time.process_time() - began
            path.write_text(json.dumps(numbers))
            print(f"{name}, seed {seed}: {numbers['cpu_s']:.0f} s", file=sys.stderr)
        if path.exists():
            found[name][seed] = json.loads(path.read_text())
        else:
            print(f"not run yet: {name}, seed {seed}", file=sys.stderr)
    return found


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--minutes", type=float, help="start no other run after so many")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "replay")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    return parser


def main() -> None:
    """Run, write and print."""
    options = arguments().parse_args()
    torch.set_num_threads(1)
    text = report(measured(options), options.steps)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(text, encoding="utf-8")
    print(text, end="")


if __name__ == "__main__":
    main()
