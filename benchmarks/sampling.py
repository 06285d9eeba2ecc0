"""Are sampled recordings credible? Generated beside held-out noise-free responses.

    python benchmarks/sampling.py [--seed 42] [--steps 50] [--picture docs/pictures/sampling.png]

Trains the default plan with this seed, or reuses the run that `benchmarks/quality.py` left. For
each recording of the test split one is generated at its level, age and rate; both are measured by
one reader. What a two-sample test says of two groups of true responses, of the test and of the
validation split, stands beside what it says of generated ones. Writes
`benchmarks/results/sampling.md` and prints it.
"""

from __future__ import annotations

import argparse
import platform
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.conditioning import STATICS  # noqa: E402 - the checkout beside this file
from abr_model.config import ABR_KINDS  # noqa: E402
from abr_model.model import AbrModel  # noqa: E402
from abr_model.sampling import Velocity, quiet_time, sample, velocity_of  # noqa: E402
from abr_model.standards import Standards  # noqa: E402
from benchmarks.generated import Responses, wave_v_anywhere  # noqa: E402
from benchmarks.judged import Quiet, standards_of  # noqa: E402
from benchmarks.sampling_picture import draw  # noqa: E402
from benchmarks.sampling_tables import (  # noqa: E402
    condition_table,
    level_table,
    spectrum_table,
    test_table,
)
from benchmarks.trained import Request, train  # noqa: E402
from curriculum.run.restored import Restored, restore_run  # noqa: E402
from curriculum.tasks import Batch  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "sampling.md"
PICTURE = ROOT / "docs" / "pictures" / "sampling.png"
CONDITIONS = ("level_db", "age_years", "rate_hz")
ASKED_DB = (20.0, 40.0, 60.0, 80.0)
_ADULT = {"age_years": 30.0, "rate_hz": 21.1}


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plan", type=Path, default=ROOT / "phases" / "default.yaml")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--steps", type=int, default=50, help="of DDIM")
    parser.add_argument("--draws", type=int, default=200, help="for each level that is asked for")
    parser.add_argument("--resamples", type=int, default=500, help="for 95 %% intervals")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    parser.add_argument("--picture", type=Path, default=PICTURE, help="the PNG to write")
    return parser


def main() -> None:
    """Train or reuse, generate, measure, write and print."""
    options = arguments().parse_args()
    torch.set_num_threads(1)
    request = Request(plan=options.plan, overrides=tuple(options.overrides), folder=options.folder)
    (run,) = train(request, [options.seed])
    restored = restore_run(run.folder, run.loaded, ABR_KINDS, Quiet(), threads=1)
    standards, velocity = standards_of(restored), velocity_from(restored)
    test, others = (batch_of(restored, split) for split in ("test", "validation"))
    truth = truths(test)
    told = generated(velocity, standards, test, CONDITIONS, options.steps)
    all_told = generated(velocity, standards, test, STATICS, options.steps)
    kinds = {"generated": told, "generated, all statics told": all_told}
    asked = ask(velocity, standards, options.draws, options.steps)
    head = [
        f"# Sampled recordings of `{options.plan.name}`, seed {options.seed}",
        "",
        (
            f"`python benchmarks/sampling.py --seed {options.seed} --steps {options.steps}` on "
            f"{platform.system()} {platform.machine()}, torch {torch.__version__}, one thread. "
            f"DDIM, η = 0, {options.steps} steps from time 0.999 to {quiet_time(standards):.3f}. "
            f"{len(truth.subject)} recordings of {len(np.unique(truth.subject))} subjects of the "
            "test split, and as many generated at the same levels, ages and rates."
        ),
        "",
    ]
    parts = [
        ("Level moves latency", condition_table(asked)),
        ("By level", level_table({"truth": truth, **kinds})),
        ("Spectrum", spectrum_table({"truth": truth, **kinds})),
        ("Two-sample tests", test_table(truth, kinds, truths(others), options.resamples)),
    ]
    text = "\n".join(head) + "\n" + "\n".join(f"## {name}\n\n{table}\n" for name, table in parts)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(text, encoding="utf-8")
    draw(truth, told, options.picture)
    print(text, end="")


def velocity_from(restored: Restored) -> Velocity:
    """What the restored model says, in evaluation mode."""
    model = restored.assembly.model
    if not isinstance(model, AbrModel):
        raise TypeError("the plan's model must be an ABR model")
    return velocity_of(model.eval())


def batch_of(restored: Restored, split: str) -> Batch:
    """All of a split."""
    here = restored.data.splits[split]
    return here.batch(np.arange(len(here)))


def truths(batch: Batch) -> Responses:
    """The noise-free responses of a split."""
    return _responses(batch["truth_uv"].double().numpy(), batch)


def generated(
    velocity: Velocity, standards: Standards, batch: Batch, names: tuple[str, ...], steps: int
) -> Responses:
    """A generated response for each recording of a split, given these static parameters of it."""
    statics = {name: batch[name].numpy() for name in names}
    waves = sample(velocity, standards, statics, steps=steps)
    return _responses(waves.astype(np.float64), batch)


def _responses(waves: np.ndarray, batch: Batch) -> Responses:
    conditions = {name: batch[name].double().numpy() for name in CONDITIONS}
    return Responses(waves, conditions, batch["subject"].numpy())


def ask(
    velocity: Velocity, standards: Standards, draws: int, steps: int
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Latency and amplitude (draws) of wave V: of adults at each level, and with nothing told."""
    found = {}
    for level in ASKED_DB:
        values = {name: np.full(draws, value) for name, value in _ADULT.items()}
        waves = sample(
            velocity, standards, {**values, "level_db": np.full(draws, level)}, steps=steps
        )
        found[f"{level:g} dB nHL"] = wave_v_anywhere(waves.astype(np.float64))
    waves = sample(velocity, standards, {"level_db": np.full(draws, np.nan)}, steps=steps)
    found["nothing told"] = wave_v_anywhere(waves.astype(np.float64))
    return found


if __name__ == "__main__":
    main()
