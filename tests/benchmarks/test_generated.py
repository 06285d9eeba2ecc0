"""Two-sample measures: nothing between two of a kind, much between unlike ones."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.known_waves import TIME_MS, bump

from benchmarks.generated import (
    BANDS_HZ,
    Responses,
    band_rms_uv,
    by_level,
    classifier_tests,
    kolmogorov_smirnov,
    resampled,
)
from benchmarks.sampling_tables import condition_table

ROOT = Path(__file__).resolve().parents[2]


def responses(seed: int, *, late_ms: float = 0.0, ears: int = 60, first: int = 0) -> Responses:
    random = np.random.default_rng(seed)
    level = np.tile([40.0, 80.0], ears)
    place = np.where(level == 80, 5.5, 6.7) + late_ms + random.normal(0, 0.15, 2 * ears)
    height = random.uniform(0.3, 0.5, 2 * ears)
    waves = np.stack([bump(p, h, 0.35) for p, h in zip(place, height, strict=True)])
    conditions = {
        "level_db": level,
        "age_years": np.full(2 * ears, 30.0),
        "rate_hz": np.full(2 * ears, 20.0),
    }
    return Responses(waves, conditions, first + np.repeat(np.arange(ears), 2))


def test_two_of_a_kind_cannot_be_told_apart() -> None:
    found = classifier_tests(responses(1), responses(2, first=1000), resamples=100)
    for each in found.values():
        assert each.accuracy == pytest.approx(0.5, abs=0.12)
        assert each.interval[0] < each.accuracy < each.interval[1]


def test_unlike_ones_are_told_apart() -> None:
    found = classifier_tests(responses(1), responses(2, late_ms=0.5), resamples=100)
    assert all(each.interval[0] > 0.75 for each in found.values())


def test_wave_v_is_measured() -> None:
    found = responses(1).features()
    assert np.median(found["wave V latency (ms)"][1::2]) == pytest.approx(5.5, abs=0.1)
    assert np.median(found["wave V amplitude (µV)"]) == pytest.approx(0.4, abs=0.05)


def test_what_is_not_visible_has_no_latency() -> None:
    some = responses(1)
    faint = Responses(some.waves_uv * 0.01, some.conditions, some.subject)
    assert np.isnan(faint.features()["wave V latency (ms)"]).all()


def test_sizes_that_nobody_resolves_are_the_same() -> None:
    some = responses(1)
    silent = Responses(some.waves_uv * 0, some.conditions, some.subject)
    nearly = Responses(some.waves_uv * 1e-3, some.conditions, some.subject)
    assert np.array_equal(silent.features()["RMS (µV)"], nearly.features()["RMS (µV)"])


def test_noise_has_the_size_that_is_asked_for() -> None:
    some = responses(1)
    added = some.with_noise(0.02, 1).waves_uv - some.waves_uv
    assert added.std() == pytest.approx(0.02, rel=0.02)


def test_the_distance_of_distributions() -> None:
    values = np.linspace(0, 1, 101)
    assert kolmogorov_smirnov(values, values) == 0
    assert kolmogorov_smirnov(values, values + 0.25) == pytest.approx(0.25, abs=0.01)
    assert kolmogorov_smirnov(values, np.array([np.nan, 5.0])) == 1
    assert np.isnan(kolmogorov_smirnov(values, np.array([np.nan])))


def test_intervals_are_by_subject() -> None:
    """100 copies of each of 20 numbers tell no more than the 20."""
    values, subject = np.repeat(np.arange(20.0), 100), np.repeat(np.arange(20), 100)
    low, high = resampled(lambda rows: float(values[rows].mean()), subject, 400)
    assert low < 9.5 < high
    assert high - low == pytest.approx(2 * 1.96 * 5.77 / np.sqrt(20), rel=0.2)


def test_a_tone_lies_in_its_band() -> None:
    tone = np.sin(2 * np.pi * 700 * TIME_MS / 1000)[None]
    found = band_rms_uv(tone)
    assert BANDS_HZ[int(np.argmax(found))] == (500, 1000)
    assert found.max() == pytest.approx(0.707 * np.sqrt(13.7 / 15), rel=0.03)


def test_levels_are_binned() -> None:
    values, level = np.array([1.0, 2.0, np.nan, 4.0]), np.array([10.0, 20.0, 20.0, 30.0])
    assert [each.tolist() for each in by_level(values, level, (0, 15, 25, 35))] == [[1], [2], [4]]


def test_it_says_whether_latency_falls_with_level() -> None:
    high = np.full(5, 0.4)
    falling = {"20 dB nHL": (np.full(5, 7.5), high), "80 dB nHL": (np.full(5, 5.5), high)}
    assert "falls with every step of level" in condition_table(falling)
    rising = {"20 dB nHL": (np.full(5, 5.5), high), "80 dB nHL": (np.full(5, 7.5), high)}
    assert "does NOT fall with every step of level" in condition_table(rising)


@pytest.mark.slow
def test_the_command_writes_a_report_and_a_picture(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "benchmarks" / "sampling.py"), "--seed", "1"]
    command += ["--plan", str(ROOT / "phases" / "smoke.yaml"), "--folder", str(tmp_path / "runs")]
    command += ["--steps", "2", "--draws", "5", "--resamples", "5"]
    command += ["--results", str(tmp_path / "s.md"), "--picture", str(tmp_path / "s.png")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "s.md").read_text(encoding="utf-8") == done.stdout
    assert "| accuracy of random forest |" in done.stdout
    assert (tmp_path / "s.png").read_bytes().startswith(b"\x89PNG")
