"""TDT, BioSigRZ, EPL and a table of one's own, from golden files in each format's layout."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.golden import assert_is_golden

from abr_model.data.dataset import Dataset
from abr_model.data.readers import Options, read_path
from abr_model.data.readers.registry import READERS
from curriculum.errors import DataError

GOLDEN = Path(__file__).parent / "golden"
TEN = Options(window_ms=10.0)
EPL = Options(window_ms=10.0, subject=r"ABR-(\d+)-")
TABLE = Options(window_ms=10.0, mapping=GOLDEN / "table.yaml")
LATENCY = {80: 5.5, 60: 5.9, 40: 6.6}


def expected_uv(level: float, latency: float, points: int = 200) -> np.ndarray:
    """What the golden files were made from, at 20 kHz."""
    t = np.arange(points) / 20
    h = level / 200
    peak = h * np.exp(-0.5 * ((t - latency) / 0.35) ** 2)
    trough = -0.6 * h * np.exp(-0.5 * ((t - latency - 1.0) / 0.5) ** 2)
    slow = 0.02 * np.sin(2 * np.pi * 0.31 * t + level) + 0.01 * np.cos(2 * np.pi * 0.77 * t)
    return peak + trough + slow


def assert_is_as_made(found: Dataset, row: int, level: float, latency: float) -> None:
    made = found.recordings
    assert made.level_db[row] == level
    # Both ends are left out: there the filter sees beyond the recording.
    np.testing.assert_allclose(
        made.recording_uv[row, 20:-20], expected_uv(level, latency)[20:-20], atol=2e-3
    )


def test_a_tdt_export() -> None:
    found = read_path(GOLDEN / "tdt.csv", TEN)
    made = found.recordings
    assert found.subject_names == ("E1", "E2")
    assert made.subject.tolist() == [0, 0, 0, 1]
    for row, level in enumerate((80, 60, 40)):
        assert_is_as_made(found, row, level, LATENCY[level])
    assert_is_as_made(found, 3, 80, 5.8)
    assert made.sweeps.tolist() == [1024] * 4
    nan = np.nan
    np.testing.assert_array_equal(
        made.wave_present, [[1, nan, 1], [nan, nan, 1], [nan] * 3, [nan, nan, 1]]
    )
    np.testing.assert_allclose(made.wave_latency_ms[:2, 2], [5.5, 5.9])
    np.testing.assert_allclose(made.wave_amplitude_uv[0], [0.21, nan, 0.4])
    assert np.isnan(made.wave_amplitude_uv[3]).all(), "a height below 0 is no amplitude"
    assert not made.has_halves.any()
    assert np.isnan(made.noise_uv).all()
    assert found.notices == ()
    assert not found.z_scored


def test_a_biosig_export() -> None:
    found = read_path(GOLDEN / "biosig.txt", TEN)
    assert found.subject_names == ("E7",)
    assert_is_as_made(found, 0, 80, 5.5)
    assert_is_as_made(found, 1, 40, 6.6)
    assert found.recordings.sweeps.tolist() == [630, 530]
    assert found.notices == ()


def test_an_epl_run() -> None:
    found = read_path(GOLDEN / "ABR-52-3", EPL)
    assert found.subject_names == ("52",)
    for row, level in enumerate((40, 60, 80)):
        assert_is_as_made(found, row, level, LATENCY[level])
    assert found.recordings.rate_hz.tolist() == [40] * 3
    assert found.recordings.sweeps.tolist() == [512] * 3
    assert found.notices == ("ABR-52-3, 50 dB was left out: all its values are 0",)


def test_a_table_of_ones_own() -> None:
    found = read_path(GOLDEN / "table.csv", TABLE)
    made = found.recordings
    assert found.subject_names == ("P1", "P2")
    for row, (level, latency) in enumerate(((80, 5.5), (40, 6.7), (80, 5.7))):
        assert_is_as_made(found, row, level, latency)
    assert made.hearing_class.tolist() == [0, 0, 2]
    assert made.threshold_db.tolist() == [10, 10, 45]
    assert made.sweeps.tolist() == [2000, 1000, 2000]
    np.testing.assert_allclose(made.age_years, [40, 40, 50], atol=1e-4)
    nan = np.nan
    np.testing.assert_array_equal(made.wave_present, [[1, nan, 1], [nan, nan, 1], [0, nan, nan]])
    np.testing.assert_allclose(made.wave_amplitude_uv[:, 2], [0.4, nan, nan])
    assert made.has_halves.all()
    np.testing.assert_allclose(made.noise_uv, 0.0106, atol=5e-4)
    assert (made.detection > 10).all()


def test_a_folder_of_several_formats_is_read_by_content(tmp_path: Path) -> None:
    for name in ("tdt.csv", "biosig.txt", "ABR-52-3"):
        shutil.copy(GOLDEN / name, tmp_path / name)
    (tmp_path / "tdt.csv").rename(tmp_path / "tdt.txt")
    (tmp_path / "notes.csv").write_text("a,b\n1,2\n")
    (tmp_path / "photo.jpeg").write_bytes(b"\xff\xd8")
    found = read_path(tmp_path, EPL)
    assert found.subject_names == ("52", "E1", "E2", "E7")
    assert len(found.recordings) == 9
    assert found.notices[0] == "notes.csv was left out: it is of no known format"
    assert [name for name, _ in found.sources] == ["ABR-52-3", "biosig.txt", "tdt.txt"]


def test_the_subject_of_a_run_must_be_said() -> None:
    with pytest.raises(DataError) as raised:
        read_path(GOLDEN / "ABR-52-3", TEN)
    assert str(raised.value) == (
        f"{GOLDEN / 'ABR-52-3'}: files of this format do not name their subject, so it must be "
        r"said. Say `--subject NAME`, or a pattern with one group that finds it in the path, as "
        r"`--subject 'ABR-(\d+)-'`."
    )
    for pattern, message in (
        (r"XYZ-(\d+)", "must have one group, found in each file's path"),
        (r"(", "must be a name or a regular expression"),
        (r"ABR-(\d+)-(\d+)", "must have one group"),
    ):
        with pytest.raises(DataError, match=message):
            read_path(GOLDEN / "ABR-52-3", Options(window_ms=10.0, subject=pattern))


Edit = Callable[[bytes], bytes]


def swap(old: str, new: str, count: int = 1) -> Edit:
    def edit(content: bytes) -> bytes:
        assert old.encode("latin-1") in content, old
        return content.replace(old.encode("latin-1"), new.encode("latin-1"), count)

    return edit


def cut(share: float) -> Edit:
    return lambda content: content[: int(len(content) * share)]


def utf16(content: bytes) -> bytes:
    return content.decode("latin-1").encode("utf-16")


def drop_last_column(content: bytes) -> bytes:
    lines = content.decode("latin-1").splitlines()
    lines[2] = lines[2].rsplit(",", 1)[0].rsplit(";", 1)[0]
    return ("\n".join(lines) + "\n").encode()


def times(factor: float) -> Edit:
    """A TDT export whose samples are in another unit than it says."""

    def edit(content: bytes) -> bytes:
        header, *rows = [line.split(",") for line in content.decode().splitlines()]
        first = header.index("0")
        for row in rows:
            row[first:] = [f"{float(cell) * factor:g}" for cell in row[first:]]
        return "\n".join(",".join(row) for row in [header, *rows]).encode()

    return edit


# Each is refused; `golden/refused.json` has the whole messages.
DAMAGED: dict[str, tuple[str, Edit]] = {
    "tdt cut off": ("tdt.csv", cut(0.7)),
    "tdt without a cell": ("tdt.csv", drop_last_column),
    "tdt with a column more": ("tdt.csv", swap(",1024,", ",1024,7,")),
    "tdt in millivolts": ("tdt.csv", swap("Data(uv)", "Data(mv)")),
    "tdt of no period": ("tdt.csv", swap(",40.96,", ",0,")),
    "tdt of more samples than columns": ("tdt.csv", swap(",40.96,260", ",40.96,300")),
    "tdt of half a sample": ("tdt.csv", swap(",40.96,260", ",40.96,2.5")),
    "tdt of a bad level": ("tdt.csv", swap(",0,80,1.60", ",0,loud,1.60")),
    "tdt of a peak before onset": ("tdt.csv", swap("5.50,", "-5.5,")),
    "tdt without records": ("tdt.csv", lambda c: c.split(b"\n")[0] + b"\n"),
    "tdt in utf-16": ("tdt.csv", utf16),
    "tdt in latin-1": ("tdt.csv", swap("memo", "µ")),
    "tdt in nanovolts that are not said": ("tdt.csv", times(1000)),
    "tdt in millivolts that are not said": ("tdt.csv", times(1e-3)),
    "biosig cut off": ("biosig.txt", cut(0.7)),
    "biosig of no sweeps": ("biosig.txt", swap("630", "0")),
    "biosig of bad points": ("biosig.txt", swap("No. Points: 292", "No. Points: many")),
    "biosig with a delay": ("biosig.txt", swap("Onset Delay: 0 ms", "Onset Delay: 2 ms")),
    "biosig of a level without unit": ("biosig.txt", swap("Level = 80 dB", "Level = 80")),
    "biosig without a level": ("biosig.txt", swap("                  Level = 80 dB\n", "")),
    "biosig in seconds": ("biosig.txt", swap("11.9603 ms", "11.9603 s")),
    "biosig of a bad sample": ("biosig.txt", swap("e-008\n", "e-008 V\n")),
    "biosig with a label among samples": ("biosig.txt", swap("e-008\n", "e-008\nNote: x\n")),
    "biosig without records": ("biosig.txt", lambda c: c[: c.index(b"   Record")]),
    "biosig of words first": ("biosig.txt", swap("    Group Number: 0", "hello there")),
    "biosig in utf-16": ("biosig.txt", utf16),
    "epl cut off": ("ABR-52-3", cut(0.5)),
    "epl without data": ("ABR-52-3", swap(":DATA", ":DATE")),
    "epl without values": ("ABR-52-3", lambda c: c[: c.index(b":DATA") + 6]),
    "epl without a period": ("ABR-52-3", swap("SAMPLE", "SIMPLE")),
    "epl of negative sweeps": ("ABR-52-3", swap("AVERAGES: 512", "AVERAGES: -1")),
    "epl of a bad level": ("ABR-52-3", swap("40;50;", "40;x;")),
    "epl of a level less": ("ABR-52-3", swap("40;50;", "40;")),
    "epl of a bad value": ("ABR-52-3", swap("  0.000000", "  O.000000")),
    "table cut off": ("table.csv", cut(0.7)),
    "table without a cell": ("table.csv", drop_last_column),
    "table without a subject": ("table.csv", swap("P1;480", ";480")),
    "table of an unknown value": ("table.csv", swap("NH;80", "nh;80")),
    "table of negative sweeps": ("table.csv", swap(";10;2000", ";10;-3")),
    "table of a wave that may be": ("table.csv", swap("5.5;400;1", "5.5;400;2")),
    "table without a column": ("table.csv", swap("intensity", "level")),
    "table without a sample": ("table.csv", swap(";s7;", ";x7;")),
    "table of uneven halves": ("table.csv", swap(";a239", ";x239")),
    "table in utf-16": ("table.csv", utf16),
    "table that is empty": ("table.csv", lambda _: b"  \n"),
    "table without rows": ("table.csv", lambda c: c.split(b"\n")[0] + b"\n"),
}
OPTIONS = {"tdt.csv": TEN, "biosig.txt": TEN, "ABR-52-3": EPL, "table.csv": TABLE}


@pytest.mark.parametrize("case", DAMAGED)
def test_damage_is_said_with_file_and_line(tmp_path: Path, case: str) -> None:
    name, edit = DAMAGED[case]
    path = tmp_path / name
    path.write_bytes(edit((GOLDEN / name).read_bytes()))
    with pytest.raises(DataError) as raised:
        read_path(path, OPTIONS[name])
    said = str(raised.value).replace(str(tmp_path), "FOLDER")
    assert_is_golden(GOLDEN, "refused", case, said)


def test_records_that_are_not_there_are_said(tmp_path: Path) -> None:
    content = (GOLDEN / "biosig.txt").read_text()
    (tmp_path / "a.txt").write_text(content[: content.index("   Record Number: 1")])
    found = read_path(tmp_path / "a.txt", TEN)
    assert len(found.recordings) == 1
    assert found.notices == ("a.txt: its header says 2 records, of which 1 are there",)


def test_a_unit_can_be_said(tmp_path: Path) -> None:
    path = tmp_path / "tdt.csv"
    path.write_bytes(times(1000)((GOLDEN / "tdt.csv").read_bytes()))
    found = read_path(path, Options(window_ms=10.0, unit="nV"))
    assert_is_as_made(found, 0, 80, 5.5)
    with pytest.raises(DataError, match=r"Found 1.03e\+05 µV, where they are read as mV"):
        read_path(path, Options(window_ms=10.0, unit="mV"))


def test_a_level_and_an_onset_can_be_said() -> None:
    found = read_path(GOLDEN / "tdt.csv", Options(window_ms=9.0, level_db=70.0, onset_ms=1.0))
    assert set(found.recordings.level_db.tolist()) == {70.0}
    late = read_path(GOLDEN / "tdt.csv", Options(window_ms=10.0)).recordings.recording_uv
    np.testing.assert_allclose(found.recordings.recording_uv[0, 5:-20], late[0, 25:180], atol=1e-3)


def test_a_format_can_be_said_and_must_be_one() -> None:
    with pytest.raises(DataError, match=r"`--format` must be one of smartep, tdt, biosig, epl, "):
        read_path(GOLDEN / "tdt.csv", TEN, format="arf")
    with pytest.raises(DataError, match=r"must be described by a mapping file. Say `--mapping"):
        read_path(GOLDEN / "tdt.csv", TEN, format="table")
    with pytest.raises(DataError, match=r"tdt.csv: an EPL file must have `:DATA`"):
        read_path(GOLDEN / "tdt.csv", EPL, format="epl")


def test_flat_double_clipped_and_absurd_recordings_are_named(tmp_path: Path) -> None:
    header, first, second, third, fourth = (GOLDEN / "tdt.csv").read_text().splitlines()
    cells = second.split(",")
    flat = ",".join([*cells[:-260], *["0.1"] * 260])
    loud = ",".join([*cells[:-260], *[f"{300 * np.sin(k):.3f}" for k in range(260)]])
    clipped = [f"{min(float(cell), 0.2):.5f}" for cell in first.split(",")[-260:]]
    clipped_row = ",".join([*cells[:-260], *clipped])
    missing = fourth.replace("E2", "E3")
    rows = [
        header,
        first,
        flat,
        third,
        first.replace("E1", "E9"),
        loud,
        fourth,
        missing,
        clipped_row,
    ]
    (tmp_path / "a.csv").write_text("\n".join(rows) + "\n")
    found = read_path(tmp_path / "a.csv", TEN)
    assert found.notices == (
        "a.csv:3 was left out: it is flat",
        "a.csv:5 was left out: it is identical to a.csv:2",
        "a.csv:6 was left out: it has more than 100 µV (root mean square)",
        "a.csv:8 was left out: it is identical to a.csv:7",
        "a.csv:9 may be clipped: it stays at its extreme value for 5 points or more",
    )
    assert found.subject_names == ("E1", "E2")


def test_many_of_one_reason_are_counted_and_some_named(tmp_path: Path) -> None:
    header, first, *_ = (GOLDEN / "tdt.csv").read_text().splitlines()
    (tmp_path / "a.csv").write_text("\n".join([header, *[first] * 30]) + "\n")
    notice = read_path(tmp_path / "a.csv", TEN).notices[0]
    assert notice.startswith(
        "29 recordings were left out, each because it is identical to a.csv:2 "
    )
    assert notice.endswith("; a.csv:22 and 9 more)")


def test_what_changes_what_is_read_changes_the_content(tmp_path: Path) -> None:
    shutil.copy(GOLDEN / "tdt.csv", tmp_path / "tdt.csv")
    found = {read_path(tmp_path, options).content for options in (TEN, Options(window_ms=9.0))}
    found.add(read_path(tmp_path, Options(window_ms=10.0, level_db=70.0)).content)
    shutil.copy(GOLDEN / "table.csv", tmp_path / "table.csv")
    shutil.copy(GOLDEN / "table.yaml", tmp_path / "table.yaml")
    mapped = Options(window_ms=10.0, mapping=tmp_path / "table.yaml")
    found.add(read_path(tmp_path / "table.csv", mapped).content)
    text = (tmp_path / "table.yaml").read_text()
    (tmp_path / "table.yaml").write_text(text.replace("  threshold_db: thr\n", ""))
    found.add(read_path(tmp_path / "table.csv", mapped).content)
    assert len(found) == 5
    before = read_path(tmp_path / "tdt.csv", TEN).content
    (tmp_path / "tdt.csv").touch()
    assert read_path(tmp_path / "tdt.csv", TEN).content == before


def test_every_reader_has_a_name_a_version_and_golden_files() -> None:
    assert list(READERS) == ["smartep", "tdt", "biosig", "epl", "joblib", "table", "eeg"]
    for reader in READERS.values():
        assert reader.version >= 1
        assert reader.suffixes


MAPPINGS: dict[str, Edit] = {
    "unit that is none": swap("unit: nV", "unit: volts"),
    "unknown key": swap("unit:", "units:"),
    "no unit": swap("unit: nV\n", ""),
    "no period": swap("period_us: 50", "period_us: 0"),
    "period in words": swap("period_us: 50", "period_us: fast"),
    "pattern without a group": swap(r"'s(\d+)'", "'s'"),
    "one half": swap("half_b: 'b(\\d+)'\n", ""),
    "no subject": swap("  subject: patient\n", ""),
    "unknown field": swap("  subject: patient", "  subjekt: patient"),
    "unknown key of a column": swap("times: 0.08", "tims: 0.08"),
    "unknown class": swap("NH: normal", "NH: fine"),
    "values of a number": swap("threshold_db: thr", "threshold_db: {column: thr, values: {a: 1}}"),
    "times of a name": swap("subject: patient", "subject: {column: patient, times: 2}"),
    "long delimiter": swap("delimiter: ';'", "delimiter: ';;'"),
    "missing that is no list": swap("missing: ['n/a']", "missing: n/a"),
    "column that is no name": swap("threshold_db: thr", "threshold_db: 7"),
    "no keys": lambda _: b"- a",
    "no text": lambda _: b"\xff\xfe",
    "too large": lambda c: c + b"#" * 70_000,
}


@pytest.mark.parametrize("case", MAPPINGS)
def test_a_mapping_that_is_wrong_is_said(tmp_path: Path, case: str) -> None:
    path = tmp_path / "table.yaml"
    path.write_bytes(MAPPINGS[case]((GOLDEN / "table.yaml").read_bytes()))
    with pytest.raises(DataError) as raised:
        read_path(GOLDEN / "table.csv", Options(window_ms=10.0, mapping=path))
    said = str(raised.value).replace(str(tmp_path), "FOLDER")
    assert_is_golden(GOLDEN, "mapping_refused", case, said)


def test_a_mapping_that_is_no_yaml_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text("unit: nV\ncolumns: {a: b\n")
    with pytest.raises(DataError, match=r"table.yaml:\d+: a mapping must be YAML. Found "):
        read_path(GOLDEN / "table.csv", Options(window_ms=10.0, mapping=path))
