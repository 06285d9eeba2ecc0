"""The tables of `quality.py`, as Markdown. Pure: from what was judged to text.

N recordings, W waves, K classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean

import torch
from torch import Tensor

from abr_model import logistic
from abr_model.physical import balanced, with_prior
from abr_model.standards import CLASSES, WAVES
from benchmarks.judged import Beside, Judged

SHARES = (0.5, 0.8, 0.95)
_BINS = 10
_NUMBERS = (
    ("peak_latency", "wave_latency_ms", tuple(f"wave {w.upper()} latency" for w in WAVES)),
    ("peak_amplitude", "wave_amplitude_uv", tuple(f"wave {w.upper()} amplitude" for w in WAVES)),
    ("threshold", "threshold_db", ("threshold",)),
)


def metric_table(runs: Sequence[Judged]) -> str:
    """Every metric, the model beside the best trivial and the best classical predictor."""
    rows = [
        ("metric", "better", "model: mean (min to max)", "95 % by subject", "trivial", "classical"),
    ]
    for metric in dict.fromkeys(name for run in runs for name in run.metrics):
        here = [run for run in runs if metric in run.metrics]
        values = [run.metrics[metric] for run in here]
        bounds = [run.intervals[metric] for run in here if metric in run.intervals]
        low, high = (fmean(each) for each in zip(*bounds, strict=True)) if bounds else (None, None)
        trivial = _mean_beside([run.trivial.get(metric) for run in here])
        classical = _mean_beside([run.classical.get(metric) for run in here])
        way = here[0].better[metric]
        marks = [_mark(fmean(values), each, way) for each in (trivial, classical)]
        rows.append(
            (
                f"`{metric}`",
                "95 %" if metric.endswith("coverage") else way,
                f"{number(fmean(values))} ({number(min(values))} to {number(max(values))})",
                "–" if low is None or high is None else f"{number(low)} to {number(high)}",
                *(
                    f"{mark}{number(each.value)} ({each.name})" if each else "–"
                    for mark, each in zip(marks, (trivial, classical), strict=True)
                ),
            )
        )
    return table(rows)


def behind(runs: Sequence[Judged]) -> list[str]:
    """The metrics in which the model's mean is not ahead of both, with whom it is behind."""
    found: list[str] = []
    for metric in dict.fromkeys(name for run in runs for name in run.metrics):
        here = [run for run in runs if metric in run.metrics]
        value, way = fmean(run.metrics[metric] for run in here), here[0].better[metric]
        pairs = {
            "trivial": _mean_beside([run.trivial.get(metric) for run in here]),
            "classical": _mean_beside([run.classical.get(metric) for run in here]),
        }
        losing = [who for who, each in pairs.items() if _mark(value, each, way)]
        if losing:
            found.append(f"`{metric}`: {' and '.join(losing)}")
    return found


def skill_table(runs: Sequence[Judged]) -> str:
    """Skill by task and group."""
    rows = [("task or group", "skill: mean (min to max)", "95 % by subject")]
    for name in runs[0].skill:
        values = [run.skill[name] for run in runs if name in run.skill]
        bounds = [bound for run in runs if (bound := run.intervals.get(f"{name}/skill"))]
        low, high = (fmean(each) for each in zip(*bounds, strict=True)) if bounds else (None, None)
        interval = "–" if low is None or high is None else f"{number(low)} to {number(high)}"
        spread = f"{number(fmean(values))} ({number(min(values))} to {number(max(values))})"
        rows.append((name, spread, interval))
    return table(rows)


def classical_table(runs: Sequence[Judged]) -> str:
    """All classical methods where a task has several."""
    rows = [("metric", "method", "mean")]
    for metric, methods in runs[0].others.items():
        if len(methods) > 1:
            for name in methods:
                mean = fmean(run.others[metric][name] for run in runs)
                rows.append((f"`{metric}`", name, number(mean)))
    return table(rows)


def confusion_table(runs: Sequence[Judged]) -> str:
    """Recordings by true class (rows) and predicted class (columns), all runs together."""
    counts = torch.zeros(len(CLASSES), len(CLASSES), dtype=torch.int64)
    for run in runs:
        label = run.labels["hearing_class"]
        said = balanced(run.predictions["classification"], run.standards).argmax(1)
        known = label >= 0
        places = label[known] * len(CLASSES) + said[known]
        counts += torch.bincount(places, minlength=counts.numel()).reshape(counts.shape)
    rows = [("is \\ said", *CLASSES, "recall")]
    for name, row in zip(CLASSES, counts.tolist(), strict=True):
        place = CLASSES.index(name)
        recall = f"{row[place] / sum(row):.2f}" if sum(row) else "–"
        rows.append((name, *map(str, row), recall))
    return table(rows)


