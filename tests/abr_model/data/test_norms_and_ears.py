from __future__ import annotations

import attrs
import numpy as np
import pytest

from abr_model.data import norms
from abr_model.data.ears import (
    CLASS_SHARES,
    CONDUCTIVE,
    NEUROPATHY,
    NORMAL,
    SENSORINEURAL,
    TOTAL,
    Ears,
    hearing_classes,
    make_ears,
    split_places,
)
from abr_model.data.intensity import amplitudes_uv, latencies_ms
from abr_model.data.recordings import CLASSES
from abr_model.data.summary import synthetic_splits


def ear(hearing: int, threshold: float, gap: float = 0, loss: float = 0) -> Ears:
    """One average ear of an adult at the reference rate."""
    return Ears(
        hearing_class=np.array([hearing]),
        age_years=np.array([30.0]),
        rate_hz=np.array([20.0]),
        threshold_db=np.array([float(threshold)]),
        gap_db=np.array([float(gap)]),
        loss_db=np.array([float(loss)]),
        healthy_threshold_db=np.array([11.0]),
        latency_z=np.zeros((1, 3)),
        amplitude_factor=np.ones((1, 3)),
    )


def latency(of: Ears, level: float) -> np.ndarray:
    return latencies_ms(of, np.array([float(level)]))[0]


def amplitude(of: Ears, level: float) -> np.ndarray:
    return amplitudes_uv(of, np.array([float(level)]))[0]


def test_an_air_bone_gap_shifts_latencies_by_itself_with_normal_intervals() -> None:
    shifted = latency(ear(CONDUCTIVE, 40, gap=30), 80)
    assert shifted == pytest.approx(latency(ear(NORMAL, 10), 50))
    assert shifted[2] > latency(ear(NORMAL, 10), 80)[2] + 0.4


def test_cochlear_loss_delays_near_threshold_and_little_at_high_level() -> None:
    normal, loss = ear(NORMAL, 10), ear(SENSORINEURAL, 50, loss=40)
    assert latency(loss, 55)[2] - latency(normal, 55)[2] > 0.4
    assert latency(loss, 90)[2] - latency(normal, 90)[2] < 0.1
    severe = ear(SENSORINEURAL, 80, loss=70)
    assert latency(severe, 130)[2] - latency(normal, 130)[2] == pytest.approx(0.2, abs=0.05)


def test_neuropathy_has_a_long_interval_no_wave_i_and_a_low_wave_v() -> None:
    place = latency(ear(NEUROPATHY, 50), 80)
    assert place[2] - place[0] > 4.3
    height = amplitude(ear(NEUROPATHY, 50), 80)
    assert height[0] == 0
    assert 0 < height[2] < 0.5 * amplitude(ear(NORMAL, 10), 80)[2]


def test_there_is_no_response_below_threshold_nor_in_total_loss() -> None:
    assert (amplitude(ear(NORMAL, 20), 15) == 0).all()
    assert amplitude(ear(NORMAL, 20), 20)[2] > 0
    assert (amplitude(ear(TOTAL, np.inf), 90) == 0).all()


def test_classes_have_their_shares_in_any_number_of_subjects() -> None:
    for subjects in (120, 1500, 9000):
        counts = np.bincount(hearing_classes(subjects, seed=5), minlength=5)
        assert np.abs(counts - subjects * np.array(CLASS_SHARES)).max() <= 3


@pytest.mark.parametrize("seed", range(21))
def test_every_class_is_in_every_split_of_the_default_data(seed: int) -> None:
    splits = synthetic_splits(1500, 0.15, 0.15, seed)
    hearing = hearing_classes(1500, seed)
    for split, members in splits.subjects.items():
        counts = np.bincount(hearing[members], minlength=len(CLASSES))
        assert (counts > 0).all(), f"{split}: {counts}"
    assert splits.notices == ()


def test_eight_subjects_of_a_class_reach_every_split_of_15_percent() -> None:
    for seed in range(300):
        places = split_places(np.zeros(8, int), seed)
        assert (places < 0.15).any()
        assert ((places >= 0.15) & (places < 0.30)).any()


def test_more_subjects_move_none_to_another_split() -> None:
    few, many = (hearing_classes(n, seed=4) for n in (300, 2000))
    np.testing.assert_array_equal(split_places(few, 4), split_places(many, 4)[:300])


def test_a_class_too_rare_for_a_split_is_named() -> None:
    notices = synthetic_splits(50, 0.15, 0.15, seed=3).notices
    assert any("has no subject of the class: neuropathy" in notice for notice in notices)


def test_about_a_fifth_of_neuropathies_respond_and_no_total_loss_does() -> None:
    ears = make_ears(20_000, seed=3)
    responds = np.isfinite(ears.threshold_db)
    assert not responds[ears.hearing_class == TOTAL].any()
    assert 0.1 < responds[ears.hearing_class == NEUROPATHY].mean() < 0.3
    assert responds[np.isin(ears.hearing_class, [NORMAL, SENSORINEURAL, CONDUCTIVE])].all()


def test_age_and_rate_do_not_tell_the_class() -> None:
    ears = make_ears(20_000, seed=4)
    for values in (ears.age_years, ears.rate_hz):
        for hearing in (NORMAL, SENSORINEURAL, CONDUCTIVE):
            difference = values[ears.hearing_class == hearing].mean() - values.mean()
            assert abs(difference) < 0.1 * values.std()


def test_more_subjects_move_no_ear() -> None:
    few, many = make_ears(60, seed=9), make_ears(200, seed=9)
    for field in attrs.fields(Ears):
        a, b = getattr(few, field.name), getattr(many, field.name)[:60]
        assert a.tobytes() == b.tobytes(), field.name


def test_infants_have_late_waves_and_a_high_rate_delays_wave_v() -> None:
    assert norms.infant_delay_ms("V", 0.1) > 0.4
    assert norms.infant_delay_ms("V", 5.0) < 0.01
    assert norms.infant_delay_ms("I", 0.1) == 0
    assert norms.rate_delay_ms("V", 90) == pytest.approx(0.39)
