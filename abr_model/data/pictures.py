"""Grand averages by level, as text for a terminal and as a picture."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from abr_model.data.description import GrandAverages
from curriculum.errors import DataError

_BLOCKS = " ▁▂▃▄▅▆▇█"
_MOST_LEVELS = 14
_COLUMNS = 60
_LINES = 2  # of a level, each of eight steps
_FROM_MS = 0.5  # what lies before may be the stimulus artefact, and would set the scale


def as_text(found: GrandAverages, unit: str) -> str:
    """A line or two a level, loud ones first, all on one scale."""
    chosen = _chosen(len(found.levels_db))
    points = found.means_uv.shape[1]
    edges = np.linspace(0, points, _COLUMNS + 1).astype(int)
    columns = np.stack(
        [found.means_uv[:, a:b].mean(axis=1) for a, b in pairwise(edges)],
        axis=1,
    )
    seen = columns[chosen][:, round(_FROM_MS * _COLUMNS * 20 / points) :]
    low, high = float(seen.min()), float(seen.max())
    steps = _LINES * (len(_BLOCKS) - 1)
    scaled = np.clip((columns - low) / ((high - low) or 1.0), 0, 1) * steps
    lines = [f"grand averages by level, {low:.3g} to {high:.3g} {unit}"]
    for place in reversed(chosen):
        label = f"{found.levels_db[place]:5g} dB │"
        rows = _rows(scaled[place])
        lines += [f"{'':8} │{row}" for row in rows[:-1]]
        lines.append(f"{label}{rows[-1]}│ n = {found.counts[place]}")
    lines.append(_axis(points / 20))
    return "\n".join(line.rstrip() for line in lines)


def _chosen(levels: int) -> list[int]:
    """Which levels are shown: all, or some of them evenly."""
    if levels <= _MOST_LEVELS:
        return list(range(levels))
    return np.unique(np.linspace(0, levels - 1, _MOST_LEVELS).round().astype(int)).tolist()


def _rows(steps: NDArray[np.float64]) -> list[str]:
    """A curve as rows of blocks, the upper one first."""
    each = len(_BLOCKS) - 1
    whole = steps.round().astype(int)
    parts = [np.clip(whole - each * line, 0, each) for line in reversed(range(_LINES))]
    return ["".join(_BLOCKS[height] for height in part) for part in parts]


def _axis(window_ms: float) -> str:
    marks = [" "] * (_COLUMNS + 8)
    for ms in range(0, int(window_ms) + 1, 2):
        at = round(ms / window_ms * _COLUMNS)
        for offset, letter in enumerate(str(ms)):
            marks[at + offset] = letter
    return f"{'ms':>8}  {''.join(marks)}"


def write_picture(found: GrandAverages, unit: str, path: Path) -> None:
    """A waterfall of grand averages, loud ones above, as a picture of the path's format.

    Raises:
        DataError: the format is not known, or the file cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels, points = found.means_uv.shape
    figure = Figure(figsize=(6.4, 1.6 + 0.45 * levels), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    time_ms = np.arange(points) / 20
    seen = found.means_uv[:, round(_FROM_MS * 20) :]
    apart = float(np.ptp(seen, axis=1).max()) * 0.7 or 1.0
    for place, mean in enumerate(found.means_uv):
        curve = np.clip(mean, seen.min(), seen.max()) + apart * place
        axes.plot(time_ms, curve, linewidth=1.2, color="0.15")
    axes.set_yticks(
        [apart * place for place in range(levels)],
        [
            f"{level:g} dB (n = {count})"
            for level, count in zip(found.levels_db, found.counts, strict=True)
        ],
    )
    axes.set_xlabel("time after stimulus onset (ms)")
    axes.set_title("Grand averages by level")
    axes.plot([time_ms[-1] * 1.02] * 2, [0, apart], linewidth=3, color="0.15", clip_on=False)
    axes.text(time_ms[-1] * 1.035, apart / 2, f"{apart:.2g} {unit}", va="center")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.margins(x=0)
    try:
        figure.savefig(path, dpi=150)
    except (OSError, ValueError) as error:
        raise DataError(
            "the picture must be a file that can be written, such as `.png` or `.svg`",
            found=getattr(error, "strerror", None) or str(error).split(" (")[0],
            where=str(path),
        ) from error
