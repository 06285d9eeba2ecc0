"""The tables of `benchmarks/replay.py`: what each run came to, as Markdown."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

import torch

from benchmarks.replay_shares import BLOCK, BOUNDS, ratio

Runs = Mapping[int, Mapping[str, Any]]  # by seed
TASKS = (
    "signal",
    "classification",
    "peak_existence",
    "peak_latency",
    "peak_amplitude",
    "threshold",
)
NAMES = {
    "then": "then, amplitudes in µV",
    "then, V": "then, in V",
    "then, nV": "then, in nV",
    "joint": "ours, all at once",
    "curriculum": "ours, curriculum",
    "weights 1": "our losses, weight 1",
    "raw units": "+ raw units",
    "likelihood": "+ Gaussian, exp(log_std)",
    "bounds": "+ bounded heads",
    "Huber": "+ Huber on raw dB",
}
METRICS = {
    "signal/mse_uv2": "squared error of the denoised recording (µV²)",
    "classification/balanced_accuracy": "balanced accuracy",
    "peaks/existence_auc": "existence AUC",
    "peaks/latency_mae_ms": "latency error (ms)",
    "peaks/amplitude_mae_uv": "amplitude error (µV)",
    "threshold/mae_db": "threshold error (dB)",
}
_OURS = ("joint", "curriculum")
_FROM = 100
"""Steps after which shares must lie within 10 to 1."""


def report(found: Mapping[str, Runs], steps: int) -> str:
    """The whole document."""
    seeds = " ".join(str(seed) for seed in found["then"])
    cpu = sum(run["cpu_s"] for runs in found.values() for run in runs.values())
    parts = [
        "# The historic failure, replayed",
        (
            f"`python benchmarks/replay.py --seeds {seeds} --steps {steps}` on {platform.system()} "
            f"{platform.machine()}, torch {torch.__version__}, one thread; {cpu / 60:.0f} minutes "
            "of CPU. A seed draws ears and weights."
        ),
        (
            "**Then**: a plain torch loop with the choices of the run that this project exists to "
            "prevent: raw units; Gaussian likelihood of latency and amplitude with std = "
            "exp(clamp(log_std, −10, 2)); Huber loss (δ = 5) of the threshold on raw dB; latency "
            "bounded to 8 ms, amplitude to ±0.5 µV; weights of 1; everything on at once. **Ours**: "
            f"`phases/joint.yaml` and `phases/default.yaml`, shortened to {steps} steps. Trunk, "
            "data, signal, class and existence losses, AdamW, learning rate, clipping and batch "
            "are the same in both. How that run's heads began is not known; ours begin near "
            "log_std = 0, so the size of a unit decides what happens: the amplitudes are "
            "told in µV, as they were then, and in V. To our defaults all units are one "
            "(`tests/abr_model/test_units_do_not_matter.py`)."
        ),
        _summary(found),
        "## What was learned",
        (
            "Skill on held-out subjects, 1 - error / (best trivial error): the mean over seeds "
            "(least to greatest). Below 0 is worse than a constant."
        ),
        _skills(found, ("then", "then, V", "joint", "curriculum")),
        _metrics(found, ("then", "then, V", "joint", "curriculum")),
        "## Balance",
        (
            "The largest share over the smallest, in blocks of 25 steps; a share is a contribution "
            "divided by its planned weight times its ramp (law 10). The worst of all seeds. "
            f"Within 10 to 1 is asked for from step {_FROM} on."
        ),
        _shares(found, ("then", "then, V", "joint", "curriculum")),
        "Then, in µV: loss of each task, and its share of the gradient on the trunk; means.",
        _losses(found["then"]),
        "## Dead heads",
        (
            "The amplitude's head when amplitudes are told in V: its loss looks better and better, "
            "while log_std lies at its lower clamp, where the gradient is zero, and the trunk "
            "hears nothing from it."
        ),
        _pinned(found["then, V"]),
        "## Bounds",
        "Held-out labels that no head of then can reach, and the mean absolute error on them.",
        _beyond(found, ("then", "joint", "curriculum")),
    ]
    alone = ("weights 1", "raw units", "likelihood", "bounds", "Huber")
    if all(found[name] for name in alone):
        parts += [
            "## One choice at a time",
            (
                "The plain loop with our losses, each with weight 1; then one choice of then "
                f"more. Seeds: {', '.join(str(seed) for seed in found['bounds'])}."
            ),
            _skills(found, [*alone, *(["then, nV"] if found["then, nV"] else [])]),
            _shares(found, alone),
        ]
    return "\n\n".join(parts) + "\n"


def _summary(found: Mapping[str, Runs]) -> str:
    """The same in a few sentences."""
    least = min(run["skill"][task] for n in _OURS for run in found[n].values() for task in TASKS)
    ours = max(_worst_ratio(found[name]) for name in _OURS)
    volts = fmean(run["skill"]["peak_amplitude"] for run in found["then, V"].values())
    signal = min(run["skill"]["signal"] for run in found["then"].values())
    means = [f"{_mean_skill(found[name]):.3f}" for name in ("then", *_OURS)]
    told = [
        (
            f"Then, in µV: from step {_FROM} on the largest share is up to "
            f"{_worst_ratio(found['then']):.0f} times the smallest, and the mean skill is "
            f"{means[0]}; ours is {means[1]} all at once and {means[2]} with the curriculum."
        ),
        f"Then, in V: the amplitude's head is dead, with a skill of {volts:.2f}.",
        (
            f"Ours: shares within {ours:.2g} to 1; "
            f"the least skill of any task and seed is {least:.2f}."
        ),
    ]
    if signal > 0:
        told.append(
            "Not replayed: then, the signal task was worse than predicting zero for the whole run; "
            f"on our trunk, with AdamW and a clipped gradient, it is not (skill {signal:.2f})."
        )
    return "\n".join(f"- {each}" for each in told)


def _mean_skill(runs: Runs) -> float:
    return fmean(run["skill"][task] for run in runs.values() for task in TASKS)


def _worst_ratio(runs: Runs) -> float:
    return max(ratio(block) for run in runs.values() for block in run["blocks"][_FROM // BLOCK :])


def _skills(found: Mapping[str, Runs], names: Sequence[str]) -> str:
    rows = [
        [task, *(_spread([run["skill"][task] for run in found[name].values()]) for name in names)]
        for task in TASKS
    ]
    for title, of in (("mean", fmean), ("worst task", min)):
        values = [
            [of([run["skill"][task] for task in TASKS]) for run in found[name].values()]
            for name in names
        ]
        rows.append([f"*{title}*", *(_spread(each) for each in values)])
    return _table(["task", *(NAMES[name] for name in names)], rows)


def _metrics(found: Mapping[str, Runs], names: Sequence[str]) -> str:
    rows: list[list[str]] = []
    for metric, title in METRICS.items():
        first = next(iter(found["then"].values()))
        trivial = first["trivial"][metric].values()
        best = max(trivial) if metric.endswith(("accuracy", "auc")) else min(trivial)
        means = [
            f"{fmean([run['metrics'][metric] for run in found[name].values()]):.3g}"
            for name in names
        ]
        rows.append([title, *means, f"{best:.3g}"])
    return _table(["", *(NAMES[name] for name in names), "trivial"], rows)


def _shares(found: Mapping[str, Runs], names: Sequence[str]) -> str:
    rows: list[list[str]] = []
    for name in names:
        first, last = (
            max(ratio(run["blocks"][place]) for run in found[name].values()) for place in (0, -1)
        )
        later = _worst_ratio(found[name])
        rows.append([NAMES[name], *(_to_one(each) for each in (first, later, last))])
    return _table(["", f"first {BLOCK} steps", f"from step {_FROM} on", f"last {BLOCK}"], rows)


def _losses(runs: Runs) -> str:
    rows: list[list[str]] = []
    for step in next(iter(runs.values()))["looks"]:
        looks = [run["looks"][step] for run in runs.values() if step in run["looks"]]
        cells: list[str] = []
        for task in TASKS:
            loss = fmean(look["losses"][task] for look in looks)
            share = fmean(look["trunk"][task] / sum(look["trunk"].values()) for look in looks)
            cells.append(f"{loss:.3g} ({100 * share:.2g} %)")
        rows.append([step, *cells])
    return _table(["step", *TASKS], rows)


def _pinned(runs: Runs) -> str:
    rows: list[list[str]] = []
    for step in next(iter(runs.values()))["looks"]:
        looks = [run["looks"][step] for run in runs.values() if step in run["looks"]]
        norms = [look["trunk"]["peak_amplitude"] for look in looks]
        others = [max(look["trunk"].values()) for look in looks]
        rows.append(
            [
                step,
                f"{fmean(look['losses']['peak_amplitude'] for look in looks):.3g}",
                f"{100 * fmean(look['low']['peak_amplitude'] for look in looks):.0f} %",
                f"{fmean(norms):.2g}",
                f"{fmean(others):.2g}",
            ]
        )
    head = ["step", "loss", "at the clamp", "its gradient on the trunk", "the largest one"]
    return _table(head, rows)


def _beyond(found: Mapping[str, Runs], names: Sequence[str]) -> str:
    rows: list[list[str]] = []
    for task, (label, bound) in BOUNDS.items():
        unit = "ms" if label.endswith("_ms") else "µV"
        share = fmean(run["beyond"][task]["share"] for run in found["then"].values())
        means = [
            f"{fmean(run['beyond'][task]['mae'] for run in found[name].values()):.3g} {unit}"
            for name in names
        ]
        rows.append([f"{task} above {bound:g} {unit}", f"{100 * share:.1f} %", *means])
    return _table(["", "of labels", *(NAMES[name] for name in names)], rows)


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return f"{values[0]:.3f}"
    return f"{fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _to_one(value: float) -> str:
    return f"{value:.2g} to 1" if value < 100 else f"{value:.0f} to 1"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
