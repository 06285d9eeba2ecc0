"""A run as its newest checkpoint has it: the model with its weights, the data, the tasks on."""

from __future__ import annotations

import attrs
import torch

from curriculum.config import Kinds, LoadedPlan
from curriculum.config.schema import Plan
from curriculum.config.switches import by_phase
from curriculum.errors import CheckpointError
from curriculum.events import Heartbeat, Observer
from curriculum.run.assemble import build_seeded, load_data, require_trust
from curriculum.run.folder import RunFolder
from curriculum.run.machine import require_machine
from curriculum.state import TrainingState, from_bytes, restore
from curriculum.tasks import Assembly, DataSource, Task
from curriculum.trainer.classes import with_saved_losses


@attrs.frozen(kw_only=True)
class Restored:
    """A trained model with what it was trained on; `tasks` are those that were on."""

    state: TrainingState
    data: DataSource
    assembly: Assembly
    tasks: tuple[Task, ...]


def restore_run(
    folder: RunFolder,
    loaded: LoadedPlan,
    kinds: Kinds,
    observer: Observer,
    *,
    device: str = "cpu",
    threads: int | None = None,
    trust: bool = False,
) -> Restored:
    """The newest checkpoint of a run, built anew on a device.

    Raises:
        CheckpointError: the run has no valid checkpoint.
        DataError: what the run was trained on cannot be read any more.
        UsageError: the plan names code, and nobody said that it may be imported.
    """
    require_trust(loaded, trust=trust)
    prepare_machine(device, threads)
    state = load_last_state(folder)
    observer.on_event(Heartbeat(doing="loading data", done=0, of=None))
    data = load_data(loaded.plan.data, kinds, loaded.plan.seed)
    assembly = build_seeded(loaded, kinds, data)
    where = f"{folder.path}, phase `{state.phase}`"
    restore(assembly.model, state.model, where)
    assembly = with_saved_losses(assembly, state.progress.class_losses, where)
    assembly.model.to(device)
    on = tasks_on(loaded.plan, state.phase)
    tasks = tuple(task for task in assembly.tasks if task.name in on)
    return Restored(state=state, data=data, assembly=assembly, tasks=tasks)


def prepare_machine(device: str, threads: int | None) -> None:
    """Set the number of threads.

    Raises:
        UsageError: torch cannot compute there, or with so many threads.
    """
    require_machine(device, threads)
    if threads is not None:
        torch.set_num_threads(threads)


def tasks_on(plan: Plan, phase: str) -> frozenset[str]:
    """The tasks that are on in a phase."""
    return frozenset(next(now.weights for each, _, now in by_phase(plan) if each.name == phase))


def load_last_state(folder: RunFolder) -> TrainingState:
    """The newest valid state of a run: the last of the latest phase that has one.

    Raises:
        CheckpointError: there is none.
    """
    resolved = folder.read_json(folder.resolved) or {}
    for key in reversed(list(resolved.get("keys", {}).values())):
        valid, _ = folder.store.of_phase(key)
        if valid:
            return from_bytes(folder.store.load(valid[-1]), str(valid[-1].path))
    raise CheckpointError(
        "a run must have a valid checkpoint",
        where=str(folder.path),
        hint=f"See `verify {folder.path}`",
    )
