"""Writing a run's model: every file is checked before any of them appears at its place."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from curriculum.config import Kinds, LoadedPlan, to_plain
from curriculum.errors import CurriculumError, UsageError
from curriculum.events import Heartbeat, Observer
from curriculum.export import programs, tensors
from curriculum.export.card import model_card
from curriculum.export.comparing import largest_difference
from curriculum.export.formats import TORCH_EXPORT, Format
from curriculum.run.folder import RunFolder
from curriculum.run.judge import judge_restored
from curriculum.run.restored import Restored, restore_run
from curriculum.state import restore, tensors_sha256
from curriculum.tasks import Exportable
from curriculum.trainer.predicting import predict

SAMPLES = 9
CARD = "model_card.md"
_SIZES = (SAMPLES, 1, 4)  # of the batches that are compared; tracing is done with the first


def export(
    folder: RunFolder,
    loaded: LoadedPlan,
    kinds: Kinds,
    observer: Observer,
    destination: Path,
    formats: Sequence[Format],
    *,
    threads: int | None = None,
    trust: bool = False,
) -> dict[str, Any]:
    """Export a run's newest checkpoint into a folder; returns what `export --json` says.

    Each file is loaded back, and what it says of samples of the held-out split is compared with
    what the model says. Files appear in the folder when all of them are written and right.

    Raises:
        CheckpointError: the run has no valid checkpoint.
        CurriculumError: an export says something else than the model.
        UsageError: the model offers no programs, or the folder cannot be written.
    """
    run = restore_run(folder, loaded, kinds, observer, threads=threads, trust=trust)
    run.assembly.model.eval()
    parts = _parts(run, formats)
    about = _about(run, loaded)
    files: list[dict[str, Any]] = []
    with _appearing_together(destination) as beside:
        for each in formats:
            observer.on_event(Heartbeat(doing=f"exporting {each.name}", done=0, of=None))
            if not each.is_program:
                place = beside / f"{loaded.plan.experiment}{each.suffix}"
                _write_tensors(run, loaded, place, json.dumps(about))
                files.append(_file(place, each, None, 0.0))
            for part in parts if each.is_program else ():
                place = beside / f"{part.name}{each.suffix}"
                difference = _write_program(run, part, each, place, about)
                files.append(_file(place, each, part.name, difference))
        scores = judge_restored(run, loaded, kinds, observer)
        card = model_card(run, loaded, files, parts, scores)
        (beside / CARD).write_text(card, encoding="utf-8")
    return {
        "experiment": loaded.plan.experiment,
        "phase": run.state.phase,
        "step": run.state.step,
        "weights_sha256": about["weights_sha256"],
        "folder": str(destination),
        "files": files,
        "card": CARD,
    }


def _parts(run: Restored, formats: Sequence[Format]) -> tuple[Exportable, ...]:
    programs_asked_for = [each.name for each in formats if each.is_program]
    if not programs_asked_for:
        return ()
    if run.assembly.exports is None:
        raise UsageError(
            f"the model must offer parts to be exported as {' or '.join(programs_asked_for)}",
            found="none: its factory returns an `Assembly` without `exports`",
            hint="Use `--format safetensors`, which holds the tensors of any model",
        )
    return tuple(run.assembly.exports.parts(run.tasks))


def _about(run: Restored, loaded: LoadedPlan) -> dict[str, Any]:
    exports = run.assembly.exports
    return {
        "experiment": loaded.plan.experiment,
        "phase": run.state.phase,
        "step": str(run.state.step),
        "weights_sha256": tensors_sha256(run.state.model),
        "plan": to_plain(loaded.plan),
        "tasks": [
            {"name": task.name, "group": task.group, "view": task.score.view.name}
            for task in run.tasks
        ],
        "class_losses": dict(run.state.progress.class_losses),
        **(exports.about() if exports else {}),
    }


def _write_tensors(run: Restored, loaded: LoadedPlan, place: Path, about: str) -> None:
    before = _first_predictions(run, loaded)
    tensors.write_tensors(run.state.model, place, about)
    back = tensors.read_tensors(place)
    if tensors_sha256(back) != tensors_sha256(run.state.model):
        raise CurriculumError(
            "an export must hold the model's tensors", found="other ones", where=place.name
        )
    restore(run.assembly.model, back, place.name)
    after = _first_predictions(run, loaded)
    largest_difference(list(before.values()), list(after.values()), list(before), place.name)


def _first_predictions(run: Restored, loaded: LoadedPlan) -> dict[str, Tensor]:
    """What the model says of the first chunk of the held-out split, by task and part."""
    split, cpu = run.data.splits[run.data.held_out], torch.device("cpu")
    chunks = predict(run.assembly, run.tasks, split, loaded.plan.seed, cpu, _silent, SAMPLES)
    found: dict[str, Tensor] = {}
    for task, said in next(chunks).predictions.items():
        parts = {task: said} if isinstance(said, Tensor) else said
        found |= {name if name == task else f"{task}.{name}": each for name, each in parts.items()}
    return found


def _write_program(
    run: Restored, part: Exportable, chosen: Format, place: Path, about: dict[str, Any]
) -> float:
    """Write a part, load it back, and return by how much it differs at most."""
    split = run.data.splits[run.data.held_out]
    spread = np.linspace(0, len(split) - 1, SAMPLES).astype(np.int64)
    inputs = part.inputs_of(split.batch(spread))
    described = {**about, "inputs": dict(part.inputs), "outputs": dict(part.outputs)}
    torch_export = chosen.name == TORCH_EXPORT
    write = programs.write_torch_export if torch_export else programs.write_onnx
    load_and_run = programs.run_torch_export if torch_export else programs.run_onnx
    write(part, inputs, place, json.dumps(described))
    worst = 0.0
    for size in _SIZES:
        some = [tensor[:size] for tensor in inputs]
        said, found = programs.outputs_of(part, some), load_and_run(place, some)
        worst = max(worst, largest_difference(said, found, list(part.outputs), place.name))
    return worst


def _file(place: Path, chosen: Format, part: str | None, difference: float) -> dict[str, Any]:
    content = place.read_bytes()
    return {
        "file": place.name,
        "format": chosen.name,
        "part": part,
        "bytes": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
        "largest_difference": difference,
    }


def _silent(done: int, of: int) -> None:
    del done, of


@contextmanager
def _appearing_together(destination: Path) -> Generator[Path]:
    """A folder beside, whose files move into the destination at the end, replacing their likes."""
    beside = destination.with_name(f".{destination.name}.partial-{os.getpid():x}")
    try:
        if destination.exists() and not destination.is_dir():
            raise NotADirectoryError(20, "a file", str(destination))
        beside.mkdir(parents=True)
        yield beside
        destination.mkdir(exist_ok=True)
        for file in sorted(beside.iterdir()):
            file.replace(destination / file.name)
    except OSError as error:
        raise UsageError(
            "the destination must be a folder that can be written",
            found=error.strerror or str(error),
            where=str(destination),
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
