"""The noise of human recordings beside that of synthetic ones, from differences of half-averages.

    python benchmarks/noise.py FOLDER [--window 11.5]

FOLDER holds human recordings. What counts is whether theirs could be some of the generator's: it is
made for other ears and clinics too, so it spreads wider than a few human ears do.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.data.recordings import SAMPLE_RATE_HZ, Recordings  # noqa: E402
from abr_model.data.sources import find_recordings  # noqa: E402
from abr_model.data.synthetic import make_recordings  # noqa: E402

BANDS_HZ = ((0, 100), (100, 200), (200, 400), (400, 800), (800, 1500), (1500, 10_001))


def noise_figures(made: Recordings) -> dict[str, NDArray[np.float64]]:
    """One number a recording, by the name of what it says.

    Half the difference of the halves has the noise of their mean and no response. Shares of bands
    are of the power behind a Hann window. The halves' loudness is compared where hardly anybody
    hears, at 10 dB nHL and below, and is NaN elsewhere.
    """
    noise = (made.half_a_uv - made.half_b_uv).astype(float) / 2
    centred = noise - noise.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(made.points), axis=1)) ** 2
    frequency = np.fft.rfftfreq(made.points, 1 / SAMPLE_RATE_HZ)
    middle = made.points // 2
    ratio = np.log(made.half_a_uv.std(axis=1) / made.half_b_uv.std(axis=1))
    found = {
        "RMS at 500 sweeps, nV": 1000 * np.sqrt(np.mean(noise**2, axis=1) * made.sweeps / 500),
        "loudness of half A by half B, log": np.where(made.level_db <= 10, ratio, np.nan),
        "variance early by late, log": np.log(
            noise[:, :middle].var(axis=1) / noise[:, middle:].var(axis=1)
        ),
        "kurtosis": np.mean(centred**4, axis=1) / centred.var(axis=1) ** 2,
    }
    for low, high in BANDS_HZ:
        inside = (frequency >= low) & (frequency < high)
        found[f"power from {low} to {high} Hz"] = power[:, inside].sum(axis=1) / power.sum(axis=1)
    return found


def share_inside(
    human: NDArray[np.float64], synthetic: NDArray[np.float64]
) -> tuple[float, float, float]:
    """What share of human values lies between the 1st and 99th percentile of synthetic ones."""
    low, high = np.nanpercentile(synthetic, [1, 99])
    seen = human[np.isfinite(human)]
    return float(np.mean((seen >= low) & (seen <= high))), float(low), float(high)


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--window", type=float, default=11.5, help="ms from onset")
    parser.add_argument("--subjects", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    human = noise_figures(find_recordings(options.folder, options.window).recordings)
    made = noise_figures(make_recordings(options.subjects, 6, options.window, options.seed))
    print("| of each recording | human, 5 / 50 / 95 % | synthetic, 1 / 50 / 99 % | inside |")
    print("|---|---|---|---|")
    for name, values in human.items():
        inside, low, high = share_inside(values, made[name])
        middle = np.nanmedian(made[name])
        seen = " / ".join(f"{v:.3g}" for v in np.nanpercentile(values, [5, 50, 95]))
        print(f"| {name} | {seen} | {low:.3g} / {middle:.3g} / {high:.3g} | {100 * inside:.0f} % |")


if __name__ == "__main__":
    main()
