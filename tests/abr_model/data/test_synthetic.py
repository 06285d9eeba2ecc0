from __future__ import annotations

import attrs
import numpy as np
import pytest

from abr_model.data.recordings import Recordings, concatenate
from abr_model.data.synthetic import make_recordings
from curriculum.errors import DataError


@pytest.fixture(scope="module")
def made() -> Recordings:
    return make_recordings(1500, 6, 15.0, seed=42)


def assert_same(a: Recordings, b: Recordings) -> None:
    for field in attrs.fields(Recordings):
        assert getattr(a, field.name).tobytes() == getattr(b, field.name).tobytes(), field.name


def test_more_subjects_change_no_byte_of_those_before(made: Recordings) -> None:
    assert_same(make_recordings(90, 6, 15.0, seed=42), made.select(made.subject < 90))


def test_more_recordings_change_no_byte_of_those_before() -> None:
    few, many = make_recordings(70, 2, 12.0, seed=1), make_recordings(70, 5, 12.0, seed=1)
    assert_same(few, many.select(np.tile(np.arange(5) < 2, 70)))


def test_a_longer_window_adds_points_and_changes_none() -> None:
    short, long = make_recordings(50, 2, 12.0, seed=1), make_recordings(50, 2, 20.0, seed=1)
    np.testing.assert_array_equal(short.half_a_uv, long.half_a_uv[:, : short.points])


def test_seeds_differ() -> None:
    a, b = make_recordings(50, 2, 10.0, seed=1), make_recordings(50, 2, 10.0, seed=2)
    assert not np.allclose(a.recording_uv, b.recording_uv)


def test_a_recording_is_the_mean_of_its_halves_around_the_truth(made: Recordings) -> None:
    mean = (made.half_a_uv + made.half_b_uv) / 2
    np.testing.assert_allclose(made.recording_uv, mean, atol=1e-6)
    residual = (made.recording_uv - made.truth_uv)[:, 80:]  # behind the stimulus artefact
    assert abs(residual.mean()) < 0.002


def test_the_threshold_belongs_to_the_ear(made: Recordings) -> None:
    by_ear = made.threshold_db.reshape(1500, 6)
    assert (np.isnan(by_ear) | (by_ear == by_ear[:, :1])).all()
    assert np.isnan(made.threshold_db[made.hearing_class == 3]).all()


def test_below_threshold_there_is_neither_truth_nor_wave(made: Recordings) -> None:
    silent = ~(made.level_db >= made.threshold_db)
    assert silent.mean() > 0.1
    assert (made.truth_uv[silent] == 0).all()
    assert not (made.wave_present[silent] == 1).any()
    assert (np.abs(made.truth_uv[~silent]).max(axis=1) > 0).all()


def test_labels_are_missing_at_random(made: Recordings) -> None:
    missing = np.isnan(made.wave_present)
    assert missing[:, :2].mean() == pytest.approx(0.76, abs=0.03)
    assert missing[:, 2].mean() == pytest.approx(0.08, abs=0.01)
    by_class = [missing[made.hearing_class == c].mean() for c in (0, 2, 4)]
    assert max(by_class) - min(by_class) < 0.06


def test_what_is_not_labelled_is_nan_and_never_zero(made: Recordings) -> None:
    known = made.wave_present == 1
    for labels in (made.wave_latency_ms, made.wave_amplitude_uv):
        np.testing.assert_array_equal(np.isfinite(labels), known)
        assert (labels[known] > 0).all()


def test_the_detection_statistic_is_about_one_without_response(made: Recordings) -> None:
    silent = (made.truth_uv == 0).all(axis=1)
    assert 0.8 < np.median(made.detection[silent]) < 1.25
    loud = (made.hearing_class == 0) & (made.level_db >= 60)
    assert np.median(made.detection[loud]) > 3


def test_labels_can_be_read_from_the_truth(made: Recordings) -> None:
    rows = np.flatnonzero(made.wave_present[:, 2] == 1)
    at_label = np.rint(made.wave_latency_ms[rows, 2] * 20).astype(int)
    height = made.truth_uv[rows, at_label]
    around = np.stack([made.truth_uv[rows, at_label + k] for k in (-3, 3)])
    assert (height >= around.max(axis=0)).all()


def test_recordings_refuse_what_cannot_be(made: Recordings) -> None:
    one = made.select(np.array([0]))
    with pytest.raises(DataError, match=r"level_db must have the shape \(N\) = \(1,\)"):
        attrs.evolve(one, level_db=[1.0, 2.0])
    with pytest.raises(DataError, match="hearing_class must be -1 to 4"):
        attrs.evolve(one, hearing_class=[7])
    with pytest.raises(DataError, match="half_a_uv must be finite"):
        attrs.evolve(one, half_a_uv=np.full_like(one.half_a_uv, np.nan))
    with pytest.raises(DataError, match="wave_latency_ms must be NaN where"):
        attrs.evolve(one, wave_present=[[0, 0, 0]], wave_latency_ms=[[1, 2, 3]])
    with pytest.raises(DataError, match="sweeps must be above 0"):
        attrs.evolve(one, sweeps=[0])
    with pytest.raises(DataError, match="wave_present must be 1, 0 or NaN"):
        attrs.evolve(one, wave_present=[[0.5, 0, 0]])


def test_recordings_of_different_lengths_cannot_be_put_together() -> None:
    a, b = make_recordings(50, 1, 10.0, seed=1), make_recordings(50, 1, 12.0, seed=1)
    assert len(concatenate([a, a])) == 100
    with pytest.raises(DataError, match=r"one number of points. Found \[200, 240\]"):
        concatenate([a, b])
