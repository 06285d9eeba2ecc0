"""Peaks are found where they are, and only what stands out of the noise is there."""

from __future__ import annotations

import numpy as np
import pytest
from support.known_waves import POINTS, TIME_MS, bump, columns, known_waves

from benchmarks.baselines.columns import band_pass, expected_ms
from benchmarks.baselines.picking import (
    PRESENT_RATIO,
    PeakPicker,
    Window,
    fit_picker,
    following_trough,
    mean_gap_uv,
    read_wave,
    weighted_median,
)

WINDOW = Window(before_ms=0.7, after_ms=1.5, by_drop=False)


def test_waves_are_found_where_they_are() -> None:
    recordings, known = known_waves(late_ms=0.2)
    found = PeakPicker(high_hz=3000.0).pick(recordings)
    assert np.abs(found.latency_ms - known["latency_ms"]).max() < 0.12
    assert (found.amplitude_uv > [0.15, 0.15, 0.3]).all()
    assert (found.ratio > PRESENT_RATIO).all()


def test_a_peak_between_points_is_refined() -> None:
    wave = bump(5.523, 1.0, 0.3)[None]
    latency, amplitude = read_wave(wave, np.array([5.5]), WINDOW, 3.5)
    assert latency[0] == pytest.approx(5.523, abs=0.003)
    assert amplitude[0] == pytest.approx(1.0, abs=0.02)


def test_the_window_leaves_out_higher_peaks_beside_it() -> None:
    wave = (bump(5.6, 0.3, 0.2) + bump(9.0, 1.0, 0.2))[None]
    latency, _ = read_wave(wave, np.array([5.5]), WINDOW, 1.2)
    assert latency[0] == pytest.approx(5.6, abs=0.01)


def test_by_drop_prefers_the_deeper_fall() -> None:
    wave = (bump(5.2, 1.0, 0.15) + 0.9 * (TIME_MS > 5.2) * (TIME_MS < 6.2))[None]
    wave = wave + bump(6.0, 0.05, 0.05)
    by_height, _ = read_wave(wave, np.array([5.5]), WINDOW, 0.5)
    by_drop, _ = read_wave(
        wave, np.array([5.5]), Window(before_ms=0.7, after_ms=1.5, by_drop=True), 0.5
    )
    assert by_height[0] == pytest.approx(5.25, abs=0.1)
    assert by_drop[0] == pytest.approx(6.0, abs=0.1)


def test_without_a_local_maximum_the_highest_point_stands() -> None:
    latency, amplitude = read_wave(TIME_MS[None].copy(), np.array([5.5]), WINDOW, 1.2)
    assert latency[0] == pytest.approx(7.0, abs=0.06)
    assert amplitude[0] == 0


def test_a_window_beyond_the_recording_is_moved_inside() -> None:
    latency, _ = read_wave(bump(14.8, 1.0, 0.1)[None], np.array([19.0]), WINDOW, 1.2)
    assert 14 < latency[0] < 15


def test_the_trough_is_sought_after_the_peak_alone() -> None:
    wave = np.array([[5.0, 4.0, 1.0, 3.0, 2.0, 6.0]])
    assert following_trough(wave, 3).tolist() == [[1.0, 1.0, 1.0, 2.0, 2.0, 6.0]]
    assert following_trough(wave, 2).tolist() == [[4.0, 1.0, 1.0, 2.0, 2.0, 6.0]]


def test_noise_alone_is_rarely_a_wave() -> None:
    level = np.full(300, 70.0)
    silent = columns(np.zeros((300, POINTS)), level, noise_uv=0.1)
    heard = columns(np.tile(bump(5.6, 1.0, 0.3), (300, 1)), level, noise_uv=0.1)
    picker = PeakPicker()
    assert np.mean(picker.pick(silent).ratio[:, 2] > PRESENT_RATIO) < 0.25
    assert np.mean(picker.pick(heard).ratio[:, 2] > PRESENT_RATIO) > 0.99


def test_the_gap_is_that_of_the_halves_in_the_band() -> None:
    silent = columns(np.zeros((300, POINTS)), np.full(300, 70.0), noise_uv=0.1)
    of_all, in_band = 2 * 0.1 * np.sqrt(2 / np.pi), np.sqrt(2900 / 10000)
    assert mean_gap_uv(silent, 3000.0).mean() == pytest.approx(of_all * in_band, rel=0.1)
    silent["half_b_uv"][0] = np.nan
    assert mean_gap_uv(silent, 3000.0)[0] == pytest.approx(of_all)


def test_fitting_takes_out_what_readings_are_off_by() -> None:
    recordings, known = known_waves(late_ms=0.3)
    recordings["wave_latency_ms"] = known["latency_ms"] + [0.05, -0.04, 0.1]
    recordings["wave_amplitude_uv"] = np.full((20, 3), 0.3)
    found = fit_picker(recordings).pick(recordings)
    assert np.abs(found.latency_ms - recordings["wave_latency_ms"]).max() < 0.01
    assert np.abs(found.amplitude_uv - 0.3).max() < 0.01


def test_expected_latencies_follow_level_rate_and_age() -> None:
    recordings = columns(np.zeros((4, POINTS)), np.array([80.0, 40.0, 80.0, 80.0]))
    recordings["rate_hz"][2] = 90.0
    recordings["age_years"][3] = 0.0
    found = expected_ms(recordings)
    assert found[0, 2] == pytest.approx(5.47)
    assert found[1, 2] == pytest.approx(6.65)
    assert found[2, 2] == pytest.approx(5.47 + 0.39)
    assert found[3, 2] == pytest.approx(5.47 + 0.6)
    recordings["age_years"][3] = recordings["rate_hz"][2] = np.nan
    assert np.isfinite(expected_ms(recordings)).all()


def test_the_band_keeps_a_tone_and_its_phase() -> None:
    inside, outside = (np.sin(2 * np.pi * hz * TIME_MS / 1000) for hz in (500, 6000))
    found = band_pass((inside + outside)[None], 100, 1500)[0]
    assert np.abs(found - inside)[60:-60].max() < 0.06


def test_weighted_median() -> None:
    assert weighted_median(np.array([1.0, 2.0, 9.0]), np.array([1.0, 1.0, 5.0])) == 9.0
    assert weighted_median(np.array([1.0, 2.0, 9.0]), np.ones(3)) == 2.0
    assert weighted_median(np.array([]), np.array([])) == 1.0
