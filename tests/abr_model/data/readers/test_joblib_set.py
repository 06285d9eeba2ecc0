from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.golden import assert_is_golden
from support.joblib_set import StandardScaler, as_scikit_learn, document, write

from abr_model.data.readers import Options, read_path
from abr_model.data.synthetic import make_recordings
from curriculum.errors import DataError

GOLDEN = Path(__file__).parent / "golden"
TEN_MS = Options(window_ms=10.0)


def read(path: Path) -> Any:
    return read_path(path, TEN_MS)


@pytest.mark.parametrize(
    "options", [{}, {"compress": 3}, {"compress": ("gzip", 3)}, {"protocol": 2}]
)
def test_a_joblib_set_is_read_as_it_was_made(tmp_path: Path, options: dict[str, Any]) -> None:
    found = read(write(tmp_path / "set.pkl", document(60), **options))
    made, got = make_recordings(60, 2, 10.0, 3), found.recordings
    assert found.z_scored
    assert found.subject_names == tuple(f"P{i:04d}" for i in range(60))
    np.testing.assert_array_equal(got.hearing_class, made.hearing_class)
    np.testing.assert_allclose(got.level_db, made.level_db, atol=1e-4)
    np.testing.assert_allclose(got.age_years, made.age_years, atol=0.006)
    np.testing.assert_allclose(got.rate_hz, made.rate_hz, atol=0.006)
    np.testing.assert_allclose(got.detection, made.detection, atol=0.006)
    np.testing.assert_allclose(got.recording_uv.std(axis=1), 1, atol=1e-3)
    known = made.wave_present[:, 2] == 1
    assert 0 < known.sum() < len(known)
    np.testing.assert_allclose(got.wave_latency_ms[known, 2], made.wave_latency_ms[known, 2])
    np.testing.assert_allclose(got.wave_amplitude_uv[known, 2], made.wave_amplitude_uv[known, 2])
    for array in (got.wave_present, got.wave_latency_ms, got.wave_amplitude_uv):
        assert np.isnan(array[~known]).all(), "a peak whose mask is False is missing, not 0"
        assert np.isnan(array[:, :2]).all()
    assert np.isnan(got.sweeps).all()
    assert np.isnan(got.noise_uv).all()
    assert not got.has_halves.any()
    sampling, scores = found.notices
    assert sampling == (
        "set.pkl: samples are taken to be 50 µs apart (20 kHz) and to begin at the stimulus onset, "
        "which the file says nowhere"
    )
    assert scores == (
        "set.pkl: recordings are z-scored, so that their own µV are lost; amplitudes of wave V are "
        "labels in µV"
    )


def test_a_plain_pickle_of_the_same_is_read_too(tmp_path: Path) -> None:
    with_joblib = read(write(tmp_path / "a.pkl", document(5)))
    for protocol in (2, 4, 5):
        with as_scikit_learn():
            (tmp_path / "b.pkl").write_bytes(pickle.dumps(document(5), protocol=protocol))
        plain = read(tmp_path / "b.pkl")
        np.testing.assert_array_equal(
            plain.recordings.recording_uv, with_joblib.recordings.recording_uv
        )


def test_thresholds_that_vary_within_a_subject_are_said(tmp_path: Path) -> None:
    what = document(60)
    what["data"][0]["clinical_threshold"] = 5.0
    what["data"][1]["clinical_threshold"] = 25.0
    found = read(write(tmp_path / "set.pkl", what))
    assert found.notices[-1].endswith(
        "subjects have more than one threshold: a threshold belongs to an ear, so these are of two "
        "ears, or were made up from something else"
    )


