"""EDF, BDF and FIF through a module that stands for MNE, which is too large to install for tests.

What is tested is what this package does with MNE's objects: channels, events, sweeps and halves.
The fake has the members that MNE's documentation names, and no others.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import attrs
import numpy as np
import pytest

from abr_model.data.readers import Options, read_path
from abr_model.data.readers.eeg import Eeg
from abr_model.data.readers.trace import Head
from curriculum.errors import DataError

RATE = 10_000.0
EDF = b"0       X X X X" + bytes(200)
BDF = b"\xffBIOSEMI" + bytes(200)
FIF = b"\x00\x00\x00\x64\x00\x00\x00\x1f" + bytes(200)
ALL = Options(window_ms=12.0, level_db=60.0, subject="S1")


def response(points: int) -> np.ndarray:
    t = np.arange(points) / RATE * 1000
    return 0.4e-6 * np.exp(-0.5 * ((t - 6) / 0.4) ** 2)


@attrs.define
class FakeRaw:
    """A recording of two EEG channels and a stimulus channel, in volts."""

    samples: np.ndarray
    events: np.ndarray  # (n, 3): sample, 0, code
    first_samp: int = 0
    his_id: str | None = None
    ch_names: tuple[str, ...] = ("Fz", "Cz", "STI")
    kinds: tuple[str, ...] = ("eeg", "eeg", "stim")
    annotations: tuple[str, ...] = ()

    @property
    def info(self) -> dict[str, Any]:
        return {"sfreq": RATE, "subject_info": {"his_id": self.his_id}}

    def get_channel_types(self) -> list[str]:
        return list(self.kinds)

    def get_data(self, picks: list[str]) -> np.ndarray:
        return self.samples[[self.ch_names.index(name) for name in picks]]


def recording(stimuli: int = 400, **changes: Any) -> FakeRaw:
    every, noise = 300, np.random.default_rng(0)
    samples = np.zeros((3, every * (stimuli + 1)))
    samples[:2] = noise.normal(0, 1.5e-6, (2, samples.shape[1]))
    starts = every * np.arange(stimuli) + 50
    for start in starts:
        samples[1, start : start + 200] += response(200)
    events = np.stack([starts, np.zeros_like(starts), np.ones_like(starts)], axis=1)
    return FakeRaw(**{"samples": samples, "events": events, **changes})


@pytest.fixture
def mne(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """MNE, of which every reader gives `mne.raw`."""
    fake: Any = ModuleType("mne")
    fake.raw = recording()
    fake.opened = []

    def opener(kind: str) -> Any:
        def read(path: Path, preload: bool, verbose: str) -> FakeRaw:
            fake.opened.append(kind)
            if isinstance(fake.raw, Exception):
                raise fake.raw
            return fake.raw

        return read

    fake.io = SimpleNamespace(**{f"read_raw_{k}": opener(k) for k in ("edf", "bdf", "fif")})
    fake.find_events = lambda raw, **_: raw.events
    fake.events_from_annotations = lambda raw, **_: (
        raw.events,
        {name: code for code, name in enumerate(raw.annotations, 1)},
    )
    monkeypatch.setitem(sys.modules, "mne", fake)
    return fake


def file(tmp_path: Path, content: bytes = EDF, name: str = "a.edf") -> Path:
    (tmp_path / name).write_bytes(content)
    return tmp_path / name


def test_sweeps_are_averaged_into_two_halves(mne: Any, tmp_path: Path) -> None:
    found = read_path(file(tmp_path), attrs.evolve(ALL, channel="Cz"))
    made = found.recordings
    assert found.subject_names == ("S1",)
    assert (made.level_db[0], made.sweeps[0]) == (60, 400)
    assert made.rate_hz[0] == pytest.approx(RATE / 300)
    assert made.has_halves.all()
    t = np.arange(240) / 20
    expected = 0.4 * np.exp(-0.5 * ((t - 6) / 0.4) ** 2)
    assert np.corrcoef(made.recording_uv[0], expected)[0, 1] > 0.7
    np.testing.assert_allclose(made.recording_uv, (made.half_a_uv + made.half_b_uv) / 2, atol=1e-6)
    assert made.noise_uv[0] == pytest.approx(1.5 / np.sqrt(400), rel=0.15)
    assert found.notices == ("a.edf: Cz, the average of 400 sweeps, none of them rejected",)


@pytest.mark.parametrize(
    ("content", "name", "kind"),
    [(EDF, "a.edf", "edf"), (BDF, "a.bdf", "bdf"), (FIF, "a.fif", "fif")],
)
def test_each_format_is_told_by_its_first_bytes(
    mne: Any, tmp_path: Path, content: bytes, name: str, kind: str
) -> None:
    read_path(file(tmp_path, content, name), ALL)
    assert mne.opened == [kind]
    for other in (b"", b"EDF", b"0 ", b"1       X"):
        assert not Eeg().sniff(Head(path=tmp_path, start=other, text=""))


def test_the_first_eeg_channel_is_read_unless_another_is_said(mne: Any, tmp_path: Path) -> None:
    first = read_path(file(tmp_path), ALL)
    assert first.notices[0].startswith("a.edf: Fz, the average")
    with pytest.raises(DataError) as raised:
        read_path(file(tmp_path), attrs.evolve(ALL, channel="Pz"))
    assert str(raised.value) == (
        f"{tmp_path / 'a.edf'}: the channel must be one of the file's. Found 'Pz'. Say `--channel` "
        "with one of Fz, Cz, STI."
    )
    mne.raw = recording(kinds=("misc", "misc", "stim"))
    with pytest.raises(DataError, match=r"must have an EEG channel. Found channels Fz, Cz, STI"):
        read_path(file(tmp_path), ALL)


def test_sweeps_without_a_whole_window_are_said(mne: Any, tmp_path: Path) -> None:
    late = recording()
    late.events[-1, 0] = late.samples.shape[1] - 50
    mne.raw = late
    found = read_path(file(tmp_path), ALL)
    assert found.recordings.sweeps[0] == 399
    assert found.notices[-1] == "a.edf: 1 sweeps were left out: they have no whole window"
    mne.raw = recording(stimuli=1)
    with pytest.raises(DataError, match=r"2 sweeps at least, each with a whole window of 12 ms"):
        read_path(file(tmp_path), ALL)


def test_samples_are_counted_from_the_first_of_the_file(mne: Any, tmp_path: Path) -> None:
    plain = read_path(file(tmp_path), attrs.evolve(ALL, channel="Cz")).recordings
    shifted = recording(first_samp=7000)
    shifted.events[:, 0] += 7000
    mne.raw = shifted
    found = read_path(file(tmp_path), attrs.evolve(ALL, channel="Cz")).recordings
    np.testing.assert_array_equal(found.recording_uv, plain.recording_uv)


def test_the_stimulus_is_said_where_there_are_several(mne: Any, tmp_path: Path) -> None:
    both = recording()
    both.events[::2, 2] = 2
    mne.raw = both
    with pytest.raises(DataError) as raised:
        read_path(file(tmp_path), ALL)
    assert str(raised.value) == (
        f"{tmp_path / 'a.edf'}: the stimulus must be one of the file's events. Found 2 kinds, none "
        "said. Say `--event` with one of 1, 2."
    )
    assert read_path(file(tmp_path), attrs.evolve(ALL, event="2")).recordings.sweeps[0] == 200
    both.annotations = ("click", "tone")
    assert read_path(file(tmp_path), attrs.evolve(ALL, event="click")).recordings.sweeps[0] == 200
    with pytest.raises(DataError, match=r"Found 'chirp'. Say `--event` with one of click, tone"):
        read_path(file(tmp_path), attrs.evolve(ALL, event="chirp"))
    mne.raw = recording(events=np.empty((0, 3), np.int64))
    with pytest.raises(DataError, match=r"Found 0 kinds, none said. It has no events"):
        read_path(file(tmp_path), ALL)


def test_subject_and_level_must_be_known(mne: Any, tmp_path: Path) -> None:
    mne.raw = recording(his_id="MRN-7")
    unsaid = Options(window_ms=12.0, level_db=60.0)
    assert read_path(file(tmp_path), unsaid).subject_names == ("MRN-7",)
    mne.raw = recording(his_id="X")
    with pytest.raises(DataError, match="files of this format do not name their subject"):
        read_path(file(tmp_path), unsaid)
    with pytest.raises(DataError) as raised:
        read_path(file(tmp_path), Options(window_ms=12.0, subject="S1"))
    assert str(raised.value) == (
        "a.edf: each recording must have a level. Found none. Say that of all of them, as "
        "`--level-db 80`."
    )


def test_what_mne_cannot_read_is_said(mne: Any, tmp_path: Path) -> None:
    mne.raw = ValueError("not enough records")
    with pytest.raises(DataError) as raised:
        read_path(file(tmp_path), ALL)
    assert str(raised.value) == (
        f"{tmp_path / 'a.edf'}: the file must be one that MNE can read. Found ValueError: not "
        "enough records."
    )
    with pytest.raises(DataError, match="the file must begin as EDF, BDF or FIF does"):
        read_path(file(tmp_path, b"text"), ALL, format="eeg")


def test_without_mne_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mne", None)
    with pytest.raises(DataError) as raised:
        read_path(file(tmp_path), ALL)
    assert str(raised.value) == (
        f"{tmp_path / 'a.edf'}: EDF, BDF and FIF files are read through MNE, which must be "
        "installed. Found no module `mne`. pip install 'abr-curriculum[eeg]'."
    )
