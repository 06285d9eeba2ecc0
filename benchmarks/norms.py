"""Synthetic ears beside published norms: labels of noise-free recordings, by level.

    python benchmarks/norms.py [--ears 4000] [--picture docs/pictures/norms.png]

Adults with normal hearing answer each level of the tables; what is compared are the labels of their
recordings, which are read from the waveforms behind the clinics' filters.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import attrs
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.data import norms  # noqa: E402 - the checkout beside this file
from abr_model.data.answers import answers  # noqa: E402
from abr_model.data.ears import NORMAL, ears_of  # noqa: E402
from abr_model.data.recordings import WAVES  # noqa: E402

POINTS = 300
ADULT_YEARS = 5.0
LEVELS_DB = tuple(range(10, 91, 10))
_COLOURS = {"I": "tab:blue", "III": "tab:orange", "V": "tab:green"}


@attrs.frozen(kw_only=True, eq=False)
class Measured:
    """Labels of N ears of one class at one level; NaN where a wave is absent or not marked."""

    latency_ms: NDArray[np.float64]  # (N, 3)
    amplitude_uv: NDArray[np.float64]  # (N, 3)
    present: NDArray[np.float32]  # (N, 3)
    truth_uv: NDArray[np.float32]  # (N, T)


def measure(hearing: int, level_db: float, ears: int, seed: int) -> Measured:
    """What adults' ears of a class answer at a level."""
    drawn = ears_of(np.full(ears, hearing), seed)
    found = answers(drawn, np.full(ears, float(level_db)), 0, POINTS, seed)
    adult = drawn.age_years > ADULT_YEARS
    return Measured(
        latency_ms=found.wave_latency_ms[adult],
        amplitude_uv=found.wave_amplitude_uv[adult],
        present=found.wave_present[adult],
        truth_uv=found.truth_uv[adult],
    )


def main() -> None:
    """Print the comparison and draw it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ears", type=int, default=4000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--picture", type=Path, help="PNG file to write")
    options = parser.parse_args()
    found = {level: measure(NORMAL, level, options.ears, options.seed) for level in LEVELS_DB}
    print("| dB nHL | what | norm | synthetic | off by, SD |\n|---|---|---|---|---|")
    for index, wave in enumerate(WAVES):
        for level, mean, sd in zip(*norms.LATENCY_NORMS[wave], strict=True):
            _row(level, f"{wave}, ms", mean, sd, found[round(level)].latency_ms[:, index], 2)
    for level, mean, sd in zip(*norms.WAVE_V_AMPLITUDE_NORMS, strict=True):
        _row(level, "V, µV", mean, sd, found[round(level)].amplitude_uv[:, 2], 3)
    if options.picture:
        draw(found, options.picture)


def _row(
    level: float, what: str, mean: float, sd: float, values: NDArray[np.float64], digits: int
) -> None:
    here, spread = np.nanmean(values), np.nanstd(values)
    both = f"{mean:.{digits}f} ± {sd:.{digits}f} | {here:.{digits}f} ± {spread:.{digits}f}"
    print(f"| {level:g} | {what} | {both} | {(here - mean) / sd:+.2f} |")


def draw(found: dict[int, Measured], path: Path) -> None:
    """Latencies and amplitudes beside the norms, and grand averages by level."""
    figure = Figure(figsize=(12, 5.6), layout="constrained")
    FigureCanvasAgg(figure)
    latency, amplitude, waves = figure.subplots(1, 3, width_ratios=(1.1, 0.8, 1.3))
    _latencies(latency, found)
    _amplitudes(amplitude, found)
    _averages(waves, found)
    figure.savefig(path, dpi=110)


def _band(axes: Axes, found: dict[int, Measured], field: str, wave: int, colour: str) -> None:
    columns = [getattr(each, field)[:, wave] for each in found.values()]
    levels = np.array(list(found), float)
    enough = np.array([np.isfinite(column).sum() >= 30 for column in columns])
    kept = [column for column, many in zip(columns, enough, strict=True) if many]
    mean = np.array([np.nanmean(column) for column in kept])
    spread = np.array([np.nanstd(column) for column in kept])
    axes.plot(levels[enough], mean, color=colour, label=f"wave {WAVES[wave]}: synthetic")
    axes.fill_between(levels[enough], mean - spread, mean + spread, color=colour, alpha=0.2)


def _latencies(axes: Axes, found: dict[int, Measured]) -> None:
    for index, wave in enumerate(WAVES):
        _band(axes, found, "latency_ms", index, _COLOURS[wave])
        levels, means, sds = norms.LATENCY_NORMS[wave]
        axes.errorbar(
            levels, means, sds, fmt="o", ms=4, capsize=3, color="black", mfc=_COLOURS[wave]
        )
    axes.set(xlabel="level, dB nHL", ylabel="latency, ms", title="Latency: norm ± SD (points)")
    axes.set_ylim(0, 9)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower left", fontsize=8)


def _amplitudes(axes: Axes, found: dict[int, Measured]) -> None:
    for index, wave in enumerate(WAVES):
        _band(axes, found, "amplitude_uv", index, _COLOURS[wave])
    levels, means, sds = norms.WAVE_V_AMPLITUDE_NORMS
    axes.errorbar(levels, means, sds, fmt="o", ms=4, capsize=3, color="black", mfc=_COLOURS["V"])
    axes.set(xlabel="level, dB nHL", ylabel="amplitude, µV", title="Amplitude where present")
    axes.set_ylim(0, None)
    axes.grid(alpha=0.3)


def _averages(axes: Axes, found: dict[int, Measured]) -> None:
    time_ms = np.arange(POINTS) / 20
    for level, each in found.items():
        axes.plot(time_ms, level + 20 * each.truth_uv.mean(axis=0), color="tab:blue", lw=1.2)
        for ear in each.truth_uv[:3]:
            axes.plot(time_ms, level + 20 * ear, color="grey", lw=0.5, zorder=1)
    axes.plot([12.9, 12.9], [92, 102], color="black", lw=2)
    axes.text(13.1, 95, "0.5 µV", fontsize=8)
    axes.set(
        xlabel="after onset, ms",
        ylabel="level, dB nHL",
        title="Grand averages (blue), three ears (grey)",
        xlim=(0, 15),
        yticks=list(found),
    )


if __name__ == "__main__":
    main()
