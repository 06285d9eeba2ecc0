"""A run's folder: its files, and who holds it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import filelock
import pytest

from curriculum.errors import CurriculumError, RunLocked
from curriculum.run.folder import RunFolder


def test_json_is_read_as_it_was_written(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert folder.read_json(folder.resolved) is None
    folder.write_json(folder.resolved, {"phase": "fünf", "steps": None})
    assert folder.read_json(folder.resolved) == {"phase": "fünf", "steps": None}
    assert os.listdir(tmp_path) == ["resolved.json"]  # noqa: PTH208  # nothing beside it is left


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b""])
def test_a_file_that_is_not_json_is_named(tmp_path: Path, content: bytes) -> None:
    folder = RunFolder(tmp_path)
    folder.environment.write_bytes(content)
    with pytest.raises(CurriculumError, match=r"environment\.json: a file of the run must be read"):
        folder.read_json(folder.environment)


def test_a_file_that_may_not_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, encoding: str) -> str:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "read_text", refuse)
    folder = RunFolder(tmp_path)
    with pytest.raises(CurriculumError, match=r"must be readable\. Found .*Permission denied"):
        folder.read_json(folder.resolved)


def test_a_second_holder_is_told_who_the_first_is(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs" / "one")
    with folder.locked():
        who = rf"it is held by process {os.getpid()} on \S+ since \d{{4}}-.*`--experiment`"
        with pytest.raises(RunLocked, match=who), folder.locked():
            pytest.fail("two hold the folder")
    with folder.locked():
        pass  # it was let go


def test_a_holder_that_has_not_yet_said_its_name(tmp_path: Path) -> None:
    lock = filelock.FileLock(tmp_path / "run.lock", timeout=0)
    with (
        lock,
        pytest.raises(RunLocked, match="held by a process that has just started"),
        RunFolder(tmp_path).locked(),
    ):
        pytest.fail("two hold the folder")


def test_the_folder_is_let_go_when_its_holder_fails(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    with pytest.raises(KeyError, match="mine"), folder.locked():
        raise KeyError("mine")
    assert not folder.is_held()


def test_a_folder_that_may_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with (
        pytest.raises(
            CurriculumError, match=r"one: the run's .* written\. Found Permission denied\. Choose"
        ),
        RunFolder(tmp_path / "one").locked(),
    ):
        pytest.fail("it was held")


def test_whether_it_is_held(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    assert not folder.is_held(), "nobody ever held it"
    with folder.locked():
        assert folder.is_held()
    assert not folder.is_held()


def test_who_looks_is_not_taken_for_a_holder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two may ask at once, and who may only read may ask."""
    folder = RunFolder(tmp_path)
    with folder.locked():
        pass
    whole, asked = Path.open, []

    def open_while_another_asks(self: Path, mode: str) -> object:
        if not asked:
            asked.append(mode)
            assert not folder.is_held()
        return whole(self, mode)

    monkeypatch.setattr(Path, "open", open_while_another_asks)
    assert not folder.is_held()
    assert asked == ["rb"]
