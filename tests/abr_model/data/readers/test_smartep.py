from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.smartep import export_text, halves

from abr_model.config import HumanRecordings, Mixed, RecordingsFolder, Synthetic, summarize_mixed
from abr_model.config import summarize_recordings as summarize
from abr_model.data.dataset import Dataset
from abr_model.data.readers import Options, read_path
from abr_model.data.resample import resample
from abr_model.loading import load_mixed, load_recordings
from curriculum.errors import DataError


def read_folder(folder: Path, window_ms: float) -> Dataset:
    return read_path(folder, Options(window_ms=window_ms))


def folder_with(tmp_path: Path, text: str, name: str = "a.TXT") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return tmp_path


def test_records_are_read_as_written(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [{}, {"sweeps": 1000, "level": 0, "zero": 500}]
    export = read_folder(folder_with(tmp_path, export_text(records)), 12.0)
    made = export.recordings
    assert export.subject_names == ("EAR-1",)
    assert export.notices == ()
    assert made.sweeps.tolist() == [500, 1000]
    assert made.level_db.tolist() == [40, 0]
    assert made.rate_hz.tolist() == pytest.approx([37.1, 37.1])
    np.testing.assert_allclose(made.half_a_uv[0], halves(0, 50, 530)[530:770, 0], atol=1e-6)
    np.testing.assert_allclose(made.half_b_uv[1], halves(1, 50, 500)[500:740, 1], atol=1e-6)
    assert np.argmax(made.recording_uv, axis=1).tolist() == [120, 120]
    assert not made.has_truth.any()
    assert made.hearing_class.tolist() == [-1, -1]
    for labels in (made.wave_present, made.threshold_db, made.age_years, made.wave_latency_ms):
        assert np.isnan(labels).all()


def test_a_record_at_25_us_is_brought_to_20_khz(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [{"period": 25.0, "zero": 548}, {}]
    made = read_folder(folder_with(tmp_path, export_text(records)), 10.0).recordings
    np.testing.assert_allclose(made.recording_uv[0], made.recording_uv[1], atol=2e-3)


def test_resampling_keeps_what_fits_below_nyquist_and_removes_what_does_not() -> None:
    time_s = np.arange(2000) * 25e-6
    kept, folded = (np.sin(2 * np.pi * f * time_s)[:, None] for f in (3000.0, 13_000.0))
    expected = np.sin(2 * np.pi * 3000 * (np.arange(300) * 50e-6 + 500 * 25e-6))
    np.testing.assert_allclose(resample(kept, 25, 500, 300)[:, 0], expected, atol=1e-3)
    assert np.abs(resample(folded, 25, 500, 300)).max() < 2e-3


def test_zeros_before_the_recording_do_not_ring_into_it(tmp_path: Path) -> None:
    """A recording that begins at onset on a plateau stays on it when it is resampled."""
    plateau = np.ones((600, 1))
    np.testing.assert_allclose(resample(plateau, 25, 0, 200), 1, atol=1e-9)


def test_what_is_too_short_is_left_out_by_name(tmp_path: Path) -> None:
    records: list[dict[str, object]] = [{"period": 25.0, "zero": 548}, {}]
    export = read_folder(folder_with(tmp_path, export_text(records)), 15.0)
    assert len(export.recordings) == 1
    assert export.notices == (
        "a.TXT, record 1 (X.1) was left out: 11.9 ms follow the onset, 15 ms are needed",
    )


def test_an_average_that_is_not_the_mean_of_its_halves_is_left_out(tmp_path: Path) -> None:
    lines = export_text().split("\n")
    cells = lines[700].split(",")
    cells[2] = "9.0"
    lines[700] = ",".join(cells)
    export = read_folder(folder_with(tmp_path, "\n".join(lines)), 10.0)
    assert export.notices == (
        "a.TXT, record 1 (X.1) was left out: its average is not the mean of its two halves",
    )


def test_a_record_that_begins_after_onset_is_left_out(tmp_path: Path) -> None:
    lines = export_text().split("\n")
    for point in range(560):
        cells = lines[9 + point].split(",")
        lines[9 + point] = ",".join([cells[0], *["0"] * 6, *cells[7:]])
    export = read_folder(folder_with(tmp_path, "\n".join(lines)), 10.0)
    assert export.notices == (
        "a.TXT, record 1 (X.1) was left out: it has no values at stimulus onset",
    )


def test_other_text_files_are_left_out_by_name_and_subfolders_are_read(tmp_path: Path) -> None:
    folder_with(tmp_path, "About these files.\n", "readme.txt")
    (tmp_path / "deep").mkdir()
    folder_with(tmp_path / "deep", export_text().replace("\n", "\r\n"), "b.txt")
    export = read_folder(tmp_path, 10.0)
    assert len(export.recordings) == 2
    assert export.notices == ("readme.txt was left out: it is of no known format",)


def edited(line: int, old: str, new: str) -> str:
    lines = export_text().split("\n")
    assert old in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace(old, new, 1)
    return "\n".join(lines)


def cut(lines: int, characters: int | None = None) -> str:
    kept = export_text().split("\n")[:lines]
    kept[-1] = kept[-1][:characters]
    return "\n".join(kept)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (cut(600), r"a.TXT:600: an export must have 1024 points. Found 591"),
        (cut(600, 40), r"a.TXT:600: a point must have 13 columns. Found "),
        (cut(5), r"a.TXT:5: an export must have the row `Data Pnt:`. Found 5 rows without it"),
        (export_text() + "1025,0,0,\n", r"an export must have 1024 points. Found 1025"),
        (edited(500, " 491,", " 499,"), r"a.TXT:500: this must be point 491. Found 499"),
        (edited(500, " 491,", " 491,1,"), r"a.TXT:500: a point must have 13 columns"),
        (edited(13, "0.00000", "0.0o0"), r"a.TXT:13: every value must be a number. Found '0.0o0'"),
        (edited(13, "0.00000", "nan"), r"a.TXT:13: every value must be finite"),
        (edited(9, "Average(uV)", "Average(mV)"), r"a.TXT:9: the column must be `Average\(uV\):`"),
        (edited(9, "Average:,", ""), r"a.TXT:9: the header must name six columns"),
        (edited(6, "500", "0"), r"a.TXT:6: `Sweeps` must be above 0"),
        (edited(6, "500", "many"), r"a.TXT:6: every value must be a number. Found 'many'"),
        (edited(7, "50.00", ""), r"a.TXT:7: the row `Smp. Period` must have a value for each"),
        (edited(8, "Zero Position", "Zero"), r"an export must have the row `Zero Position`"),
        ("  \n", r"recordings of a known format. Found a.TXT was left out: it is empty. Known are"),
        ("just text\n", r"a known format. Found a.TXT was left out: it is of no known format"),
    ],
)
def test_damage_is_said_with_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_folder(folder_with(tmp_path, text), 10.0)


