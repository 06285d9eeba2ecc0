"""How a run stands: every state that its journal, its files and its lock can be in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from support.commands import PLAN
from support.runs import DiesAt, Killed, Recorder, run_tiny

from curriculum.errors import PolicyStop
from curriculum.events import CheckpointSaved, Event, RunFailed, RunStarted, Step
from curriculum.journal import Journal
from curriculum.run.folder import RunFolder
from curriculum.run.status import status


def killed(folder: Path, **request: Any) -> None:
    """Die at the first checkpoint, which is of step 4, and have told nobody."""
    with pytest.raises(Killed, match=r"^$"):
        run_tiny(folder, PLAN, observer=DiesAt(CheckpointSaved, 1), **request)
    path = RunFolder(folder).journal
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(line for line in lines if b'"event":"run_failed"' not in line))


def states(folder: Path) -> tuple[str, list[str]]:
    found = status(RunFolder(folder))
    return found["state"], [phase["state"] for phase in found["phases"]]


def test_nothing_has_happened(tmp_path: Path) -> None:
    assert status(RunFolder(tmp_path / "mine")) == {
        "experiment": "mine",
        "phase": None,
        "step": 0,
        "of": None,
        "state": "stopped",
        "held_by": None,
        "saved": {"phase": None, "step": None, "path": None},
        "failure": None,
        "phases": [],
    }


def test_running(tmp_path: Path) -> None:
    class Looks(Recorder):
        def on_event(self, event: Event) -> None:
            super().on_event(event)
            if isinstance(event, Step) and (event.phase, event.step) == ("second", 5):
                found.append(status(RunFolder(tmp_path)))

    found: list[dict[str, Any]] = []
    run_tiny(tmp_path, PLAN, observer=Looks())
    assert found[0]["state"] == "running"
    assert found[0]["held_by"].startswith("process ")
    assert [phase["state"] for phase in found[0]["phases"]] == ["done", "running"]
    assert (found[0]["phase"], found[0]["of"]) == ("second", 6)
    assert found[0]["step"] in {4, 5}  # the checkpoint's, or the step's once that is on disk too


def test_killed(tmp_path: Path) -> None:
    killed(tmp_path)
    found = status(RunFolder(tmp_path))
    assert states(tmp_path) == ("stopped", ["stopped", "waiting"])
    assert (found["phase"], found["step"], found["failure"]) == ("first", 4, None)
    assert found["saved"] == {
        "phase": "first",
        "step": 4,
        "path": "checkpoints/01-first/step-00000004",
    }


def test_done_in_part_and_whole(tmp_path: Path) -> None:
    run_tiny(tmp_path, PLAN, until="first")
    assert states(tmp_path) == ("done", ["done"])
    run_tiny(tmp_path, PLAN)
    assert states(tmp_path) == ("done", ["done", "done"])


def test_failed(tmp_path: Path) -> None:
    with pytest.raises(PolicyStop, match="must be finite"):
        run_tiny(tmp_path, PLAN, ["defaults.optimizer.learning_rate=1e30"])
    found = status(RunFolder(tmp_path))
    assert states(tmp_path) == ("failed", ["failed", "waiting"])
    assert "every loss must be finite" in found["failure"]


def test_an_earlier_end_is_not_this_ones(tmp_path: Path) -> None:
    """A run that was done, or had failed, and then was killed in a later phase."""
    run_tiny(tmp_path, PLAN, until="first")
    killed(tmp_path)
    assert states(tmp_path) == ("stopped", ["done", "stopped"])
    with pytest.raises(PolicyStop, match="must be finite"):
        run_tiny(tmp_path, PLAN, ["phases.1.optimizer={learning_rate: 1e30}"], fresh=True)
    killed(tmp_path, fresh=True)
    assert states(tmp_path) == ("stopped", ["stopped", "waiting"])
    assert status(RunFolder(tmp_path))["failure"] is None


def test_a_stop_by_a_signal_is_no_failure(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    journal = Journal(folder.journal)
    started = RunStarted(
        experiment="ears",
        run_folder="",
        phases=("one", "two"),
        tasks={},
        threads=1,
        device="cpu",
        versions={},
    )
    journal.on_event(started)
    journal.on_event(RunFailed(kind="Interrupted", message="ended at SIGTERM", exit_code=143))
    journal.close()
    found = status(folder)
    assert (found["experiment"], found["state"]) == ("ears", "stopped")
    assert found["failure"] == "ended at SIGTERM"
    assert [phase["name"] for phase in found["phases"]] == ["one", "two"]  # no resolved plan yet
