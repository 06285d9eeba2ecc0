"""The report of `imbalance.py`: each option's numbers, and its distance from the default."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, stdev

from scipy.stats import t as student

from benchmarks.imbalance_judged import Decided, TestEars
from benchmarks.quality_tables import table

Runs = Mapping[str, Mapping[int, Decided]]  # option -> seed -> what it said
Found = Mapping[str, Mapping[int, Mapping[str, float]]]  # option -> seed -> numbers
POWERS = {0.0: "all classes alike", 0.5: "√π", 1.0: "as they come"}
SHOWN = {
    "macro_f1": "macro-F1",
    "balanced_accuracy": "balanced accuracy",
    "recall": "recall, 0.8 % class",
    "recall_there": "the same, wave V there",
}


def report(runs: Runs, default: str, head: str, left: Sequence[str], test: TestEars) -> str:
    """The whole document."""
    if default not in runs:
        return "# Imbalanced classes\n\nNothing is done yet.\n"
    found = {
        name: {seed: run.as_trained(test) for seed, run in by_seed.items()}
        for name, by_seed in runs.items()
    }
    missing = [f"**Not done yet:** {', '.join(left)}.", ""] if left else []
    parts = [
        "# Imbalanced classes",
        "",
        head,
        "",
        *missing,
        (
            "Decided is the class of the highest logit, as trained. Mean ± standard deviation over "
            "seeds; the calibration error is of the probabilities at the natural prior, which the "
            "loss gives back (`log_posteriors`)."
        ),
        "",
        values_table(found, runs, default),
        "",
        (
            f"Difference from the default (`{default}`), paired by seed: mean, and the 95 % "
            "interval of the mean (Student's t). Above zero is better than the default."
        ),
        "",
        differences_table(found, default),
        "",
        *verdicts(found, default),
        "",
        "## The same models, decided otherwise",
        "",
        (
            "Decided is the class of the highest likelihood (`log_likelihoods`) times π to a "
            "power: 0 as if all classes were equally frequent, 1 as they come. What differs within "
            "a row is the decision alone."
        ),
        "",
        decisions_table(runs, test),
    ]
    return "\n".join(parts) + "\n"


def values_table(found: Found, runs: Runs, default: str) -> str:
    """Each option's numbers."""
    rows = [("option", *SHOWN.values(), "calibration error", "CPU s", "seeds")]
    for name, by_seed in found.items():
        cells = [_spread([each[key] for each in by_seed.values()]) for key in SHOWN]
        error = _spread([each["calibration_error"] for each in by_seed.values()])
        cost = f"{fmean(run.facts['cpu_s'] for run in runs[name].values()):.0f}"
        marked = f"**{name}** (default)" if name == default else name
        rows.append((marked, *cells, error, cost, str(len(by_seed))))
    return table(rows)


def decisions_table(runs: Runs, test: TestEars) -> str:
    """Macro-F1 and recall of each option's models under decisions that differ."""
    shown = {key: SHOWN[key] for key in ("macro_f1", "recall")}
    rows = [("option", *(f"{what}, {how}" for what in shown.values() for how in POWERS.values()))]
    for name, by_seed in runs.items():
        numbers = {
            power: [run.with_prior(test, power) for run in by_seed.values()] for power in POWERS
        }
        cells = [_spread([each[key] for each in numbers[p]]) for key in shown for p in POWERS]
        rows.append((name, *cells))
    return table(rows)


def differences_table(found: Found, default: str) -> str:
    """Each option against the default."""
    rows = [("option", *SHOWN.values())]
    for name in found:
        if name != default:
            pairs = (paired(found, name, default, key) for key in SHOWN)
            rows.append((name, *(_interval(*pair) for pair in pairs)))
    return table(rows)


def verdicts(found: Found, default: str) -> list[str]:
    """For each number that matters: whether the default is the best, or within its spread."""
    lines: list[str] = []
    for key in SHOWN:
        gaps = {name: paired(found, name, default, key) for name in found if name != default}
        best = max(gaps, key=lambda name: gaps[name][0], default=None)
        if best is None or gaps[best][0] <= 0:
            said = "the default is the best"
        else:
            mean, half = gaps[best]
            within = half is None or mean <= half
            said = f"`{best}` is ahead of the default by {mean:.3f}, "
            said += "within the spread" if within else "**beyond the spread**"
        lines.append(f"- {SHOWN[key]}: {said}")
    return lines


def paired(found: Found, name: str, default: str, key: str) -> tuple[float, float | None]:
    """Mean difference over common seeds, and half of its 95 % interval (None of one seed)."""
    seeds = sorted(found[name].keys() & found.get(default, {}).keys())
    gaps = [found[name][seed][key] - found[default][seed][key] for seed in seeds]
    if len(gaps) < 2:
        return (fmean(gaps) if gaps else float("nan")), None
    half = float(student.ppf(0.975, len(gaps) - 1)) * stdev(gaps) / len(gaps) ** 0.5
    return fmean(gaps), half


def _spread(values: Sequence[float]) -> str:
    return f"{fmean(values):.3f} ± {stdev(values):.3f}" if len(values) > 1 else f"{values[0]:.3f}"


def _interval(mean: float, half: float | None) -> str:
    if half is None:
        return f"{mean:+.3f}"
    return f"{mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f})"
