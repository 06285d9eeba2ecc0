"""When the state of a phase is saved, and which checkpoints stay.

A save by the clock or at a signal serves resuming alone. A point is a state that training may
return to: points are taken at evaluations, and before the first step.
"""

from __future__ import annotations

import time
from collections.abc import Collection

from curriculum.checkpoint import Manifest
from curriculum.events import CheckpointSaved
from curriculum.plan import PlannedPhase
from curriculum.state import TrainingState, from_bytes, tensors_sha256, to_bytes
from curriculum.trainer.setting import Setting


class Saver:
    """Saves the states of one phase."""

    def __init__(self, setting: Setting, phase: PlannedPhase, saved_step: int | None) -> None:
        self._setting, self._phase = setting, phase
        self._step, self._at = saved_step, time.monotonic()

    def has(self, step: int) -> bool:
        """Whether the newest checkpoint is of this step."""
        return self._step == step

    def due(self, step: int) -> str | None:
        """Why a state of this step should be saved for resuming, if it should."""
        cadence = self._setting.checkpoints
        if step in (0, self._step):
            return None
        if cadence.every is not None and step % max(1, self._phase.steps(cadence.every)) == 0:
            return f"every {cadence.every}"
        seconds = cadence.every_seconds
        if seconds is not None and time.monotonic() - self._at > seconds:
            return f"every {seconds:g} s"
        return None

    def save(
        self, state: TrainingState, why: str, *, points: Collection[int] = (), ended: bool = False
    ) -> None:
        """Bring a state onto the disk, the journal first; keeps the newest and those of points."""
        manifest = Manifest(
            phase=self._phase.name,
            step=state.step,
            phase_key=self._phase.key,
            ended=ended,
            weights_sha256=tensors_sha256(state.model),
        )
        store, folder = self._setting.store, self._phase.folder
        self._setting.sync_journal()
        path = store.save(folder, manifest, to_bytes(state))
        store.retain(folder, newest=1 if ended else 2, also=points)
        self._step, self._at = state.step, time.monotonic()
        self._setting.emit(
            CheckpointSaved(
                phase=self._phase.name,
                step=state.step,
                path=str(path.relative_to(store.root.parent)),
                weights_sha256=manifest.weights_sha256,
                why=why,
            )
        )
        self._setting.sync_journal()

    def load(self, step: int) -> TrainingState:
        """The state of a step that was saved before.

        Raises:
            CheckpointError: it is not as it was written.
        """
        store = self._setting.store
        found = store.at(self._phase.folder, step)
        return from_bytes(store.load(found), str(found.path))

    def forget_after(self, step: int) -> None:
        """Remove what was saved after a step, before training goes back to it."""
        self._setting.store.drop_after(self._phase.folder, step)
