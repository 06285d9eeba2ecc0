"""What a model says of a split, chunk by chunk: no losses, no labels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import attrs
import numpy as np
import torch

from curriculum.sampling import Drawn, Place, SampleDraws
from curriculum.tasks import Assembly, Batch, Prediction, Split, Task
from curriculum.trainer.evaluation import CHUNK, Progress
from curriculum.trainer.objective import passes, predictions, to_cpu, to_device


@attrs.frozen(kw_only=True)
class Predicted:
    """The predictions of a chunk by task, on the CPU, and what each task's view prepared."""

    indices: np.ndarray
    batch: Batch
    predictions: Mapping[str, Prediction]
    inputs: Mapping[str, Batch]


def predict(
    assembly: Assembly,
    tasks: Sequence[Task],
    split: Split,
    seed: int,
    device: torch.device,
    progress: Progress,
    chunk: int = CHUNK,
) -> Iterator[Predicted]:
    """Predict a whole split with the views by which tasks are judged; leaves the model as it is.

    `progress(done, of)` is called before each chunk and at the end. The size of a chunk changes no
    result.
    """
    model = assembly.model
    runs = passes(tasks, {task.name: task.score.view for task in tasks})
    for start in range(0, len(split), chunk):
        progress(start, len(split))
        indices = np.arange(start, min(start + chunk, len(split)))
        drawn, batch = Drawn(indices, np.zeros_like(indices)), split.batch(indices)
        found: dict[str, Prediction] = {}
        inputs: dict[str, Batch] = {}
        was_training = model.training
        model.eval()
        try:
            with torch.inference_mode():
                for one in runs:
                    draws = SampleDraws(Place(seed, -1), drawn, f"predict/{one.view.name}")
                    prepared = one.view.prepare(batch, draws)
                    said = predictions(model, to_device(prepared, device), one)
                    found.update({name: to_cpu(each) for name, each in said.items()})
                    inputs.update(dict.fromkeys(said, prepared))
        finally:
            model.train(was_training)
        yield Predicted(indices=indices, batch=batch, predictions=found, inputs=inputs)
    progress(len(split), len(split))
