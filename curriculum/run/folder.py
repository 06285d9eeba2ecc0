"""A run's folder: its files, and the lock by which one process at a time holds it. No torch."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import filelock

from curriculum.checkpoint import CheckpointStore
from curriculum.errors import CurriculumError, RunLocked


@attrs.frozen
class RunFolder:
    """`runs/<experiment>` and what lies in it."""

    path: Path

    @property
    def journal(self) -> Path:
        """Everything that happened, a JSON line each."""
        return self.path / "journal.jsonl"

    @property
    def store(self) -> CheckpointStore:
        """The checkpoints."""
        return CheckpointStore(self.path / "checkpoints")

    @property
    def plan(self) -> Path:
        """The plan as it was written."""
        return self.path / "plan.yaml"

    @property
    def resolved(self) -> Path:
        """The plan as it was understood, overrides included."""
        return self.path / "resolved.json"

    @property
    def environment(self) -> Path:
        """Versions, device and threads of the run."""
        return self.path / "environment.json"

    def read_json(self, path: Path) -> dict[str, Any] | None:
        """A JSON file of the folder; None where there is none.

        Raises:
            CurriculumError: it is not JSON.
        """
        try:
            content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CurriculumError(
                "a file of the run must be readable", found=str(error), where=str(path)
            ) from error
        return content

    def write_text(self, path: Path, text: str) -> None:
        """Write a file of the folder whole: beside, then renamed."""
        beside = path.with_name(f".{path.name}.{os.getpid():x}")
        beside.write_text(text, encoding="utf-8")
        beside.replace(path)

    def write_json(self, path: Path, content: Mapping[str, Any]) -> None:
        """Write a JSON file of the folder."""
        self.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")

    @contextmanager
    def locked(self) -> Generator[None]:
        """Hold the folder.

        Raises:
            RunLocked: another process holds it; says which.
            CurriculumError: the folder cannot be made or written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = filelock.FileLock(self.path / "run.lock", timeout=0)
            lock.acquire()
        except filelock.Timeout as error:
            raise RunLocked(
                "one process at a time may hold a run's folder",
                found=f"it is held by {self.holder()}",
                where=str(self.path),
                hint="Wait for it, stop it, or give this run a name of its own with `--experiment`",
            ) from error
        except OSError as error:
            raise CurriculumError(
                "the run's folder must be a folder that can be written",
                found=error.strerror or str(error),
                where=str(error.filename or self.path),
                hint="Choose another with `--runs-dir`",
            ) from error
        try:
            started = time.strftime("%Y-%m-%d %H:%M:%S")
            self.write_json(
                self.path / "run.holder.json",
                {"pid": os.getpid(), "host": socket.gethostname(), "since": started},
            )
            yield
        finally:
            lock.release()

    def holder(self) -> str:
        """Who holds, or last held, the folder, in words."""
        who = self.read_json(self.path / "run.holder.json")
        if who is None:
            return "a process that has just started"
        return f"process {who['pid']} on {who['host']} since {who['since']}"

    def is_held(self) -> bool:
        """Whether a process holds the folder right now."""
        try:
            file = (self.path / "run.lock").open("rb")
        except FileNotFoundError:
            return False
        with file:
            try:
                # Shared, so that readers do not take each other for a run, and may read only.
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
        return False
