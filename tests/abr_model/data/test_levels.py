from __future__ import annotations

import numpy as np
import pytest

from abr_model.data.levels import SWEEPS, levels_db, sweeps


def series(subjects: int, recordings: int, seed: int = 1) -> np.ndarray:
    """(S, R) levels."""
    return np.stack([levels_db(subjects, n, seed) for n in range(recordings)], axis=1)


def test_levels_go_from_0_to_90_db_on_a_grid_of_5() -> None:
    assert set(np.unique(series(2000, 12))) == set(range(0, 91, 5))


def test_an_ear_has_several_levels_and_repeats_at_one() -> None:
    made = series(2000, 6)
    for number in (2, 5):
        before = made[:, number - 2 : number] == made[:, [number]]
        assert before.any(axis=1).all()
        assert 0.4 < before[:, 0].mean() < 0.65
    counts = np.array([len(set(row)) for row in made.tolist()])
    assert (counts <= 4).all()
    assert (counts >= 3).mean() > 0.97


def test_levels_of_an_ear_are_spread_over_its_grid() -> None:
    made = series(2000, 6)
    assert np.median(made.max(axis=1) - made.min(axis=1)) >= 40


def test_long_series_reach_every_level_of_a_grid() -> None:
    made = series(300, 90)
    for row in made:
        levels = np.unique(row)
        step = np.diff(levels).min()
        np.testing.assert_array_equal(levels, np.arange(levels[0], levels[-1] + 1, step))


def test_more_recordings_and_more_subjects_change_no_level() -> None:
    np.testing.assert_array_equal(series(40, 3), series(90, 7)[:40, :3])


def test_every_number_of_sweeps_occurs_as_often() -> None:
    counts = np.unique_counts(sweeps(12_000, 0, seed=2))
    assert tuple(counts.values) == SWEEPS
    assert counts.counts == pytest.approx(2000, abs=180)