def test_another_encoding_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(export_text().encode("utf-16"))
    with pytest.raises(DataError, match=r"a.txt:1: an export must be plain ASCII or UTF-8 text"):
        read_folder(tmp_path, 10.0)


def test_a_missing_folder_a_file_and_an_empty_folder_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must lie in a file or a folder. Found nothing there"):
        read_folder(tmp_path / "none", 10.0)
    folder_with(tmp_path, export_text())
    assert len(read_folder(tmp_path / "a.TXT", 10.0).recordings) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"of a known format. Found 0 files of other kinds"):
        read_folder(tmp_path / "empty", 10.0)
    with pytest.raises(DataError, match="a record must cover 25 ms after onset"):
        read_folder(tmp_path, 25.0)


def test_summaries_agree_with_what_is_loaded_and_follow_the_contents(tmp_path: Path) -> None:
    folder_with(tmp_path, export_text())
    settings = RecordingsFolder(path=tmp_path, window_ms=12.0)
    summary, data = summarize(settings, 1), load_recordings(settings, 1)
    assert (data.fingerprint, data.held_out) == (summary.fingerprint, "recordings")
    assert set(data.splits) == {"recordings"}
    assert summary.train_size == 0

    ears = Synthetic(subjects=100, recordings_per_subject=2)
    both = Mixed(synthetic=ears, recordings=HumanRecordings(path=tmp_path))
    summary, data = summarize_mixed(both, 1), load_mixed(both, 1)
    assert data.fingerprint == summary.fingerprint
    assert data.notices == summary.notices
    assert summary.train_size == len(data.splits["train"])
    assert data.held_out == "recordings"
    last = data.splits["train"].batch(np.array([len(data.splits["train"]) - 1]))
    assert last["hearing_class"].item() == -1
    assert data.subject_names[last["subject"].item()] == "EAR-1"
    assert data.splits["recordings"].batch(np.arange(2))["recording_uv"].shape == (2, 300)
    assert "2 human recordings are in the train split without labels" in data.notices[-1]

    before = summarize(settings, 1).fingerprint
    folder_with(tmp_path, export_text([{"level": 45}, {}]))
    assert summarize(settings, 1).fingerprint != before
    assert summarize_mixed(both, 1).fingerprint != summary.fingerprint


@pytest.fixture(scope="module")
def human(real_data: Path) -> Dataset:
    return read_folder(real_data, 11.5)


def of(human: Dataset, subject: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Recordings (n, T) of one subject at one level, and their sweeps (n,)."""
    made = human.recordings
    chosen = (made.subject == subject) & (made.level_db == level)
    return made.recording_uv[chosen], made.sweeps[chosen]


def test_every_human_record_is_read(human: Dataset) -> None:
    assert len(human.recordings) == 235
    assert human.notices == ()
    assert len(human.subject_names) == 2


@pytest.mark.parametrize(
    ("subject", "expected"),
    [(0, {60: 5.95, 40: 6.70, 20: 7.75}), (1, {60: 6.20, 40: 6.85, 20: 7.80})],
)
def test_wave_v_of_human_recordings_is_where_it_is_known_to_be(
    human: Dataset, subject: int, expected: dict[int, float]
) -> None:
    for level, latency in expected.items():
        recordings, sweeps = of(human, subject, level)
        mean = np.average(recordings, axis=0, weights=sweeps)
        found = (90 + np.argmax(mean[90:221])) / 20
        assert found == pytest.approx(latency, abs=0.01), f"{level} dB"


@pytest.mark.parametrize(
    ("subject", "expected"), [(0, (0.683, 0.774, 0.853)), (1, (0.765, 0.866, 0.935))]
)
def test_raw_correlations_of_human_recordings_are_as_known(
    human: Dataset, subject: int, expected: tuple[float, ...]
) -> None:
    found: dict[float, list[float]] = {500: [], 1000: [], 2000: []}
    for level in range(20, 65, 5):
        recordings, sweeps = of(human, subject, level)
        recordings = recordings[:, :200]
        for i, recording in enumerate(recordings):
            others = np.arange(len(recordings)) != i
            rest = np.average(recordings[others], axis=0, weights=sweeps[others])
            found[sweeps[i]].append(np.corrcoef(recording, rest)[0, 1])
    means = [float(np.mean(found[n])) for n in (500, 1000, 2000)]
    assert means == pytest.approx(expected, abs=0.005)
