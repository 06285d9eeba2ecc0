"""How good is the default plan? Every metric on held-out subjects, beside trivial and classical.

    python benchmarks/quality.py [--seeds 42 43 44] [--set data.subjects=500] [--minutes 9]

Trains the plan once for each seed (or reuses what lies in `--folder`), with one thread. A seed
draws the ears as well as the weights, so the spread over seeds is of both. `--minutes` stops after
so many; the same command goes on from there. The classical methods of `benchmarks/baselines` are
tuned on each run's training split; of several, the one that is best there stands in the table.
Writes `benchmarks/results/quality.md` and prints it.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.judged import Judged, judge_run  # noqa: E402 - the checkout beside this file
from benchmarks.quality_tables import (  # noqa: E402
    behind,
    budget_table,
    calibration_table,
    classical_table,
    confusion_table,
    coverage_table,
    metric_table,
    skill_table,
)
from benchmarks.trained import Request, Trained, train  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results" / "quality.md"


def arguments() -> argparse.ArgumentParser:
    """What the command takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--plan", type=Path, default=ROOT / "phases" / "default.yaml")
    parser.add_argument("--seeds", type=int, nargs="+", default=[42, 43, 44])
    parser.add_argument("--set", action="append", default=[], dest="overrides", metavar="KEY=VALUE")
    parser.add_argument("--folder", type=Path, default=ROOT / "runs" / "quality")
    parser.add_argument("--jobs", type=int, default=1, help="seeds trained at once")
    parser.add_argument("--minutes", type=float, help="stop training after so many")
    parser.add_argument("--resamples", type=int, default=500, help="for 95 %% intervals")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    return parser


def main() -> None:
    """Train, judge, write and print."""
    options = arguments().parse_args()
    torch.set_num_threads(1)
    request = Request(
        plan=options.plan,
        overrides=tuple(options.overrides),
        folder=options.folder,
        jobs=options.jobs,
        minutes=options.minutes,
    )
    runs = train(request, options.seeds)
    judged = [judge_run(run, options.resamples) for run in runs]
    text = report(options.plan.name, options.overrides, runs, judged)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(text, encoding="utf-8")
    print(text, end="")


def report(
    plan: str, overrides: Sequence[str], runs: Sequence[Trained], judged: Sequence[Judged]
) -> str:
    """The whole document."""
    seeds = " ".join(str(run.seed) for run in runs)
    settings = "".join(f" --set {each}" for each in overrides)
    costs = {run.seed: (run.steps, run.cpu_s) for run in runs}
    losing = behind(judged)
    said = [f"- {each}" for each in losing] or ["Nowhere: it is ahead of both in every metric."]
    subjects = ", ".join(str(len(each.labels["subject"].unique())) for each in judged)
    parts = [
        f"# Quality of `{plan}`",
        "",
        (
            f"`python benchmarks/quality.py --seeds {seeds}{settings}` on {platform.system()} "
            f"{platform.machine()}, torch {torch.__version__}, one thread a run. Synthetic ears; "
            f"what is judged are the subjects of the test split ({subjects}), on whom neither the "
            "model nor a classical method was trained or tuned."
        ),
        "",
        budget_table(costs),
        "",
        "## Metrics",
        "",
        (
            "The mean over seeds, with the least and the greatest; the 95 % interval of one run by "
            "bootstrap over subjects (its ends, averaged over seeds); the best trivial predictor; "
            "the classical method that is best on the training split. ✗: the model's mean is not "
            "ahead."
        ),
        "",
        metric_table(judged),
        "",
        "The model is not ahead here:",
        "",
        *said,
        "",
        "## Skill",
        "",
        "1 - error / (best trivial error).",
        "",
        skill_table(judged),
        "",
        "## Classical methods, where there are several",
        "",
        classical_table(judged),
        "",
        "## Confusion",
        "",
        "Recordings of all seeds together, decided as if all classes were equally frequent.",
        "",
        confusion_table(judged),
        "",
        "## Calibration",
        "",
        (
            "What was said with which probability, and how often it was so. Classes with the "
            "training split's shares; waves I, III and V together."
        ),
        "",
        calibration_table(judged),
        "",
        "## Coverage of intervals",
        "",
        "Labels within central intervals that should hold 50, 80 and 95 % of them.",
        "",
        coverage_table(judged),
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    main()
