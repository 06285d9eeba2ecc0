"""The picture of `sampling.py`: true and generated responses, and what level does to wave V."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.baselines.columns import PER_MS
from benchmarks.generated import Responses, by_level
from benchmarks.sampling_tables import EDGES_DB

SHOWN_DB = (20.0, 40.0, 60.0, 80.0)
EXAMPLES = 6
_TRUE, _MADE = "0.25", "tab:orange"
_APART_UV = 0.7


def draw(truth: Responses, made: Responses, path: Path) -> None:
    """Write the PNG."""
    figure = Figure(figsize=(11, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    waves, curves = figure.subfigures(1, 2, width_ratios=(2, 1))
    left, right = waves.subplots(1, 2, sharey=True)
    _waterfall(left, truth, _TRUE, "held-out responses without noise")
    _waterfall(right, made, _MADE, "generated, same levels, ages and rates")
    above, below = curves.subplots(2, 1, sharex=True)
    for axes, what in ((above, "wave V latency (ms)"), (below, "wave V amplitude (µV)")):
        _curve(axes, truth, what, _TRUE, "held-out", -0.8)
        _curve(axes, made, what, _MADE, "generated", 0.8)
        axes.set_ylabel(what)
        axes.spines[["top", "right"]].set_visible(False)
    above.set_title("mean ± SD", fontsize=10)
    above.legend(frameon=False)
    below.set_xlabel("level (dB nHL)")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def _curve(
    axes: Axes, responses: Responses, what: str, colour: str, name: str, shift_db: float
) -> None:
    """Mean and spread by level, drawn a little beside it so that two kinds do not hide."""
    level = responses.level_db.astype(float)
    of_bins = by_level(level, level, EDGES_DB)
    values = by_level(responses.features()[what], level, EDGES_DB)
    pairs = [(a.mean(), b.mean(), b.std()) for a, b in zip(of_bins, values, strict=True) if len(b)]
    place, mean, spread = np.array(pairs).T
    axes.errorbar(
        place + shift_db,
        mean,
        spread,
        color=colour,
        marker="o",
        markersize=4,
        linewidth=1.2,
        capsize=2,
        label=name,
    )


def _waterfall(axes: Axes, responses: Responses, colour: str, title: str) -> None:
    """Examples and the mean at some levels, the loudest above; adults alone."""
    time_ms = np.arange(responses.waves_uv.shape[1]) / PER_MS
    adult = responses.conditions["age_years"] > 3
    for place, level in enumerate(SHOWN_DB):
        rows = np.flatnonzero(adult & (responses.level_db == level))
        base = _APART_UV * place
        _, firsts = np.unique(responses.subject[rows], return_index=True)  # each of another ear
        for row in rows[firsts[:EXAMPLES]]:
            axes.plot(
                time_ms, base + responses.waves_uv[row], color=colour, alpha=0.3, linewidth=0.8
            )
        mean = responses.waves_uv[rows].mean(0) if len(rows) else np.full(len(time_ms), np.nan)
        axes.plot(time_ms, base + mean, color=colour, linewidth=2)
    axes.set_yticks(
        [_APART_UV * place for place in range(len(SHOWN_DB))], [f"{x:g} dB" for x in SHOWN_DB]
    )
    axes.set_ylim(-0.6, _APART_UV * (len(SHOWN_DB) - 0.1))
    axes.plot([time_ms[-1]] * 2, [-0.5, 0.0], color="0.15", linewidth=3, clip_on=False)
    axes.text(time_ms[-1] - 0.3, -0.25, "0.5 µV", ha="right", va="center")
    axes.set_xticks(range(0, round(time_ms[-1]) + 1, 3))
    axes.set_xlabel("time after stimulus onset (ms)")
    axes.set_title(title, fontsize=10)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0)
