"""The tables of `sampling.py`, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

import numpy as np

from benchmarks.baselines.columns import Array
from benchmarks.generated import (
    BANDS_HZ,
    NOISE_UV,
    VISIBLE_UV,
    Responses,
    band_rms_uv,
    by_level,
    classifier_tests,
    kolmogorov_smirnov,
    resampled,
)
from benchmarks.quality_tables import number, table

EDGES_DB = (-1.0, 15.0, 25.0, 35.0, 45.0, 55.0, 65.0, 75.0, 95.0)
NAMES = ("0 to 10", "15 to 20", "25 to 30", "35 to 40", "45 to 50", "55 to 60", "65 to 70", "75+")


def condition_table(asked: Mapping[str, tuple[Array, Array]]) -> str:
    """Wave V of what was generated for adults at 21.1 per second, each level and none."""
    rows = [("told", "wave V latency (ms)", f"share with wave V of {VISIBLE_UV} µV")]
    for name, (latency, amplitude) in asked.items():
        visible = amplitude >= VISIBLE_UV
        rows.append((name, _spread(latency[visible]), f"{visible.mean():.0%}"))
    levels = [
        float(np.median(latency[amplitude >= VISIBLE_UV]))
        if (amplitude >= VISIBLE_UV).any()
        else np.nan
        for name, (latency, amplitude) in asked.items()
        if name.endswith("nHL")
    ]
    falls = all(later > earlier for later, earlier in pairwise(levels))
    said = "falls with every step" if falls else "does NOT fall with every step"
    return f"{table(rows)}\n\nThe median latency {said} of level."


def level_table(kinds: Mapping[str, Responses]) -> str:
    """Wave V's latency and amplitude, mean ± SD, by level and kind."""
    found = {name: kind.features() for name, kind in kinds.items()}
    rows = [("level (dB nHL)", "what", *kinds)]
    for what in next(iter(found.values())):
        bins = {
            name: by_level(features[what], kinds[name].level_db, EDGES_DB)
            for name, features in found.items()
        }
        rows += [
            (level, what, *(_spread(values[place]) for values in bins.values()))
            for place, level in enumerate(NAMES)
        ]
    return table(rows)


def spectrum_table(kinds: Mapping[str, Responses]) -> str:
    """RMS in bands; and how far the response stands above what lies over 3 kHz."""
    found = {name: band_rms_uv(kind.waves_uv) for name, kind in kinds.items()}
    truth = found["truth"]
    rows = [
        (
            "band (Hz)",
            *(f"{name} (nV)" for name in kinds),
            *(f"{n} (dB)" for n in kinds if n != "truth"),
        )
    ]
    for place, (low, high) in enumerate(BANDS_HZ):
        off = [
            f"{20 * np.log10(rms[place] / truth[place]):+.1f}"
            for name, rms in found.items()
            if name != "truth"
        ]
        rows.append(
            (f"{low} to {high}", *(f"{1000 * rms[place]:.2f}" for rms in found.values()), *off)
        )
    snr = [20 * np.log10(np.sqrt(np.square(rms[:-1]).sum()) / rms[-1]) for rms in found.values()]
    rows.append(("SNR (dB)", *(f"{each:.1f}" for each in snr), *("" for _ in snr[1:])))
    said = "dB: against the truth. SNR: all that lies below 3 kHz against what lies above, where "
    return f"{table(rows)}\n\n{said}noise-free responses have next to nothing."


def test_table(
    truth: Responses, kinds: Mapping[str, Responses], other_truth: Responses, resamples: int
) -> str:
    """Kolmogorov-Smirnov distances and accuracies of classifiers, with 95 % intervals."""
    beside = {**kinds, "truth of other subjects": other_truth}
    rows = [("test", *beside)]
    rows += [
        (f"KS distance, {what}", *(_ks(truth, kind, what, resamples) for kind in beside.values()))
        for what in truth.features()
    ]
    rows += _classifier_rows(truth, beside, "", resamples)
    noisy = {name: kind.with_noise(NOISE_UV, 1) for name, kind in beside.items()}
    behind = f", behind {1000 * NOISE_UV:.0f} nV of noise"
    rows += _classifier_rows(truth.with_noise(NOISE_UV, 2), noisy, behind, resamples)
    said = (
        "Intervals by bootstrap over subjects. A distance of 0 and an accuracy of 0.5 are what "
        "cannot be told apart; the last column says what true responses reach. Behind noise: both "
        "sides, since true responses are exactly 0 below the threshold and exactly smooth, which "
        "gives them away and which no recording shows."
    )
    return f"{table(rows)}\n\n{said}"


def _classifier_rows(
    truth: Responses, kinds: Mapping[str, Responses], behind: str, resamples: int
) -> list[tuple[str, ...]]:
    tests = [classifier_tests(truth, kind, resamples) for kind in kinds.values()]
    rows: list[tuple[str, ...]] = []
    for name in tests[0]:
        found = [each[name] for each in tests]
        cells = [f"{x.accuracy:.3f} ({x.interval[0]:.3f} to {x.interval[1]:.3f})" for x in found]
        rows.append((f"accuracy of {name}{behind}", *cells))
    return rows


def _ks(one: Responses, other: Responses, what: str, resamples: int) -> str:
    values = np.concatenate([one.features()[what], other.features()[what]])
    kind = np.repeat([0, 1], [len(one.subject), len(other.subject)])
    subject = np.concatenate([one.subject, other.subject])

    def distance(rows: np.ndarray) -> float:
        return kolmogorov_smirnov(values[rows][kind[rows] == 0], values[rows][kind[rows] == 1])

    low, high = resampled(distance, subject, resamples)
    return f"{distance(np.arange(len(values))):.3f} ({low:.3f} to {high:.3f})"


def _spread(values: Array) -> str:
    if len(values) == 0:
        return "–"
    return f"{number(float(values.mean()))} ± {number(float(values.std()))}"
