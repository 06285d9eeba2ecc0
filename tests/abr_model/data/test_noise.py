from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from abr_model.data.artefact import SHARE, artefact_uv, make_artefacts
from abr_model.data.noise import make_noise
from abr_model.data.readers import Options, read_path
from abr_model.data.recordings import Recordings
from abr_model.data.synthetic import make_recordings
from benchmarks.noise import noise_figures, share_inside


@pytest.fixture(scope="module")
def made() -> Recordings:
    return make_recordings(1500, 6, 15.0, seed=42)


@pytest.fixture(scope="module")
def figures(made: Recordings) -> dict[str, np.ndarray]:
    return noise_figures(made)


def test_residual_noise_falls_as_one_over_the_root_of_the_sweeps(made: Recordings) -> None:
    noise = made.recording_uv[:, 80:] - made.truth_uv[:, 80:]
    residual = np.sqrt(np.mean(noise**2, axis=1))
    typical = {n: np.exp(np.log(residual[made.sweeps == n]).mean()) for n in (500, 1000, 4000)}
    assert typical[500] / typical[1000] == pytest.approx(np.sqrt(2), rel=0.07)
    assert typical[500] / typical[4000] == pytest.approx(np.sqrt(8), rel=0.07)


def test_records_of_equal_sweeps_differ_as_20_to_190_nv(figures: dict[str, np.ndarray]) -> None:
    low, high = np.percentile(figures["RMS at 500 sweeps, nV"], [5, 95])
    assert low == pytest.approx(20, abs=5)
    assert high == pytest.approx(190, abs=30)


def test_noise_of_an_ear_is_alike_but_not_the_same(figures: dict[str, np.ndarray]) -> None:
    by_ear = np.log(figures["RMS at 500 sweeps, nV"]).reshape(-1, 6)
    between = by_ear.mean(axis=1).var() / by_ear.var()
    assert 0.4 < between < 0.75


def test_half_the_difference_estimates_the_residual_noise_without_bias(made: Recordings) -> None:
    # The stimulus artefact is in both halves: no half-difference knows of it.
    residual = np.mean((made.recording_uv - made.truth_uv)[:, 80:] ** 2)
    halves = np.mean(((made.half_a_uv - made.half_b_uv) / 2)[:, 80:] ** 2)
    assert halves / residual == pytest.approx(1, abs=0.05)


def test_halves_have_independent_noise(made: Recordings) -> None:
    a, b = ((half - made.truth_uv)[:, 80:] for half in (made.half_a_uv, made.half_b_uv))
    each = np.sum(a * b, axis=1) / np.sqrt(np.sum(a**2, axis=1) * np.sum(b**2, axis=1))
    assert abs(each.mean()) < 0.02


def test_four_fifths_of_the_noise_lie_below_400_hz(made: Recordings) -> None:
    noise = (made.half_a_uv - made.half_b_uv).astype(float)
    power = np.square(np.abs(np.fft.rfft(noise * np.hanning(made.points), axis=1))).sum(axis=0)
    below = np.fft.rfftfreq(made.points, 1 / 20_000) < 400
    assert power[below].sum() / power.sum() == pytest.approx(0.8, abs=0.03)


def test_spectra_differ_from_recording_to_recording(figures: dict[str, np.ndarray]) -> None:
    low, high = np.percentile(figures["power from 100 to 200 Hz"], [5, 95])
    assert high > 5 * low
    low, high = np.percentile(figures["power from 1500 to 10001 Hz"], [5, 95])
    assert high > 50 * low


def test_hum_drift_and_bursts_are_there_sometimes() -> None:
    noise = make_noise(np.full(5000, 1000.0), 0, seed=3)
    assert (noise.hum_share > 0).mean() == pytest.approx(0.4, abs=0.03)
    assert (noise.drift_share > 0).mean() == pytest.approx(0.4, abs=0.03)
    assert (noise.burst > 0).mean() == pytest.approx(0.12, abs=0.02)
    assert set(np.unique(noise.mains_hz)) == {50.0, 60.0}
    assert noise.hum_share.max() + noise.drift_share.max() < 1


def test_a_burst_makes_noise_louder_for_a_while() -> None:
    made = make_recordings(1500, 2, 20.0, seed=9)
    early_by_late = noise_figures(made)["variance early by late, log"]
    noise = [make_noise(made.sweeps[n::2].astype(float), n, seed=9) for n in (0, 1)]
    quiet = np.stack([~(each.burst > 0).any(axis=1) for each in noise], axis=1).ravel()
    assert early_by_late[~quiet].std() > 1.15 * early_by_late[quiet].std()


def test_the_stimulus_artefact_dies_away_and_grows_with_level() -> None:
    loud, soft = (make_artefacts(np.full(2000, level), seed=1) for level in (80.0, 60.0))
    assert (loud.height_uv > 0).mean() == pytest.approx(SHARE, abs=0.03)
    np.testing.assert_allclose(loud.height_uv, 10 * soft.height_uv)
    wave = artefact_uv(loud, 300)
    assert np.abs(wave[:, 40:]).max() < 0.02 < np.abs(wave[:, :10]).max()


def test_human_noise_is_like_some_of_the_generators(real_data: Path, made: Recordings) -> None:
    """No fit: each figure of most human recordings lies where 98 % of the synthetic ones do."""
    human = noise_figures(read_path(real_data, Options(window_ms=11.5)).recordings)
    synthetic = noise_figures(made.crop(230))
    for name, values in human.items():
        inside, low, high = share_inside(values, synthetic[name])
        assert inside >= 0.75, f"{name}: {inside:.0%} in {low:.3g} to {high:.3g}"
        assert low < np.nanmedian(values) < high, name
