"""The store: checkpoints that are whole or not there.

    checkpoints/01-signal/step-00000800/{state.pt, manifest.json}

A save writes into a temporary folder beside, flushes files and folder to the disk, the manifest
last, and renames. A checkpoint without a valid manifest is never loaded, and never deleted by
itself. Bytes are verified against their sha256 before anything looks into them.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

import attrs

from curriculum.errors import CheckpointError, CurriculumError

SCHEMA = 1
STATE = "state.pt"
MANIFEST = "manifest.json"
_STEP = re.compile(r"step-(\d{8,})")
_TEMPORARY = re.compile(r"\.saving-[0-9a-f-]+")
_OLD = ".old-"


@attrs.frozen(kw_only=True)
class Manifest:
    """What a checkpoint says of itself."""

    phase: str
    step: int
    phase_key: str
    ended: bool  # the phase's last
    weights_sha256: str


@attrs.frozen(kw_only=True)
class Found:
    """A checkpoint on disk; `manifest` is None and `problem` says why where it is not valid."""

    path: Path
    manifest: Manifest | None
    problem: str | None = None

    def as_json(self, root: Path) -> dict[str, Any]:
        """What `verify --json` says of it."""
        manifest = self.manifest
        return {
            "path": str(self.path.relative_to(root)),
            "phase": manifest.phase if manifest else self.path.parent.name.partition("-")[2],
            "step": manifest.step if manifest else int(self.path.name.removeprefix("step-")),
            "valid": self.problem is None,
            "weights_sha256": manifest.weights_sha256 if manifest else None,
            "problem": self.problem,
        }


class CheckpointStore:
    """The checkpoints of one run."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(self, folder: str, manifest: Manifest, state: bytes) -> Path:
        """Write a checkpoint of the phase in `folder`; it is on the disk when this returns.

        Raises:
            CurriculumError: the disk refuses; names the file and the cause. Nothing old is touched.
        """
        parent = self.root / folder
        target = parent / f"step-{manifest.step:08d}"
        beside = parent / f".saving-{os.getpid():x}-{manifest.step:x}"
        try:
            parent.mkdir(parents=True, exist_ok=True)
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir()
            _write(beside / STATE, state)
            _write(beside / MANIFEST, _encode(manifest, {STATE: state}))
            _sync_folder(beside)
            old = _make_way(target)
            beside.rename(target)
            _sync_folder(parent)
            _sync_folder(self.root)
            if old is not None:
                shutil.rmtree(old, ignore_errors=True)
        except OSError as error:
            raise CurriculumError(
                "a checkpoint must be written whole",
                found=f"{error.strerror or error}",
                where=str(error.filename or target),
                hint="The run can be resumed from the last valid checkpoint once this is cured.",
            ) from error
        return target

    def load(self, found: Found) -> bytes:
        """The state's bytes, verified.

        Raises:
            CheckpointError: they are not what was written.
        """
        again = verify(found.path)
        if again.problem is not None:
            raise CheckpointError(
                "a checkpoint must be as it was written", found=again.problem, where=str(found.path)
            )
        return (found.path / STATE).read_bytes()

    def all(self, *, contents: bool = False) -> list[Found]:
        """Every checkpoint, by phase and step. `contents`: verify the state's bytes as well."""
        return [
            verify(path, contents=contents)
            for folder in self._folders()
            for path in sorted(folder.iterdir(), key=_step_of)
            if _is_step(path)
        ]

    def of_phase(self, key: str) -> tuple[list[Found], list[Found]]:
        """The valid checkpoints with a phase key, oldest first, and the damaged ones beside them.

        Phases that were set aside count too. A damaged checkpoint is reported where its folder
        holds others with that key, or where its own manifest names it.
        """
        valid: list[Found] = []
        damaged: list[Found] = []
        for folder in self._folders():
            here = [
                verify(path, contents=False) for path in sorted(folder.iterdir()) if _is_step(path)
            ]
            named = {
                found.path for found in here if found.manifest and found.manifest.phase_key == key
            }
            if named:
                checked = [verify(found.path) if found.path in named else found for found in here]
                valid += [f for f in checked if f.path in named and f.problem is None]
                damaged += [f for f in checked if f.problem is not None]
        return sorted(valid, key=lambda found: _step_of(found.path)), damaged

    def at(self, folder: str, step: int) -> Found:
        """The checkpoint of a phase at a step, as `verify` finds it."""
        return verify(self.root / folder / f"step-{step:08d}", contents=False)

    def retain(self, folder: str, newest: int, also: Collection[int] = ()) -> None:
        """Remove the valid checkpoints of a phase's folder, save its newest and those of steps."""
        for path in self._valid(folder)[:-newest]:
            if _step_of(path) not in also:
                _remove(path)

    def drop_after(self, folder: str, step: int) -> None:
        """Remove the valid checkpoints of a phase's folder that come after a step."""
        for path in self._valid(folder):
            if _step_of(path) > step:
                _remove(path)

    def _valid(self, folder: str) -> list[Path]:
        """The valid checkpoints of a phase's folder, oldest first."""
        paths = sorted(filter(_is_step, (self.root / folder).iterdir()), key=_step_of)
        return [path for path in paths if verify(path, contents=False).problem is None]

    def set_aside(self, folder: str) -> Path | None:
        """Rename a phase's folder out of the way, deleting nothing; None where there is none."""
        path = self.root / folder
        return _aside(path) if path.exists() else None

    def clear_temporary(self) -> None:
        """Tidy up after saves that were cut short. Only for the holder of the run's lock."""
        for folder in self._folders():
            for path in list(folder.iterdir()):
                target = folder / path.name.removeprefix(_OLD)
                if path.name.startswith(_OLD) and not target.exists():
                    path.rename(target)
                elif path.name.startswith(_OLD) or _TEMPORARY.fullmatch(path.name):
                    shutil.rmtree(path, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        if self.root.is_dir():
            yield from sorted(path for path in self.root.iterdir() if path.is_dir())


def verify(path: Path, *, contents: bool = True) -> Found:
    """A checkpoint with what is wrong with it, if anything."""
    try:
        manifest, files = _decode((path / MANIFEST).read_bytes())
    except FileNotFoundError:
        return Found(path=path, manifest=None, problem="has no manifest")
    except (OSError, ValueError, KeyError, TypeError) as error:
        return Found(path=path, manifest=None, problem=f"has a damaged manifest ({error})")
    for name, expected in files.items():
        try:
            problem = _file_problem(path / name, expected, contents=contents)
        except OSError as error:
            problem = f"{name}: {error.strerror}"
        if problem:
            return Found(path=path, manifest=manifest, problem=problem)
    return Found(path=path, manifest=manifest)


def _file_problem(path: Path, expected: dict[str, Any], *, contents: bool) -> str | None:
    size = path.stat().st_size
    if size != expected["size"]:
        return f"{path.name} has {size} bytes, not {expected['size']}"
    if contents and hashlib.sha256(path.read_bytes()).hexdigest() != expected["sha256"]:
        return f"{path.name} does not match its sha256"
    return None


def _encode(manifest: Manifest, files: dict[str, bytes]) -> bytes:
    content: dict[str, Any] = {
        "schema": SCHEMA,
        **attrs.asdict(manifest),
        "files": {
            name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            for name, data in files.items()
        },
    }
    return (json.dumps({**content, "sha256": _digest(content)}, indent=2) + "\n").encode()


def _decode(data: bytes) -> tuple[Manifest, dict[str, dict[str, Any]]]:
    content = json.loads(data)
    if content.pop("sha256") != _digest(content):
        raise ValueError("does not match its sha256")
    if content["schema"] > SCHEMA:
        raise ValueError(f"schema {content['schema']} is newer than this version reads")
    files = content["files"]
    if any("/" in name or name in {"", ".", ".."} for name in files):
        raise ValueError("names a file outside its folder")
    fields = {field.name: content[field.name] for field in attrs.fields(Manifest)}
    return Manifest(**fields), files


def _digest(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write(path: Path, data: bytes) -> None:
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove(path: Path) -> None:
    """Remove a checkpoint; where that is cut short, what is left is temporary."""
    gone = path.with_name(f".saving-{os.getpid():x}-{_step_of(path):x}")
    shutil.rmtree(gone, ignore_errors=True)
    path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)


def _aside(path: Path) -> Path:
    number = 1
    while (target := path.with_name(f"{path.name}.aside-{number}")).exists():
        number += 1
    return path.rename(target)


def _make_way(target: Path) -> Path | None:
    """Rename what stands where a checkpoint will be: valid, to be replaced; damaged, kept."""
    if not target.exists():
        return None
    if verify(target).problem is not None:
        _aside(target)
        return None
    return target.rename(target.with_name(_OLD + target.name))


def _step_of(path: Path) -> int:
    match = _STEP.fullmatch(path.name)
    return int(match[1]) if match else -1


def _is_step(path: Path) -> bool:
    return _STEP.fullmatch(path.name) is not None
