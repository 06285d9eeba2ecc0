from __future__ import annotations

import json
from pathlib import Path

import pytest

from curriculum import checkpoint
from curriculum.checkpoint import CheckpointStore, Manifest
from curriculum.errors import CheckpointError, CurriculumError

STATE = bytes(range(256)) * 8


def manifest(step: int = 3, key: str = "k", *, ended: bool = False) -> Manifest:
    return Manifest(phase="one", step=step, phase_key=key, ended=ended, weights_sha256="w")


@pytest.fixture
def store(tmp_path: Path) -> CheckpointStore:
    return CheckpointStore(tmp_path / "checkpoints")


def test_what_is_saved_is_loaded(store: CheckpointStore) -> None:
    path = store.save("01-one", manifest(), STATE)
    assert path == store.root / "01-one" / "step-00000003"
    (found,) = store.all(contents=True)
    assert found.manifest == manifest()
    assert found.problem is None
    assert store.load(found) == STATE


@pytest.mark.parametrize("place", [0, 5, 1000, 2047])
def test_a_flipped_bit_in_the_state_is_never_loaded(store: CheckpointStore, place: int) -> None:
    path = store.save("01-one", manifest(), STATE)
    (found,) = store.all()
    damaged = bytearray(STATE)
    damaged[place] ^= 1
    (path / "state.pt").write_bytes(damaged)
    with pytest.raises(CheckpointError, match=r"state\.pt does not match its sha256"):
        store.load(found)
    assert store.of_phase("k") == ([], [checkpoint.verify(path)])


def test_every_flipped_byte_of_a_manifest_is_noticed(store: CheckpointStore) -> None:
    path = store.save("01-one", manifest(), STATE) / "manifest.json"
    content = path.read_bytes()
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        found = checkpoint.verify(path.parent)
        spaces_only = json.loads(content) == _json_or_none(damaged)
        assert found.problem is not None or spaces_only, place


def _json_or_none(data: bytes) -> object:
    try:
        return json.loads(data)
    except ValueError:
        return None


@pytest.mark.parametrize(
    ("break_it", "problem"),
    [
        (lambda path: (path / "manifest.json").unlink(), "has no manifest"),
        (lambda path: (path / "manifest.json").write_text("{"), "has a damaged manifest"),
        (lambda path: (path / "state.pt").unlink(), "No such file"),
        (lambda path: (path / "state.pt").write_bytes(STATE[:-1]), "has 2047 bytes, not 2048"),
    ],
    ids=["no manifest", "damaged manifest", "no state", "short state"],
)
def test_what_is_wrong_is_said(store: CheckpointStore, break_it: object, problem: str) -> None:
    path = store.save("01-one", manifest(), STATE)
    break_it(path)  # type: ignore[operator]
    (found,) = store.all(contents=True)
    assert found.problem is not None
    assert problem in found.problem
    assert found.as_json(store.root)["valid"] is False
    assert found.as_json(store.root)["step"] == 3


def test_a_newer_schema_is_refused(store: CheckpointStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoint, "SCHEMA", 2)
    path = store.save("01-one", manifest(), STATE)
    monkeypatch.undo()
    assert "newer than this version reads" in str(checkpoint.verify(path).problem)


def test_a_manifest_cannot_name_files_elsewhere(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "STATE", "../../../etc/passwd")
    encoded = checkpoint._encode(manifest(), {"../x": STATE})
    path = store.root / "01-one" / "step-00000001"
    path.mkdir(parents=True)
    (path / "manifest.json").write_bytes(encoded)
    assert "outside its folder" in str(checkpoint.verify(path).problem)


def test_checkpoints_of_a_phase_are_found_by_key_wherever_they_lie(store: CheckpointStore) -> None:
    store.save("01-one", manifest(3, "old"), STATE)
    store.set_aside("01-one")
    store.save("01-one", manifest(5), STATE)
    store.save("01-one", manifest(12), STATE)
    valid, damaged = store.of_phase("old")
    assert [found.manifest.step for found in valid if found.manifest] == [3]
    assert damaged == []
    assert [f.manifest.step for f in store.of_phase("k")[0] if f.manifest] == [5, 12]


def test_retention_keeps_the_newest_and_touches_nothing_else(store: CheckpointStore) -> None:
    paths = [store.save("01-one", manifest(step), STATE) for step in (1, 2, 3, 4)]
    (paths[0] / "state.pt").write_bytes(b"damaged")
    (store.root / "01-one" / "notes.txt").write_text("mine")
    store.retain("01-one", newest=2)
    left = sorted(path.name for path in (store.root / "01-one").iterdir())
    assert left == ["notes.txt", "step-00000001", "step-00000003", "step-00000004"]


def test_a_save_at_the_same_step_replaces_the_valid_one(store: CheckpointStore) -> None:
    store.save("01-one", manifest(), STATE)
    store.save("01-one", manifest(ended=True), STATE[::-1])
    (found,) = store.all()
    assert store.load(found) == STATE[::-1]
    assert [path.name for path in (store.root / "01-one").iterdir()] == ["step-00000003"]


def test_a_damaged_one_at_the_same_step_is_kept_aside(store: CheckpointStore) -> None:
    path = store.save("01-one", manifest(), STATE)
    (path / "state.pt").write_bytes(b"damaged")
    store.save("01-one", manifest(), STATE)
    names = sorted(path.name for path in (store.root / "01-one").iterdir())
    assert names == ["step-00000003", "step-00000003.aside-1"]
    assert store.all(contents=True)[0].problem is None


def test_saves_cut_short_are_tidied_up_and_lose_nothing(store: CheckpointStore) -> None:
    path = store.save("01-one", manifest(), STATE)
    path.rename(path.with_name(".old-step-00000003"))
    (path.parent / ".saving-1f-4").mkdir()
    (path.parent / ".hidden").mkdir()
    store.clear_temporary()
    assert sorted(p.name for p in path.parent.iterdir()) == [".hidden", "step-00000003"]


def test_an_error_of_the_disk_is_named_and_leaves_the_old_one(
    store: CheckpointStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.save("01-one", manifest(1), STATE)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "state.pt")

    monkeypatch.setattr(checkpoint, "_write", full)
    with pytest.raises(
        CurriculumError, match=r"state\.pt: a checkpoint must be written whole\. Found No space"
    ):
        store.save("01-one", manifest(2), STATE)
    assert [f.manifest.step for f in store.all(contents=True) if f.manifest] == [1]


def test_nothing_to_set_aside(store: CheckpointStore) -> None:
    assert store.set_aside("01-one") is None
    assert store.all() == []
