"""The record that a resume needs."""

from __future__ import annotations

from pathlib import Path

from support.runs import run_tiny

from curriculum.checkpoint import CheckpointStore
from curriculum.run.folder import RunFolder
from curriculum.state import TrainingState, from_bytes, to_bytes


def state_of(folder: Path) -> TrainingState:
    run_tiny(folder, until="second", overrides=["defaults.balance.watch_every=9 steps"])
    store: CheckpointStore = RunFolder(folder).store
    return from_bytes(store.load(store.all()[-1]), "")


def test_what_the_watch_saw_and_the_balance_come_back(tmp_path: Path) -> None:
    state = state_of(tmp_path)
    here, again = state.progress, from_bytes(to_bytes(state), "").progress
    assert here.watched.probes == 2
    assert here.watched.compared == {"shape": {"kind": 2.0}}
    assert set(here.balance["kind"]) == {"size"}
    assert (again.watched, again.balance) == (here.watched, here.balance)
