"""The model of a run, from its newest checkpoint alone."""

from __future__ import annotations

import attrs
import torch

from abr_model.config import AbrUnet
from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.standards import Standards
from abr_model.tasks import rebuild
from curriculum.config import LoadedPlan
from curriculum.errors import UsageError
from curriculum.run.folder import RunFolder
from curriculum.run.restored import load_last_state, prepare_machine, tasks_on
from curriculum.tasks import Assembly, Task
from curriculum.trainer.classes import with_saved_losses

SIGNAL = "signal"


@attrs.frozen(kw_only=True, eq=False)
class Model:
    """A trained model, and the tasks of it that are asked for and were on."""

    loaded: LoadedPlan
    phase: str
    step: int
    device: torch.device
    assembly: Assembly
    standards: Standards
    tasks: tuple[Task, ...]

    @property
    def window_ms(self) -> float:
        """Length of the recordings that it was trained on, from stimulus onset."""
        return 1000 * len(self.standards.colour) / SAMPLE_RATE_HZ


def open_model(
    folder: RunFolder, loaded: LoadedPlan, device: str, threads: int | None, *, with_signal: bool
) -> Model:
    """The model of a run's newest checkpoint.

    Raises:
        CheckpointError: the run has no valid checkpoint.
        UsageError: it is of another model, or recordings shall be denoised and the signal task was
            off.
    """
    plan = loaded.plan
    if not isinstance(plan.model.settings, AbrUnet):
        raise UsageError(
            "the run must be one of the ABR model, `abr_unet`",
            found=f"`{plan.model.kind}`",
            where=str(folder.path),
        )
    prepare_machine(device, threads)
    state = load_last_state(folder)
    on = tasks_on(plan, state.phase)
    if with_signal and SIGNAL not in on:
        raise UsageError(
            "recordings can be denoised by a run in which the signal task was on",
            found=f"{', '.join(sorted(on))} in phase `{state.phase}`",
            where=str(folder.path),
            hint="Leave `--denoised` away",
        )
    place = f"{folder.path}, phase `{state.phase}`"
    assembly = rebuild(plan.model.settings, state.model, place)
    assembly = with_saved_losses(assembly, state.progress.class_losses, place)
    assembly.model.to(device)
    return Model(
        loaded=loaded,
        phase=state.phase,
        step=state.step,
        device=torch.device(device),
        assembly=assembly,
        standards=Standards.of_state(state.model),
        tasks=tuple(
            task
            for task in assembly.tasks
            if task.name in on and (with_signal or task.name != SIGNAL)
        ),
    )
