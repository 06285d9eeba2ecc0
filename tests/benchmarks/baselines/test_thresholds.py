"""Thresholds by correlation: known ears, and what is said beyond the levels that were tested."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.known_waves import POINTS, bump, columns

from benchmarks.baselines.correlating import (
    Criterion,
    fit_criterion,
    fit_curve,
    fit_ears,
    half_correlation,
)
from benchmarks.baselines.guessing import fit_guess
from benchmarks.baselines.picking import PeakPicker

LEVELS = np.arange(0, 91, 10.0)
PLAIN = Criterion(correlation=0.35, below_db=5, above_db=10)


def ears(thresholds: NDArray[Any], noise_uv: float = 0.03) -> dict[str, NDArray[Any]]:
    """Ears whose wave V grows by 0.02 µV for each dB above its threshold."""
    level = np.tile(LEVELS, len(thresholds))
    threshold = np.repeat(thresholds, len(LEVELS))
    height = 0.02 * np.maximum(level - threshold, 0)
    late = 5.5 + 0.04 * (80 - level)
    waves = [bump(at, 1.0, 0.4) - bump(at + 1.5, 0.6, 0.6) for at in late]
    return columns(
        height[:, None] * np.stack(waves),
        level,
        noise_uv=noise_uv,
        subject=np.repeat(np.arange(len(thresholds)), len(LEVELS)),
        threshold_db=threshold,
    )


def test_halves_correlate_by_what_is_response() -> None:
    loud = columns(np.tile(bump(5.5, 1.0, 0.4), (200, 1)), np.full(200, 70.0), noise_uv=0.03)
    silent = columns(np.zeros((200, POINTS)), np.full(200, 70.0), noise_uv=0.03)
    assert half_correlation(loud, 1500.0).min() > 0.9
    assert abs(half_correlation(silent, 1500.0).mean()) < 0.1
    silent["half_a_uv"][:3] = np.nan
    assert np.isnan(half_correlation(silent, 1500.0)).sum() == 3


def test_the_threshold_is_where_the_curve_falls_through_the_criterion() -> None:
    correlation = 0.95 / (1 + np.exp(-(LEVELS - 45) / 5))
    found = fit_curve(LEVELS, correlation).threshold_db(PLAIN)
    right = 45 - 5 * np.log(0.95 / 0.35 - 1)
    assert found == pytest.approx(right, abs=0.6)


def test_a_power_law_is_followed_where_it_is_nearer() -> None:
    correlation = np.clip(((LEVELS - 20) / 110).clip(0) ** 0.8 * 1.2, 0, 1)
    found = fit_curve(LEVELS, correlation).threshold_db(PLAIN)
    assert found == pytest.approx(20 + 110 * (0.35 / 1.2) ** (1 / 0.8), abs=2.5)


@pytest.mark.parametrize(("correlation", "expected"), [(0.95, -5.0), (0.02, 100.0)])
def test_beyond_the_levels_it_is_what_training_ears_were(
    correlation: float, expected: float
) -> None:
    found = fit_curve(LEVELS, np.full(10, correlation)).threshold_db(PLAIN)
    assert found == pytest.approx(expected)


def test_known_thresholds_are_found() -> None:
    thresholds = np.array([15.0, 25.0, 35.0, 45.0, 55.0, 20.0, 40.0, 50.0])
    recordings = ears(thresholds)
    curves = fit_ears(recordings, half_correlation(recordings, 1500.0))
    criterion = fit_criterion(recordings, curves)
    found = np.array([curves[ear].threshold_db(criterion) for ear in range(len(thresholds))])
    assert np.abs(found - thresholds).mean() < 5
    assert np.corrcoef(found, thresholds)[0, 1] > 0.95


def test_an_ear_without_halves_has_no_curve() -> None:
    recordings = ears(np.array([20.0, 40.0]))
    recordings["half_a_uv"][:10] = np.nan
    assert list(fit_ears(recordings, half_correlation(recordings, 1500.0))) == [1]


def test_a_guess_from_one_recording_beats_the_median() -> None:
    thresholds = np.random.default_rng(0).uniform(10, 60, 60)
    recordings = ears(thresholds)
    picked, correlation = PeakPicker().pick(recordings), half_correlation(recordings, 1500.0)
    guess = fit_guess(recordings, picked, correlation).guess_db(recordings, picked, correlation)
    error = np.abs(guess - recordings["threshold_db"]).mean()
    trivial = np.abs(np.median(thresholds) - recordings["threshold_db"]).mean()
    assert error < 0.8 * trivial
