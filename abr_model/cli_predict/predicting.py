"""Predict recordings chunk by chunk: rows of a table, and denoised recordings into a file."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor

from abr_model.cli_predict.denoised import DenoisedFile
from abr_model.cli_predict.model import SIGNAL, Model
from abr_model.cli_predict.recordings import Chosen
from abr_model.cli_predict.tables import Row, ear_rows, recording_rows
from abr_model.physical import denoised_uv
from abr_model.tasks.hearing import without_prior
from curriculum.events import Heartbeat, Observer
from curriculum.run.files import written_whole
from curriculum.trainer.predicting import Predicted, predict


def predict_all(
    model: Model, chosen: Chosen, observer: Observer, *, ears: bool, denoised: Path | None
) -> list[Row]:
    """A row for each recording, or for each ear; and the denoised recordings, if asked for.

    Raises:
        UsageError: the file of denoised recordings cannot be written.
    """
    names, standards = chosen.subject_names, model.standards
    rows: list[Row] = []
    kept: list[dict[str, Tensor]] = []
    with ExitStack() as stack:
        file = None
        if denoised is not None:
            place = stack.enter_context(written_whole(denoised))
            file = stack.enter_context(DenoisedFile(place, len(chosen.split)))
        for chunk in predict(
            model.assembly,
            model.tasks,
            chosen.split,
            model.loaded.plan.seed,
            model.device,
            lambda done, of: observer.on_event(Heartbeat(doing="predicting", done=done, of=of)),
        ):
            said = {name: each for name, each in chunk.predictions.items() if name != SIGNAL}
            said = without_prior(said, model.tasks)
            if file is not None:
                subjects = [names[number] for number in chunk.batch["subject"].tolist()]
                file.append(_without_noise(chunk, model), subjects, chunk.batch["level_db"])
            if ears:
                kept.append({**said, **{n: chunk.batch[n] for n in ("subject", "level_db")}})
            else:
                indices = chunk.indices.tolist()
                rows += recording_rows(indices, chunk.batch, said, names, standards)
    if ears:
        whole = {name: torch.cat([part[name] for part in kept]) for name in kept[0]}
        subject_N, level_N = whole.pop("subject"), whole.pop("level_db")
        rows = ear_rows(subject_N, level_N, whole, names, standards)
    return rows


def _without_noise(chunk: Predicted, model: Model) -> Tensor:
    inputs = chunk.inputs[SIGNAL]
    return denoised_uv(inputs["x"], inputs["time"], chunk.predictions[SIGNAL], model.standards)
