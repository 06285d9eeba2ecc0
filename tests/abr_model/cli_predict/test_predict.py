"""`predict`: tables of predictions, held against what `evaluate` says of the same model."""

from __future__ import annotations

import csv
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from support.abr import RUN, abr, train
from support.commands import Answer

from abr_model.data import AbrData, synthetic_data
from abr_model.data.dataset import Dataset
from abr_model.data.npz import write_npz
from abr_model.data.recordings import Recordings
from abr_model.data.synthetic import make_recordings, subject_name
from curriculum.run import files

ALWAYS = ["recording", "subject", "level_db", "sweeps"]
CLASSES = ("normal", "neuropathy", "sensorineural", "total", "conductive")
CLASS_COLUMNS = ["class", "class_balanced", *(f"probability_{name}" for name in CLASSES)]
Predict = Callable[..., Answer]


@pytest.fixture(scope="session")
def data() -> AbrData:
    """What the runs were trained on."""
    return synthetic_data(200, 2, 15.0, 0.15, 0.15, seed=1)


@pytest.fixture(scope="session")
def truth(data: AbrData) -> dict[str, np.ndarray]:
    test = data.splits["test"]
    return {n: t.numpy() for n, t in test.batch(np.arange(len(test))).items()}


@pytest.fixture(scope="session")
def scores(runs: Path) -> dict[str, float]:
    """What `evaluate` says of the test split."""
    answer = abr("evaluate", RUN, "--runs-dir", runs, "--threads", "1", "--json", "--resamples=0")
    found: dict[str, float] = answer.document["metrics"]
    return found


@pytest.fixture
def predict(runs: Path) -> Predict:
    def call(*arguments: str | Path, run: str | Path = RUN) -> Answer:
        return abr("predict", run, *arguments, "--runs-dir", runs, "--threads", "1", "--quiet")

    return call


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def last_line(answer: Answer) -> str:
    return answer.err.splitlines()[-1]


def column(text: str, name: str) -> np.ndarray:
    return np.array([float(row[name] or "nan") for row in rows(text)])


def test_numbers_are_those_that_evaluation_judges(
    predict: Predict, truth: dict[str, np.ndarray], scores: dict[str, float]
) -> None:
    answer = predict("--split", "test")
    assert answer.code == 0
    assert column(answer.out, "recording").tolist() == list(range(len(truth["subject"])))
    np.testing.assert_allclose(column(answer.out, "level_db"), truth["level_db"])
    for name, label, metric in (
        ("threshold_db", truth["threshold_db"], "threshold/mae_db"),
        ("wave_v_latency_ms", truth["wave_latency_ms"][:, 2], "peaks/wave_v_latency_mae_ms"),
        ("wave_i_amplitude_uv", truth["wave_amplitude_uv"][:, 0], "peaks/wave_i_amplitude_mae_uv"),
    ):
        error = np.nanmean(np.abs(column(answer.out, name) - label))
        assert error == pytest.approx(scores[metric], rel=1e-4), name
    low, high = (column(answer.out, f"threshold_{end}_db") for end in ("low", "high"))
    known = np.isfinite(truth["threshold_db"])
    inside = ((low <= truth["threshold_db"]) & (truth["threshold_db"] <= high))[known]
    assert inside.mean() == pytest.approx(scores["threshold/interval_coverage"])
    said = np.array([CLASSES.index(row["class_balanced"]) for row in rows(answer.out)])
    label = truth["hearing_class"]
    recalls = [(said[label == k] == k).mean() for k in np.unique(label)]
    assert np.mean(recalls) == pytest.approx(scores["classification/balanced_accuracy"])


def test_probabilities_add_up_and_name_the_most_likely_class(predict: Predict) -> None:
    answer = predict("--split", "test")
    whole = np.stack([column(answer.out, f"probability_{name}") for name in CLASSES], 1)
    np.testing.assert_allclose(whole.sum(1), 1, rtol=1e-4)
    assert [row["class"] for row in rows(answer.out)] == [CLASSES[k] for k in whole.argmax(1)]
    there = column(answer.out, "wave_v_probability")
    assert ((there > 0) & (there < 1)).all()


