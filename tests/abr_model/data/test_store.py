from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest

from abr_model.data.dataset import Dataset
from abr_model.data.manifest import SCHEMA
from abr_model.data.npz import is_npz, open_npz, write_npz
from abr_model.data.recordings import Recordings, arrays_of, unknown
from abr_model.data.sources import find_recordings
from abr_model.data.store import is_dataset, open_dataset
from abr_model.data.synthetic import make_recordings, subject_name
from abr_model.data.write import About, write_dataset, write_parts
from curriculum.errors import DataError


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return Dataset(
        recordings=make_recordings(60, 2, 10.0, seed=3),
        subject_names=tuple(subject_name(3, i) for i in range(60)),
        content="made",
        sources=(("a.txt", "0" * 64),),
        notices=("record 7 of a.txt was left out: it is flat",),
    )


def without_halves_and_truth(recordings: Recordings) -> Recordings:
    nothing = unknown(len(recordings), recordings.points)
    return attrs.evolve(
        recordings, half_a_uv=nothing, half_b_uv=nothing, truth_uv=nothing, noise_uv=None
    )


def assert_same(a: Dataset, b: Dataset) -> None:
    for name, array in arrays_of(a.recordings).items():
        other = arrays_of(b.recordings)[name]
        assert array.dtype == other.dtype
        np.testing.assert_array_equal(array, other, err_msg=name)
    for name in ("subject_names", "sources", "notices", "z_scored"):
        assert getattr(a, name) == getattr(b, name)


