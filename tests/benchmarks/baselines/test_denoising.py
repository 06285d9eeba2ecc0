"""Linear denoisers against what theory says of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.known_waves import POINTS, bump, columns

from benchmarks.baselines.denoising import (
    EDGES_DB,
    BandPass,
    fit_band_pass,
    fit_linear,
    fit_wiener,
    mean_square,
    place_of,
)


def recordings(count: int, seed: int, noise_uv: float = 0.2) -> dict[str, NDArray[Any]]:
    random = np.random.default_rng(seed)
    height = random.uniform(0.2, 1.0, count)
    response = np.stack([h * bump(5.6, 1.0, 0.4) for h in height])
    return columns(response, random.choice([40.0, 70.0], count), noise_uv=noise_uv, seed=seed)


def test_each_knows_more_than_the_one_before() -> None:
    train, test = recordings(600, 1), recordings(300, 2)
    raw = float(np.square(test["recording_uv"] - test["truth_uv"]).mean())
    band, wiener, linear = (
        mean_square(fit(train), test) for fit in (fit_band_pass, fit_wiener, fit_linear)
    )
    assert raw == pytest.approx(0.04, rel=0.05)
    assert linear < 0.3 * wiener < 0.3 * band < 0.3 * raw


def test_the_linear_estimator_is_as_good_as_theory_allows() -> None:
    """One unknown height h of a known wave w: the error is |w|² / (|w|²/σ² + 1/var h)."""
    train, test = recordings(4000, 1, noise_uv=0.3), recordings(2000, 2, noise_uv=0.3)
    energy = float(np.square(bump(5.6, 1.0, 0.4)).sum())
    variance = 0.8**2 / 12
    expected = energy / (energy / 0.09 + 1 / variance) / POINTS
    assert mean_square(fit_linear(train), test) == pytest.approx(expected, rel=0.25)


def test_a_quiet_recording_is_left_as_it_is() -> None:
    train, test = recordings(300, 1), recordings(50, 2, noise_uv=1e-4)
    for fit in (fit_wiener, fit_linear):
        assert mean_square(fit(train), test) < 1e-6


def test_noise_alone_becomes_nearly_nothing() -> None:
    train = recordings(300, 1)
    silent = columns(np.zeros((50, POINTS)), np.full(50, 40.0), noise_uv=3.0)
    assert np.square(fit_wiener(train).denoise(silent)).mean() < 0.02 * 9


def test_levels_have_bins_of_their_own() -> None:
    assert place_of(np.array([-30.0, 0.0, 5.0, 44.9, 45.0, 120.0])).tolist() == [0, 0, 1, 4, 5, 8]
    assert len(EDGES_DB) == 9


def test_a_band_pass_removes_what_lies_outside() -> None:
    tone = np.sin(2 * np.pi * 5000 * np.arange(POINTS) / 20000)
    found = BandPass(100.0, 1500.0).denoise(columns(tone[None], np.array([70.0])))
    assert np.abs(found[:, 40:-40]).max() < 0.01  # but for the ends, where it begins