def calibration_table(runs: Sequence[Judged]) -> str:
    """Confidence and accuracy of the most likely class, and of waves' presence, by bins."""
    confidence, right, probability, there = [], [], [], []
    for run in runs:
        label = run.labels["hearing_class"]
        of_class = with_prior(run.predictions["classification"], run.standards).softmax(1)
        sure, said = of_class[label >= 0].max(1)
        confidence.append(sure)
        right.append((said == label[label >= 0]).double())
        present = run.labels["wave_present"]
        known = present.isfinite()
        probability.append(run.predictions["peak_existence"].sigmoid()[known])
        there.append(present[known].double())
    of_class = _bins(torch.cat(confidence), torch.cat(right))
    of_waves = _bins(torch.cat(probability), torch.cat(there))
    rows = [("bin", "class: said", "was right", "n", "wave: said", "was there", "n")]
    for place in range(_BINS):
        name = f"{place / _BINS:.1f} to {(place + 1) / _BINS:.1f}"
        rows.append((name, *of_class[place], *of_waves[place]))
    return table(rows)


def coverage_table(runs: Sequence[Judged]) -> str:
    """How many labels lie within central intervals that should hold a share of them."""
    rows = [("quantity", *(f"{share:.0%}" for share in SHARES), "median width of 95 %", "n")]
    for task, label, names in _NUMBERS:
        for column, name in enumerate(names):
            z_N, width_N = zip(*(_surprise(run, task, label, column) for run in runs), strict=True)
            z, width = torch.cat(z_N), torch.cat(width_N)
            shares = [
                f"{float((z <= logistic.half_width(share)).double().mean()):.1%}"
                for share in SHARES
            ]
            rows.append((name, *shares, number(float(width.median())), str(len(z))))
    return table(rows)


def _surprise(run: Judged, task: str, label: str, column: int) -> tuple[Tensor, Tensor]:
    """Errors in predicted scales, and widths of 95 % intervals, of labels that are known."""
    units = getattr(run.standards, label)
    label_NC = run.labels[label].reshape(len(run.labels[label]), -1)
    value_N = units.standardise(label_NC)[:, column]
    location_N, scale_N = run.predictions[task][:, column].unbind(-1)
    known = value_N.isfinite()
    z_N = ((value_N - location_N).abs() / scale_N)[known]
    widths = units.lengths(2 * logistic.half_width(0.95) * run.predictions[task][..., 1])
    return z_N, widths[:, column][known]


def _bins(said: Tensor, so: Tensor) -> list[tuple[str, str, str]]:
    place = (said * _BINS).long().clamp(0, _BINS - 1)
    rows: list[tuple[str, str, str]] = []
    for each in range(_BINS):
        here = place == each
        count = int(here.sum())
        means = [f"{float(v[here].double().mean()):.2f}" if count else "–" for v in (said, so)]
        rows.append((means[0], means[1], str(count)))
    return rows


def _mean_beside(found: Sequence[Beside | None]) -> Beside | None:
    known = [each for each in found if each is not None]
    if not known:
        return None
    names = Counter(each.name for each in known)
    return Beside(name=names.most_common(1)[0][0], value=fmean(each.value for each in known))


def _mark(value: float, beside: Beside | None, better: str) -> str:
    """`**✗** ` where the model is not ahead."""
    if beside is None:
        return ""
    ahead = value > beside.value if better == "higher" else value < beside.value
    return "" if ahead else "✗ "


def number(value: float) -> str:
    """Three significant digits."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:.0f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; the first row is its head."""
    head, *rest = rows
    lines = [head, ["---"] * len(head), *rest]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


def budget_table(costs: Mapping[int, tuple[int, float]]) -> str:
    """Steps and CPU seconds by seed."""
    rows = [("seed", "steps", "CPU seconds")]
    rows += [(str(seed), str(steps), f"{cpu:.0f}") for seed, (steps, cpu) in costs.items()]
    return table(rows)
