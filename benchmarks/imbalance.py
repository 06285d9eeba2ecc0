"""Classes of 79.7 to 0.8 %: what each loss and sampler makes of the rare ones.

    python benchmarks/imbalance.py [--seeds 1 2 3 4 5] [--minutes 9]

Trains the ABR model's class head on synthetic ears, which have the shares of a clinic's 2,038
patients, once for each option and seed, with one thread. Everything but the option is the same:
model, ears, order of weights' draws, steps, learning rate. All are judged on the same unseen ears.
What is done is kept in `--folder`; `--minutes` starts no run after so many, and the same command
goes on from there. Writes `benchmarks/results/imbalance.md` from what there is, and prints it.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.config import ABR_KINDS, Synthetic  # noqa: E402 - the checkout beside this file
from abr_model.data import AbrData  # noqa: E402
from abr_model.loading import load_synthetic  # noqa: E402
from benchmarks.imbalance_judged import Decided, TestEars, decide  # noqa: E402
from benchmarks.imbalance_tables import report  # noqa: E402
from benchmarks.judged import Quiet  # noqa: E402
from curriculum.config import LoadedPlan, load_plan_text  # noqa: E402
from curriculum.run.folder import RunFolder  # noqa: E402
from curriculum.run.restored import restore_run  # noqa: E402
from curriculum.run.runner import Request, run  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "imbalance.md"
PLAN = """\
experiment: imbalance
model: {kind: abr_unet, base_channels: 16, n_levels: 3, n_s4_layers: 1, dropout: 0.1}
data:
  kind: synthetic
  subjects: 2400
  recordings_per_subject: 4
  validation_share: 0.05
  test_share: 0.05
defaults:
  global_batch: 24
  evaluate_every: 2000 steps
  optimizer: {kind: adamw, learning_rate: 2e-3, weight_decay: 1e-5}
  schedule: {kind: cosine, warmup: 100 steps}
phases:
  - {name: learn, turn_on: {classification: 1.0}, duration: 900 steps}
  - {name: finish, duration: 300 steps, schedule: {warmup: 20 steps}}
"""
LOSS = "defaults.class_loss={{kind: {}}}"
TEMPERED = "defaults.sampler={kind: tempered, task: classification, temperature: 0.5}"
DEFAULT = "logit-adjusted"
OPTIONS: dict[str, tuple[str, ...]] = {
    "cross-entropy": (LOSS.format("cross_entropy"),),
    DEFAULT: (),
    "class-balanced": (LOSS.format("class_balanced"),),
    "focal": (LOSS.format("focal"),),
    "deferred-re-weighting": (
        LOSS.format("cross_entropy"),
        "phases.finish.class_loss={kind: class_balanced}",
    ),
    "tempered-cross-entropy": (LOSS.format("cross_entropy"), TEMPERED),
    "tempered-logit-adjusted": (TEMPERED,),
}


@lru_cache(maxsize=1)
def ears(settings: Synthetic, seed: int) -> AbrData:
    """The ears of a seed, made once for all options."""
    return load_synthetic(settings, seed)


KINDS = attrs.evolve(
    ABR_KINDS, data={"synthetic": attrs.evolve(ABR_KINDS.data["synthetic"], load=ears)}
)


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--test-ears", type=int, default=8000, help="ears to judge by")
    parser.add_argument("--rare-ears", type=int, default=30_000, help="that the rare are taken of")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "imbalance")
    parser.add_argument("--minutes", type=float, help="start no run after so many")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    return parser


def main() -> None:
    """Train, judge, write and print."""
    options = arguments().parse_args()
    torch.set_num_threads(1)
    ends = time.monotonic() + 60 * (options.minutes or 1e9)
    todo = [(seed, name) for seed in options.seeds for name in OPTIONS]
    test = TestEars.make(options.test_ears, options.rare_ears)
    found: dict[str, dict[int, Decided]] = {}
    left: list[str] = []
    for seed, name in todo:
        loaded = plan_of(name, seed, options.overrides)
        kept = options.folder / "judged" / loaded.plan.experiment
        wanted = {"settings": [loaded.text, *loaded.overrides], "test": test.fingerprint}
        known = Decided.read(kept)
        if known is None or any(known.facts[each] != value for each, value in wanted.items()):
            if time.monotonic() > ends:
                left.append(f"{name} of seed {seed}")
                continue
            known = train_and_predict(loaded, options.folder, test, wanted)
            known.write(kept)
        found.setdefault(name, {})[seed] = known
    text = report(found, DEFAULT, head(options, test, found), left, test)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(text, encoding="utf-8")
    print(text, end="")


def plan_of(name: str, seed: int, overrides: Sequence[str]) -> LoadedPlan:
    """The plan of an option."""
    settings = [f"experiment={name}-{seed}", f"seed={seed}", *OPTIONS[name], *overrides]
    return load_plan_text(PLAN, "imbalance", KINDS, settings)


def train_and_predict(
    loaded: LoadedPlan, folder: Path, test: TestEars, wanted: dict[str, Any]
) -> Decided:
    """Train a plan, or go on with it; what it says of the test ears, and what it cost."""
    place, began = RunFolder(folder / loaded.plan.experiment), time.process_time()
    phases = run(Request(loaded=loaded, kinds=KINDS, folder=place, threads=1), [Quiet()])
    costs = place.path / "cost.json"
    spent = json.loads(costs.read_text()) if costs.exists() else 0.0
    if any(phase["action"] != "reused" for phase in phases):
        spent += time.process_time() - began
        costs.write_text(json.dumps(spent))
    restored = restore_run(place, loaded, KINDS, Quiet(), threads=1)
    split = restored.data.splits["train"]
    labels = split.batch(np.arange(len(split)))
    rare = (labels["hearing_class"] == test.rare).nonzero()[:, 0]
    facts = {
        **wanted,
        "cpu_s": spent,
        "train": [len(split), len(labels["subject"].unique())],
        "train_rare": [len(rare), len(labels["subject"][rare].unique())],
    }
    return decide(restored, test, facts)


def head(options: argparse.Namespace, test: TestEars, found: dict[str, dict[int, Decided]]) -> str:
    """What was done, with which numbers of ears."""
    runs = next(iter(found.values()), {})
    trained = "; ".join(
        f"seed {seed}: {rare[0]} recordings of {rare[1]} ears of the rarest class among {whole[0]} "
        f"of {whole[1]}"
        for seed, each in sorted(runs.items())
        for rare, whole in [(each.facts["train_rare"], each.facts["train"])]
    )
    settings = "".join(f" --set {each}" for each in options.overrides)
    return (
        f"`python benchmarks/imbalance.py{settings}` on {platform.system()} {platform.machine()}, "
        f"torch {torch.__version__}, one thread. The class head alone, 900 steps and then 300 of "
        f"batch 24. Trained on: {trained}. Judged on {test.described}."
    )


if __name__ == "__main__":
    main()