def test_ears_are_what_evaluation_judges_them_to_be(
    predict: Predict, truth: dict[str, np.ndarray], scores: dict[str, float]
) -> None:
    answer = predict("--split", "test", "--ears")
    found = rows(answer.out)
    subjects = np.unique(truth["subject"])
    assert [row["subject"] for row in found] == [subject_name(1, int(s)) for s in subjects]
    assert set(column(answer.out, "recordings")) == {2}
    of_ear = [truth["subject"] == subject for subject in subjects]
    label = np.array([truth["threshold_db"][one].max() for one in of_ear])
    lowest = np.array([truth["level_db"][one].min() for one in of_ear])
    np.testing.assert_allclose(column(answer.out, "lowest_level_db"), lowest)
    assert (column(answer.out, "highest_level_db") >= lowest).all()
    error = np.nanmean(np.abs(column(answer.out, "threshold_db") - label))
    assert error == pytest.approx(scores["threshold/ear_mae_db"], rel=1e-4)


def test_there_are_columns_of_tasks_that_were_on_and_no_others(
    predict: Predict, runs: Path
) -> None:
    answer = predict("--split", "test", run="early")
    assert list(rows(answer.out)[0]) == [*ALWAYS, *CLASS_COLUMNS]
    ears = predict("--split", "test", "--ears", run="early")
    about = ["subject", "recordings", "lowest_level_db", "highest_level_db"]
    assert list(rows(ears.out)[0]) == [*about, *CLASS_COLUMNS]


def test_json_is_the_table_as_one_document(predict: Predict) -> None:
    table = rows(predict("--split", "validation").out)
    document = predict("--split", "validation", "--json").document
    assert {name: document[name] for name in ("experiment", "phase", "step", "data")} == {
        "experiment": RUN,
        "phase": "threshold",
        "step": 12,
        "data": "`validation` of synthetic",
    }
    as_text = [
        {name: "" if value is None else str(value) for name, value in row.items()}
        for row in document["recordings"]
    ]
    assert as_text == table


def test_a_file_gets_the_table_and_stdout_says_so(predict: Predict, tmp_path: Path) -> None:
    place = tmp_path / "new" / "table.csv"
    answer = predict("--split", "test", "--out", place)
    table = predict("--split", "test").out
    assert answer.out == f"wrote {place}: {len(rows(table))} recordings\n"
    assert place.read_text() == table
    assert list(place.parent.iterdir()) == [place]


@pytest.fixture(scope="session")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The runs' own 200 ears as a data set in one file."""
    place = tmp_path_factory.mktemp("data") / "ears.npz"
    write_npz(dataset(make_recordings(200, 2, 15.0, 1)), place)
    return place


def dataset(made: Recordings, **changes: Any) -> Dataset:
    names = tuple(subject_name(1, subject) for subject in range(200))
    return attrs.evolve(Dataset(recordings=made, subject_names=names, content=""), **changes)


def test_recordings_in_a_file_are_predicted_as_those_of_the_run(
    predict: Predict, recordings: Path
) -> None:
    everything = {(row["subject"], row["level_db"]): row for row in rows(predict(recordings).out)}
    table = rows(predict("--split", "test").out)
    assert len(table) > 20
    for row in table:
        same = everything[row["subject"], row["level_db"]]
        assert {**row, "recording": ""} == {**same, "recording": ""}


def test_what_the_run_was_trained_on_may_be_gone(
    tmp_path: Path, recordings: Path, runs: Path
) -> None:
    mine = tmp_path / "mine.npz"
    shutil.copy(recordings, mine)
    train(
        tmp_path,
        "--set",
        f"data={{kind: recordings, path: {mine}}}",
        "--until=signal",
    )
    mine.unlink()
    answer = abr("predict", RUN, recordings, "--runs-dir", tmp_path)
    assert answer.code == 0
    assert len(rows(answer.out)) == 400
    assert f"warning: {mine}, which the model was trained on, cannot be read: the units of" in (
        answer.err
    )


