"""What all phases of a run share."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import torch

from curriculum.checkpoint import CheckpointStore
from curriculum.config.schema import Checkpoints
from curriculum.events import Event
from curriculum.exits import Directions
from curriculum.tasks import Assembly, DataSource, Split
from curriculum.trainer.classes import TrainLabels
from curriculum.trainer.evaluation import Evaluator
from curriculum.trainer.signals import Signals


@attrs.frozen(kw_only=True)
class Setting:
    """The model and data of a run, where it is saved, and who listens."""

    assembly: Assembly
    data: DataSource
    evaluator: Evaluator
    directions: Directions
    store: CheckpointStore
    checkpoints: Checkpoints
    seed: int
    device: torch.device
    signals: Signals
    emit: Callable[[Event], None]
    sync_journal: Callable[[], None]
    labels: TrainLabels = attrs.field(
        default=attrs.Factory(lambda s: TrainLabels(s.data.splits["train"]), takes_self=True)
    )

    @property
    def train_split(self) -> Split:
        """What is trained on."""
        return self.data.splits["train"]
