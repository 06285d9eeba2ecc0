"""The record that a resume needs, also one that an earlier version wrote."""

from __future__ import annotations

import io
from pathlib import Path

import attrs
import torch
from support.runs import run_tiny

from curriculum.balance.watching import Watched
from curriculum.checkpoint import CheckpointStore
from curriculum.run.folder import RunFolder
from curriculum.state import TrainingState, from_bytes, to_bytes


def state_of(folder: Path) -> TrainingState:
    run_tiny(folder, until="second", overrides=["defaults.balance.watch_every=9 steps"])
    store: CheckpointStore = RunFolder(folder).store
    return from_bytes(store.load(store.all()[-1]), "")


def test_what_the_watch_saw_and_the_balance_come_back(tmp_path: Path) -> None:
    state = state_of(tmp_path)
    assert state.watched.probes == 2
    assert state.watched.compared == {"shape": {"kind": 2.0}}
    assert set(state.balance["kind"]) == {"size"}
    again = from_bytes(to_bytes(state), "")
    assert (again.watched, again.balance) == (state.watched, state.balance)


def test_a_state_of_schema_1_is_read(tmp_path: Path) -> None:
    """There the balance held one number a task, and nothing was watched."""
    state = state_of(tmp_path)
    old = torch.load(io.BytesIO(to_bytes(state)), weights_only=True)
    del old["watched"]
    old |= {"schema": 1, "balance": {t: known["size"] for t, known in state.balance.items()}}
    torch.save(old, buffer := io.BytesIO())
    found = from_bytes(buffer.getvalue(), "")
    assert found.balance == state.balance
    assert found.watched == Watched()
    assert attrs.evolve(found, watched=state.watched).history == state.history