def test_a_peak_outside_the_window_is_no_label(tmp_path: Path) -> None:
    what = document(5)
    what["data"][0] |= {"v_peak": np.array([18.5, 0.3]), "v_peak_mask": np.array([True, True])}
    what["data"][1] |= {"v_peak": np.array([6.5, 0.3]), "v_peak_mask": np.array([True, False])}
    found = read(write(tmp_path / "set.pkl", what))
    assert (
        "set.pkl, record 1 lost a label: wave V is said to lie outside the window" in found.notices
    )
    assert np.isnan(found.recordings.wave_present[0, 2])
    assert found.recordings.wave_present[1, 2] == 1
    assert np.isnan(found.recordings.wave_amplitude_uv[1, 2])


def test_without_an_encoder_targets_are_class_numbers(tmp_path: Path) -> None:
    found = read(write(tmp_path / "set.pkl", document(60, label_encoder=None)))
    expected = make_recordings(60, 2, 10.0, 3).hearing_class
    np.testing.assert_array_equal(found.recordings.hearing_class, expected)
    reversed_names = ["conductive", "total", "sensorineural", "neuropathy", "normal"]
    turned = read(write(tmp_path / "set.pkl", document(60, label_encoder=reversed_names)))
    np.testing.assert_array_equal(turned.recordings.hearing_class, 4 - expected)


def changed(**values: Any) -> dict[str, Any]:
    what = document(3)
    what["data"][1] |= values
    return what


def bare(scaler: dict[str, Any]) -> StandardScaler:
    made = StandardScaler()
    made.__dict__.update(scaler)
    return made


# Each is refused; `golden/joblib_refused.json` has the whole messages.
REFUSED: dict[str, Any] = {
    "a list": [1, 2],
    "data that is no list": {"data": {}},
    "no scaler": document(3, scaler=None),
    "a scaler of three": document(3, scaler=bare({"mean_": np.zeros(3), "scale_": np.ones(3)})),
    "a class that is unknown": document(3, label_encoder=["normal", "grumpy"]),
    "a target that is no class": changed(target=5),
    "a target in words": changed(target="x"),
    "nobody": changed(patient_id=None),
    "a signal of two dimensions": changed(signal=np.zeros((2, 2))),
    "three statics": changed(static_params=np.zeros(3)),
    "statics without intensity": changed(static_params=np.array([0, np.nan, 0, 0])),
    "a mask of numbers": changed(v_peak_mask=np.array([1, 0])),
    "a threshold in words": changed(clinical_threshold="10"),
    "a record that is no dict": {**document(3), "data": [7]},
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_said(tmp_path: Path, case: str) -> None:
    path = write(tmp_path / "set.pkl", REFUSED[case])
    with pytest.raises(DataError) as raised:
        read(path)
    said = str(raised.value).replace(str(tmp_path), "FOLDER")
    assert_is_golden(GOLDEN, "joblib_refused", case, said)


def test_recordings_that_are_not_z_scored_are_refused(tmp_path: Path) -> None:
    what = document(3)
    for record in what["data"]:
        record["signal"] = record["signal"] * 0.2
    path = write(tmp_path / "set.pkl", what)
    with pytest.raises(DataError) as raised:
        read(path)
    assert str(raised.value) == (
        f"{path}: z-scored recordings must have a standard deviation of about 1. Found 0.2 (the "
        "median of all recordings). If they are in volts, say so, as `--unit uV`."
    )
    assert not read_path(path, Options(window_ms=10.0, unit="uV")).z_scored


def test_a_cut_off_file_is_damage(tmp_path: Path) -> None:
    whole = write(tmp_path / "set.pkl", document(3)).read_bytes()
    for length in (3, 100, len(whole) // 2, len(whole) - 1):
        (tmp_path / "set.pkl").write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"set.pkl, byte \d+: a pickle must be whole. Found"):
            read(tmp_path / "set.pkl")
    packed = write(tmp_path / "set.pkl", document(3), compress=3).read_bytes()
    (tmp_path / "set.pkl").write_bytes(packed[:200])
    with pytest.raises(DataError, match=r"a file packed with zlib must be whole. Found the end is"):
        read(tmp_path / "set.pkl")