@pytest.mark.parametrize("write", ["folder", "npz"])
def test_what_is_written_is_what_is_read(dataset: Dataset, tmp_path: Path, write: str) -> None:
    place = tmp_path / "set"
    if write == "folder":
        write_dataset(dataset, place)
        found = open_dataset(place, verify=True)
    else:
        write_npz(dataset, place)
        found = open_npz(place)
    assert_same(found, dataset)
    assert_same(find_recordings(place, 10.0), dataset)
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_the_same_data_are_the_same_in_a_folder_and_in_a_file(
    dataset: Dataset, tmp_path: Path
) -> None:
    write_npz(dataset, tmp_path / "a.npz")
    write_npz(dataset, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    assert is_npz(tmp_path / "a.npz")
    assert not is_npz(tmp_path)
    write_dataset(dataset, tmp_path / "set")
    assert open_npz(tmp_path / "a.npz").content == open_dataset(tmp_path / "set").content


def test_opening_maps_the_arrays_and_reads_none_of_them(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset(dataset, tmp_path / "set")
    found = open_dataset(tmp_path / "set").recordings
    for name in ("recording_uv", "half_a_uv", "half_b_uv", "truth_uv"):
        array = getattr(found, name)
        assert isinstance(array.base, np.memmap), name
        assert not array.flags.writeable


def test_what_is_not_known_takes_no_space(dataset: Dataset, tmp_path: Path) -> None:
    bare = attrs.evolve(dataset, recordings=without_halves_and_truth(dataset.recordings))
    write_dataset(bare, tmp_path / "set")
    names = {path.name for path in (tmp_path / "set").iterdir()}
    assert not names & {"half_a_uv.npy", "half_b_uv.npy", "truth_uv.npy"}
    found = open_dataset(tmp_path / "set")
    assert_same(found, bare)
    assert not found.recordings.has_halves.any()
    assert np.isnan(found.recordings.noise_uv).all()
    assert found.recordings.half_a_uv.strides == (0, 0)
    write_npz(bare, tmp_path / "set.npz")
    assert_same(open_npz(tmp_path / "set.npz"), bare)


def test_noise_and_detection_come_from_the_halves_or_from_the_source(dataset: Dataset) -> None:
    made = dataset.recordings
    few = np.arange(len(made)) % 2 == 0
    half_a, half_b = made.half_a_uv.copy(), made.half_b_uv.copy()
    half_a[~few], half_b[~few] = np.nan, np.nan
    said = np.full(len(made), 0.5)
    found = attrs.evolve(made, half_a_uv=half_a, half_b_uv=half_b, noise_uv=said, detection=said)
    assert found.has_halves.tolist() == few.tolist()
    for name in ("noise_uv", "detection"):
        np.testing.assert_array_equal(getattr(found, name)[few], getattr(made, name)[few])
        assert (getattr(found, name)[~few] == 0.5).all()


def test_halves_and_truths_are_known_for_the_whole_of_a_recording(dataset: Dataset) -> None:
    made = dataset.recordings.select(np.arange(3))
    for name in ("half_a_uv", "truth_uv"):
        broken = getattr(made, name).copy()
        broken[1, 5] = np.nan
        message = f"recording 2: {name} must be known for a whole recording or not at all"
        with pytest.raises(DataError, match=message):
            attrs.evolve(made, **{name: broken})
    broken = made.recording_uv.copy()
    broken[2, 0] = np.inf
    with pytest.raises(DataError, match=r"recording 3: recording_uv must be finite everywhere"):
        attrs.evolve(made, recording_uv=broken)


def test_nothing_that_is_there_is_overwritten_unless_told(dataset: Dataset, tmp_path: Path) -> None:
    place = tmp_path / "set"
    write_dataset(dataset, place)
    other = attrs.evolve(dataset, notices=("another",))
    with pytest.raises(DataError) as raised:
        write_dataset(other, place)
    assert str(raised.value) == (
        f"{place}: there must be nothing yet. Found a data set. "
        "Give another name, or replace it with `--force`."
    )
    assert open_dataset(place).notices == dataset.notices
    write_dataset(other, place, force=True)
    assert open_dataset(place, verify=True).notices == ("another",)
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter.txt").write_text("years of work")
    with pytest.raises(DataError, match=r"Found something else. Give another name"):
        write_dataset(dataset, foreign, force=True)
    assert (foreign / "chapter.txt").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["set", "thesis"]


def test_a_writer_that_fails_leaves_nothing_behind(dataset: Dataset, tmp_path: Path) -> None:
    about = About(count=120, points=200, subject_names=dataset.subject_names, with_truth=True)

    def dying() -> Iterator[Recordings]:
        yield dataset.recordings
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match=r"power"):
        write_parts(dying(), about, tmp_path / "set")
    with pytest.raises(DataError, match=r"must have 120 recordings together. Found 240"):
        write_parts([dataset.recordings] * 2, about, tmp_path / "set")
    with pytest.raises(DataError, match=r"a part must have no truths"):
        write_parts([dataset.recordings], attrs.evolve(about, with_truth=False), tmp_path / "set")
    with pytest.raises(DataError, match=r"each recording must have 300 points. Found 200"):
        write_parts([dataset.recordings], attrs.evolve(about, points=300), tmp_path / "set")
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_cannot_be_written_is_said(dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"the data set must be writable. Found Not a directory"):
        write_dataset(dataset, tmp_path / "file" / "set")


def test_writing_in_parts_gives_the_same_bytes(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset(dataset, tmp_path / "one")
    about = About(
        count=120,
        points=200,
        subject_names=dataset.subject_names,
        sources=dataset.sources,
        notices=dataset.notices,
        with_truth=True,
    )
    seen: list[tuple[int, int]] = []
    parts = (dataset.recordings.select(slice(i, i + 50)) for i in range(0, 120, 50))
    write_parts(parts, about, tmp_path / "two", progress=lambda *at: seen.append(at))
    assert seen == [(50, 120), (100, 120), (120, 120)]
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def edit_manifest(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the manifest and put its digest right, as somebody with intent would."""
    path = folder / "manifest.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document.pop("digest")
    change(document)
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    document["digest"] = hashlib.sha256(text.encode()).hexdigest()
    path.write_text(json.dumps(document), encoding="utf-8")


def points_at(file: str) -> Callable[[dict[str, Any]], object]:
    return lambda document: document["arrays"]["level_db"].update(file=file)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (points_at("../level_db.npy"), r"in the data set's own folder, as `level_db.npy`. Found"),
        (points_at("/etc/passwd"), r"own folder, as `level_db.npy`. Found '/etc/passwd'"),
        (points_at("age_years.npy"), r"own folder, as `level_db.npy`. Found 'age_years.npy'"),
        (lambda d: d.update(schema=SCHEMA + 1), r"must be of schema 1. Found 2. Import it again"),
        (lambda d: d.update(format="zip"), r'a manifest must have "format": "abr-recordings"'),
        (lambda d: d.update(count=119), r"`recording_uv` must be <f4 of shape \(119, 200\) in µV"),
        (lambda d: d.update(count=-1), r"all its keys in their types. Found ValueError at -1"),
        (lambda d: d.update(count=True), r"all its keys in their types. Found ValueError at True"),
        (lambda d: d.update(subjects="ab c"), r"a recording's subject must be 0 to 3. Found 59"),
        (lambda d: d.update(subjects=[1]), r"all its keys in their types. Found TypeError at 1"),
        (lambda d: d.update(sample_rate_hz=16000), r"must be 20000 Hz. Found 16000"),
        (lambda d: d["arrays"].pop("sweeps"), r"the arrays of recordings. Found no sweeps"),
        (lambda d: d["arrays"].update(x=d["arrays"]["sweeps"]), r"Found x besides"),
        (lambda d: d.pop("z_scored"), r"Found KeyError at 'z_scored'"),
        (lambda d: d["arrays"]["sweeps"].update(unit="ms"), r"Found <f4 of shape \(120,\) in ms"),
        (lambda d: d["arrays"]["subject"].update(dtype="|O"), r"Found \|O of shape \(120,\)"),
    ],
)
def test_a_manifest_that_lies_is_refused(
    dataset: Dataset, tmp_path: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    write_dataset(dataset, tmp_path / "set")
    edit_manifest(tmp_path / "set", change)
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path / "set")


def test_a_manifest_that_was_edited_by_hand_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset(dataset, tmp_path / "set")
    path = tmp_path / "set" / "manifest.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("synthetic-3-7", "synthetic-3-8"), encoding="utf-8")
    with pytest.raises(DataError, match=r"a manifest must agree with its own digest"):
        open_dataset(tmp_path / "set")
    path.write_text(text[: len(text) // 2], encoding="utf-8")
    with pytest.raises(DataError, match=r"a manifest must be JSON. Found other text"):
        open_dataset(tmp_path / "set")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match=r"must hold a manifest. Found bytes that are not UTF-8"):
        open_dataset(tmp_path / "set")


def test_a_link_out_of_the_folder_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset(dataset, tmp_path / "set")
    path = tmp_path / "set" / "level_db.npy"
    path.rename(tmp_path / "elsewhere.npy")
    path.symlink_to(tmp_path / "elsewhere.npy")
    message = r"level_db.npy: a data set's file must lie in its own folder. Found a link"
    with pytest.raises(DataError, match=message):
        open_dataset(tmp_path / "set")


def test_damaged_arrays_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset(dataset, tmp_path / "set")
    path = tmp_path / "set" / "recording_uv.npy"
    whole = path.read_bytes()

    path.write_bytes(whole[:-4])
    with pytest.raises(DataError, match=r"`recording_uv` must be an array of plain numbers, whole"):
        open_dataset(tmp_path / "set")
    path.write_bytes(whole + b"more")
    with pytest.raises(DataError, match=r"recording_uv.npy: `recording_uv` must have the sha256"):
        open_dataset(tmp_path / "set", verify=True)
    np.save(path, dataset.recordings.recording_uv.astype("f8"))
    with pytest.raises(DataError, match=r"manifest says: <f4 of shape \(120, 200\). Found <f8"):
        open_dataset(tmp_path / "set")
    np.save(path, np.asfortranarray(dataset.recordings.recording_uv))
    with pytest.raises(DataError, match=r"must be stored row by row"):
        open_dataset(tmp_path / "set")
    np.save(path, np.array([{"a": 1}] * 120), allow_pickle=True)
    with pytest.raises(DataError, match=r"must be an array of plain numbers, whole"):
        open_dataset(tmp_path / "set")
    path.unlink()
    with pytest.raises(DataError, match=r"whole. Found No such file or directory"):
        open_dataset(tmp_path / "set")

    flipped = bytearray(whole)
    flipped[-100] ^= 1
    path.write_bytes(flipped)
    assert len(open_dataset(tmp_path / "set").recordings) == 120
    with pytest.raises(DataError, match=r"must have the sha256 of the manifest. Found other bytes"):
        open_dataset(tmp_path / "set", verify=True)


def test_labels_that_cannot_be_are_refused_on_opening(dataset: Dataset, tmp_path: Path) -> None:
    write_dataset(dataset, tmp_path / "set")
    levels = dataset.recordings.level_db.copy()
    levels[3] = np.nan
    np.save(tmp_path / "set" / "level_db.npy", levels)
    with pytest.raises(DataError, match=r"set: level_db must be finite everywhere.*damaged or"):
        open_dataset(tmp_path / "set")


def test_a_damaged_file_of_a_small_data_set_is_refused(dataset: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    write_npz(dataset, path)
    with pytest.raises(DataError, match=r"there must be nothing yet. Found a data set"):
        write_npz(dataset, path)
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[5000] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(DataError, match=r"a.npz: the file must be a data set, whole. Found"):
        open_npz(path)
    path.write_bytes(whole[:5000])
    with pytest.raises(DataError, match=r"a.npz: the file must be a data set, whole. Found"):
        open_npz(path)
    np.savez(path, recording_uv=np.zeros((2, 200), np.float32))
    assert not is_npz(path)
    path.write_text("notes")
    with pytest.raises(DataError, match=r"there must be nothing yet. Found something else"):
        write_npz(dataset, path, force=True)


def test_a_shorter_window_is_a_view_and_a_longer_one_an_error(
    dataset: Dataset, tmp_path: Path
) -> None:
    long = attrs.evolve(dataset, recordings=make_recordings(60, 2, 12.0, seed=3))
    write_dataset(long, tmp_path / "set")
    short = find_recordings(tmp_path / "set", 10.0).recordings
    assert short.points == 200
    assert short.recording_uv.base is not None
    np.testing.assert_array_equal(short.recording_uv, long.recordings.recording_uv[:, :200])
    with pytest.raises(DataError) as raised:
        find_recordings(tmp_path / "set", 15.0)
    assert str(raised.value) == (
        f"{tmp_path / 'set'}: recordings must cover the window of 15 ms. Found 12 ms. "
        "Set `window_ms: 12`."
    )


def test_labels_after_a_shorter_window_are_dropped_and_said(
    dataset: Dataset, tmp_path: Path
) -> None:
    made = make_recordings(60, 2, 12.0, seed=3)
    latency = made.wave_latency_ms.copy()
    row = int(np.flatnonzero(made.wave_present[:, 2] == 1)[0])
    latency[row, 2] = 11.0
    late = attrs.evolve(dataset, recordings=attrs.evolve(made, wave_latency_ms=latency))
    write_dataset(late, tmp_path / "set")
    short = find_recordings(tmp_path / "set", 10.0)
    assert short.notices[-1] == "1 labels of waves after the window's end, 10 ms, were dropped"
    for name in ("wave_present", "wave_latency_ms", "wave_amplitude_uv"):
        before, after = getattr(late.recordings, name), getattr(short.recordings, name)
        assert np.isnan(after[row, 2])
        assert np.isfinite(after).sum() == np.isfinite(before).sum() - 1
    assert find_recordings(tmp_path / "set", 12.0).notices == dataset.notices


def test_subjects_of_one_name_are_refused(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"subjects must have different names. Found 60 are 'p'"):
        attrs.evolve(dataset, subject_names=("p",) * 60)


def test_a_folder_without_a_manifest_is_no_data_set(tmp_path: Path) -> None:
    assert not is_dataset(tmp_path)
    with pytest.raises(DataError, match=r"must hold a manifest. Found No such file or directory"):
        open_dataset(tmp_path)