def test_denoised_recordings_are_those_that_evaluation_judges(
    predict: Predict, truth: dict[str, np.ndarray], scores: dict[str, float], tmp_path: Path
) -> None:
    answer = predict("--split", "test", "--denoised", tmp_path / "clean.npz")
    assert answer.out == predict("--split", "test").out
    found = np.load(tmp_path / "clean.npz")
    assert set(found) == {"denoised_uv", "subject", "level_db", "sample_rate_hz"}
    error = np.square(found["denoised_uv"].astype(float) - truth["truth_uv"]).mean()
    assert error == pytest.approx(scores["signal/mse_uv2"], rel=1e-4)
    assert found["subject"].tolist() == [row["subject"] for row in rows(answer.out)]
    np.testing.assert_allclose(found["level_db"], truth["level_db"])
    assert found["sample_rate_hz"] == 20_000


BOTH_OR_NEITHER = (
    "what to predict must be said: DATA, or a split of the run's own data. Found {}. "
    "`predict RUN FOLDER`, or `predict RUN --split test`."
)
NO_SPLIT = "the split must be one that the data has. Found {}. It has train, validation, test."
NOWHERE = "{}: recordings must lie in a file or a folder. Found nothing there. Check the path."


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], BOTH_OR_NEITHER.format("neither")),
        ([".", "--split", "test"], BOTH_OR_NEITHER.format("both")),
        (["--split", "tset"], NO_SPLIT.format("'tset'")),
        (["nowhere"], NOWHERE.format("nowhere")),
    ],
)
def test_what_is_wrong_is_said(predict: Predict, arguments: list[str], said: str) -> None:
    answer = predict(*arguments)
    assert (answer.code, answer.out) == (2, "")
    assert last_line(answer) == f"error: {said}"


def test_a_run_without_the_signal_task_cannot_denoise(tmp_path: Path) -> None:
    train(
        tmp_path,
        "--set",
        "phases.signal.turn_on={threshold: 1}",
        "--until",
        "signal",
        "--set",
        "phases.threshold.turn_on={signal: 1}",
    )
    answer = abr(
        "predict",
        RUN,
        "--split",
        "test",
        "--denoised",
        tmp_path / "x.npz",
        "--runs-dir",
        tmp_path,
        "--quiet",
    )
    assert answer.code == 2
    assert answer.err == (
        f"error: {tmp_path / RUN}: recordings can be denoised by a run in which the signal task "
        "was on. Found threshold in phase `signal`. Leave `--denoised` away.\n"
    )
    assert not (tmp_path / "x.npz").exists()


def test_z_scored_recordings_are_not_taken_for_microvolts(predict: Predict, tmp_path: Path) -> None:
    made = make_recordings(200, 2, 15.0, 1)
    write_npz(dataset(made, z_scored=True), tmp_path / "z.npz")
    answer = predict(tmp_path / "z.npz")
    assert answer.code == 2
    assert answer.err == (
        f"error: {tmp_path / 'z.npz'}: recordings must be in µV, as those that the model was "
        "trained on. Found recordings z-scored.\n"
    )


def test_recordings_shorter_than_the_models_window_are_refused(
    predict: Predict, tmp_path: Path
) -> None:
    write_npz(dataset(make_recordings(200, 2, 10.0, 1)), tmp_path / "short.npz")
    answer = predict(tmp_path / "short.npz")
    assert answer.code == 2
    assert "recordings must cover the window of 15 ms. Found 10 ms." in answer.err


def test_a_file_that_cannot_be_written_leaves_nothing_behind(
    predict: Predict, tmp_path: Path
) -> None:
    answer = predict("--split", "test", "--out", tmp_path)
    assert answer.code == 2
    assert last_line(answer) == (
        f"error: {tmp_path}: the file must be one that can be written. Found it is a folder."
    )
    assert list(tmp_path.parent.glob(".*.partial-*")) == []


def test_a_file_is_replaced_when_it_is_whole(tmp_path: Path) -> None:
    place = tmp_path / "file"
    place.write_text("before")

    class Stop(Exception):
        pass

    def write_half() -> None:
        with files.written_whole(place) as beside:
            beside.write_text("half")
            raise Stop

    with pytest.raises(Stop):
        write_half()
    assert place.read_text() == "before"
    with files.written_whole(place) as beside:
        beside.write_text("after")
        assert place.read_text() == "before"
    assert place.read_text() == "after"
    assert list(tmp_path.iterdir()) == [place]
