"""Labels of noise-free synthetic recordings, read behind the clinics' filters, beside norms."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from abr_model.data import norms
from abr_model.data.answers import answers
from abr_model.data.ears import (
    CONDUCTIVE,
    NEUROPATHY,
    NORMAL,
    SENSORINEURAL,
    TOTAL,
    ears_of,
)
from benchmarks.norms import LEVELS_DB, Measured, draw, measure

EARS = 1500


@cache
def normal(level: int) -> Measured:
    return measure(NORMAL, level, EARS, seed=3)


@pytest.mark.parametrize("wave", ["I", "III", "V"])
def test_latencies_lie_within_one_sd_of_the_norms_at_every_level(wave: str) -> None:
    index = ["I", "III", "V"].index(wave)
    for level, mean, sd in zip(*norms.LATENCY_NORMS[wave], strict=True):
        labels = normal(round(level)).latency_ms[:, index]
        assert np.isfinite(labels).sum() > 100
        assert abs(np.nanmean(labels) - mean) < 0.5 * sd, f"wave {wave} at {level} dB"
        assert 0.4 * sd < np.nanstd(labels) < 1.3 * sd, f"wave {wave} at {level} dB"


def test_amplitudes_lie_within_one_sd_of_the_norms() -> None:
    for level, mean, sd in zip(*norms.WAVE_V_AMPLITUDE_NORMS, strict=True):
        labels = normal(round(level)).amplitude_uv[:, 2]
        assert abs(np.nanmean(labels) - mean) < 0.5 * sd, f"{level} dB"
        assert 0.7 * sd < np.nanstd(labels) < 1.5 * sd, f"{level} dB"


def test_amplitudes_are_0_1_to_1_uv_and_their_root_is_near_normal() -> None:
    amplitude = normal(60).amplitude_uv[:, 2]
    amplitude = amplitude[np.isfinite(amplitude)]
    assert np.mean((amplitude > 0.1) & (amplitude < 1.0)) > 0.99
    root = np.sqrt(amplitude)
    z = (root - root.mean()) / root.std()
    assert abs(np.mean(z**3)) < 0.3


def test_the_interval_from_i_to_v_is_that_of_the_norms() -> None:
    for level, mean, sd in ((90, 3.84, 0.16), (80, 3.85, 0.14), (70, 3.82, 0.11)):
        labels = normal(level).latency_ms
        interval = labels[:, 2] - labels[:, 0]
        assert abs(np.nanmean(interval) - mean) < sd
        assert np.nanpercentile(interval, 95) < 4.3


def test_waves_come_earlier_and_higher_with_level() -> None:
    means = [np.nanmean(normal(level).latency_ms[:, 2]) for level in LEVELS_DB]
    assert (np.diff(means) < 0).all()
    heights = [np.nanmean(normal(level).amplitude_uv[:, 2]) for level in LEVELS_DB]
    assert (np.diff(heights) > 0).all()


def test_an_air_bone_gap_shifts_everything_right_and_keeps_intervals() -> None:
    ears = ears_of(np.full(EARS, CONDUCTIVE), seed=4)
    level = np.full(EARS, 90.0)
    gapped = answers(ears, level, 0, 300, seed=4).wave_latency_ms
    healthy = ears_of(np.full(EARS, NORMAL), seed=4)
    shifted = answers(healthy, level - ears.gap_db, 0, 300, seed=4).wave_latency_ms
    np.testing.assert_allclose(gapped, shifted, atol=1e-4)
    assert np.nanmean(gapped[:, 2]) > np.nanmean(normal(90).latency_ms[:, 2]) + 0.3
    at_level = gapped[:, 2] - gapped[:, 0]
    assert abs(np.nanmean(at_level) - 3.8) < 0.16


def test_cochlear_loss_is_near_normal_at_high_level_and_late_when_severe() -> None:
    ears = ears_of(np.full(2 * EARS, SENSORINEURAL), seed=5)
    latency = answers(ears, np.full(len(ears), 90.0), 0, 300, seed=5).wave_latency_ms[:, 2]
    healthy = ears_of(np.full(len(ears), NORMAL), seed=5)
    beside = answers(healthy, np.full(len(ears), 90.0), 0, 300, seed=5).wave_latency_ms[:, 2]
    late = latency - beside
    mild = ears.loss_db < 40
    assert abs(np.nanmean(late[mild])) < 0.15
    low = answers(ears, ears.threshold_db + 5, 0, 300, seed=5).wave_latency_ms[:, 2]
    same = answers(healthy, ears.threshold_db + 5, 0, 300, seed=5).wave_latency_ms[:, 2]
    assert np.nanmean(low - same) > 0.4
    # 0.1 ms for every 10 dB beyond 50: told apart from nearness to threshold by a louder click.
    loud = ears.threshold_db + 60
    severe = (
        answers(ears, loud, 0, 300, seed=5).wave_latency_ms[:, 2]
        - answers(healthy, loud, 0, 300, seed=5).wave_latency_ms[:, 2]
    )
    known = np.isfinite(severe) & (ears.loss_db > 50)
    slope = np.polyfit(ears.loss_db[known], severe[known], 1)[0]
    assert slope == pytest.approx(0.01, abs=0.003)


def test_neuropathy_answers_in_a_fifth_with_a_low_late_wave_v_and_no_wave_i() -> None:
    found = measure(NEUROPATHY, 90, 2 * EARS, seed=6)
    marked = found.present[~np.isnan(found.present[:, 2]), 2]
    assert 0.12 < marked.mean() < 0.25
    assert not (found.present[:, 0] == 1).any()
    assert np.nanmean(found.amplitude_uv[:, 2]) < 0.5 * np.nanmean(normal(90).amplitude_uv[:, 2])
    wave_i = np.nanmean(normal(90).latency_ms[:, 0])
    assert np.nanmean(found.latency_ms[:, 2]) - wave_i > 4.3


def test_total_loss_has_no_response_and_no_threshold() -> None:
    found = measure(TOTAL, 90, 300, seed=7)
    assert not found.truth_uv.any()
    assert not (found.present == 1).any()


def test_the_picture_is_drawn(tmp_path: Path) -> None:
    draw({level: normal(level) for level in LEVELS_DB}, tmp_path / "norms.png")
    assert (tmp_path / "norms.png").stat().st_size > 50_000
