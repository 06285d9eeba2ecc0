"""The recordings to predict: whatever lies at a path, or a split of the run's own data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import numpy as np

from abr_model.cli_predict.model import Model
from abr_model.config import RecordingsFolder
from abr_model.data.source import AbrSplit, Part
from abr_model.data.sources import find_recordings
from curriculum.config import Kinds
from curriculum.errors import CurriculumError, DataError
from curriculum.events import Heartbeat, Observer, Warned
from curriculum.run.assemble import load_data
from curriculum.run.judge import require_split
from curriculum.tasks import Split


@attrs.frozen(kw_only=True, eq=False)
class Chosen:
    """Recordings, with the names of their subjects."""

    name: str
    split: Split
    subject_names: Sequence[str]


def open_path(path: Path, model: Model, observer: Observer) -> Chosen:
    """All recordings at a path, in the model's window.

    Raises:
        DataError: there is nothing that can be read, recordings are shorter than the window, or in
            other units than those that the model was trained on.
    """
    observer.on_event(Heartbeat(doing="loading data", done=0, of=None))
    dataset = find_recordings(path, model.window_ms)
    for notice in dataset.notices:
        observer.on_event(Warned(message=notice))
    _check_unit(path, dataset.z_scored, model, observer)
    rows = np.arange(len(dataset.recordings))
    split = AbrSplit(Part(dataset.recordings, rows))
    return Chosen(name=str(path), split=split, subject_names=dataset.subject_names)


def open_split(name: str, model: Model, kinds: Kinds, observer: Observer) -> Chosen:
    """A split of what the run was trained on.

    Raises:
        DataError: that cannot be read any more.
        UsageError: it has no such split.
    """
    observer.on_event(Heartbeat(doing="loading data", done=0, of=None))
    plan = model.loaded.plan
    source = load_data(plan.data, kinds, plan.seed)
    for notice in source.notices:
        observer.on_event(Warned(message=notice))
    split = source.splits[require_split(source, name)]
    title = f"`{name}` of {plan.data.kind}"
    return Chosen(name=title, split=split, subject_names=source.cluster_names)


def _check_unit(path: Path, z_scored: bool, model: Model, observer: Observer) -> None:
    """Compare units with those of the training data, as far as that can be known."""
    settings = model.loaded.plan.data.settings
    trained_z_scored = False
    if isinstance(settings, RecordingsFolder):
        try:
            trained_z_scored = find_recordings(settings.path, settings.window_ms).z_scored
        except CurriculumError:
            message = (
                f"{settings.path}, which the model was trained on, cannot be read: "
                "the units of recordings were not compared"
            )
            observer.on_event(Warned(message=message))
            return
    if z_scored != trained_z_scored:
        units = {True: "z-scored", False: "in µV"}
        raise DataError(
            f"recordings must be {units[trained_z_scored]}, as those that the model was trained on",
            found=f"recordings {units[z_scored]}",
            where=str(path),
        )
