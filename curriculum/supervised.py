"""Ready parts for the common case: tensors in, one target a task, one trunk that every head reads.

    data = TensorData(train={"x": x, "y": y}, validation={"x": x_held_out, "y": y_held_out})
    model = SharedTrunk("x", trunk, {"y": nn.Linear(64, 1)})
    assembly = Assembly(model=model, tasks=(Regression("y"),))

Anything else implements the Protocols of `curriculum.tasks` itself. B is the number of samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Literal, cast

import attrs
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from curriculum.class_losses import ClassLoss
from curriculum.standardise import UNIT, Units
from curriculum.state import tensor_bytes
from curriculum.tasks import OBSERVED, Batch, Kept, Measured, Observed, Target, TrivialPredictor

SHARED = "shared"
_ZERO, _SCALE = "target_zero", "target_scale"


class SharedTrunk(nn.Module):
    """A trunk that reads one tensor of the batch, and heads that all read the trunk's output.

    Heads of numbers are trained in standardised units (`Regression`); `predict` gives the targets'
    own. The constants are tensors of the model: a checkpoint has them.

    Args:
        reads: name of the batch's tensor that the trunk gets.
        trunk: maps it to features of any shape (B, ...).
        heads: for each task, a module that maps those features to the task's prediction.
    """

    def __init__(self, reads: str, trunk: nn.Module, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.reads, self.trunk = reads, trunk
        self.heads = nn.ModuleDict({name: _Head(head) for name, head in heads.items()})

    def features(self, inputs: Batch, reads: frozenset[str]) -> Mapping[str, Tensor]:
        """The trunk's output, as the part `shared`."""
        del reads
        return {SHARED: self.trunk(inputs[self.reads])}

    @torch.no_grad()
    def predict(self, inputs: Batch) -> Mapping[str, Tensor]:
        """What each head says, by task: numbers in their targets' units, scores of classes.

        In evaluation mode, and without gradients; the model is left in the mode that it was in.
        """
        was_training = self.training
        self.eval()
        try:
            features = self.features(inputs, frozenset({SHARED}))
            heads = cast("dict[str, _Head]", dict(self.heads.items()))
            return {task: head.units.physical(head(features)) for task, head in heads.items()}
        finally:
            self.train(was_training)


class _Head(nn.Module):
    target_zero: Tensor
    target_scale: Tensor

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner
        # Those of a target are measured when a run begins; see `Regression.measured`.
        self.register_buffer(_ZERO, UNIT.zero.clone())
        self.register_buffer(_SCALE, UNIT.scale.clone())

    @property
    def units(self) -> Units:
        return Units(zero=self.target_zero, scale=self.target_scale)

    def forward(self, features: Mapping[str, Tensor]) -> Tensor:
        found: Tensor = self.inner(features[SHARED])
        return found


@attrs.frozen
class TensorSplit:
    """Samples held as tensors of one length."""

    tensors: Batch

    def __attrs_post_init__(self) -> None:
        lengths = {len(tensor) for tensor in self.tensors.values()}
        if len(lengths) != 1:
            raise ValueError(
                f"all tensors of a split must have one length. Found {sorted(lengths)}."
            )

    def __len__(self) -> int:
        return len(next(iter(self.tensors.values())))

    def batch(self, indices: np.ndarray) -> Batch:
        """The samples at these indices."""
        where = torch.from_numpy(indices)
        return {name: tensor[where] for name, tensor in self.tensors.items()}


@attrs.frozen(kw_only=True)
class TensorData:
    """Data held as tensors, split by whoever made it; implements `curriculum.tasks.DataSource`."""

    train: Batch
    validation: Batch
    notices: tuple[str, ...] = ()

    held_out = "validation"
    cluster_names = ()

    @property
    def splits(self) -> Mapping[str, TensorSplit]:
        """`train` and `validation`."""
        return {"train": TensorSplit(self.train), "validation": TensorSplit(self.validation)}

    @property
    def fingerprint(self) -> str:
        """Digest of every tensor."""
        digest = hashlib.sha256()
        for batch in (self.train, self.validation):
            for name in sorted(batch):
                tensor = batch[name]
                digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\0".encode())
                digest.update(tensor_bytes(tensor))
        return digest.hexdigest()


@attrs.frozen
class Regression:
    """A number per sample, trained with the smooth L1 loss, judged by its mean absolute error.

    The target may be in any unit: when a run begins, its median and robust scale are measured on
    the training split, and from then on they are 0 and 1 to the head and the loss. Metrics are in
    the target's own unit. The prediction has shape (B,) or (B, 1); NaN in the target is "no label".
    Its trivial predictor is the median of the training split.
    """

    name: str
    target: str = attrs.field()
    group: str = attrs.field()
    view: Observed = OBSERVED
    reads: frozenset[str] = frozenset({SHARED})
    units: Units = UNIT  # of the target; measured when a run begins

    @target.default  # pyright: ignore[reportAttributeAccessIssue, reportUntypedFunctionDecorator]
    def _target(self) -> str:
        return self.name

    @group.default  # pyright: ignore[reportAttributeAccessIssue, reportUntypedFunctionDecorator]
    def _group(self) -> str:
        return self.name

    @property
    def score(self) -> Regression:
        """It judges itself."""
        return self

    @property
    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        """One metric: the mean absolute error."""
        return {f"{self.group}/{self.name}_mae": "lower"}

    def measured(self, train: Batch) -> Measured:
        """With the target's units, robustly: see `curriculum.standardise`."""
        units = Units.of(train[self.target], self.target)
        return Measured(
            task=attrs.evolve(self, units=units),
            constants={_ZERO: units.zero, _SCALE: units.scale},
            notices=(units.notice,) if units.notice else (),
        )

    def targets(self, train: Batch) -> tuple[Target]:
        """One, with its units."""
        return (
            Target(
                name=self.target,
                labels=int(self.count(train)),
                zero=float(self.units.zero),
                scale=float(self.units.scale),
            ),
        )

    def count(self, batch: Batch) -> float:
        """Targets that are not NaN."""
        return float(batch[self.target].isfinite().sum())

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """Smooth L1 in standardised units, summed over labelled samples."""
        target = self.units.standardise(inputs[self.target])
        known = target.isfinite()
        return F.smooth_l1_loss(_flat(prediction)[known], target[known], reduction="sum")

    def objection(self, batch: Batch) -> str | None:
        """A target that is the same everywhere, or infinite."""
        if self.units.constant:
            return f"{self.units.constant} everywhere: nothing to learn"
        return f"`{self.target}` is infinite" if bool(batch[self.target].isinf().any()) else None

    def keep(self, prediction: Tensor, inputs: Batch) -> Kept:
        """The absolute error of each sample in the target's unit, NaN without a label."""
        return {"error": self.units.error(_flat(prediction), inputs[self.target])}

    def error(self, kept: Kept) -> float | None:
        """Mean absolute error."""
        known = kept["error"].isfinite()
        return float(kept["error"][known].mean()) if bool(known.any()) else None

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """`<group>/<task>_mae`."""
        error = self.error(kept)
        return {} if error is None else {f"{self.group}/{self.name}_mae": error}

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """The median of the training split."""
        median = self.units.standardise(train[self.target].nanmedian())
        return {"median": lambda inputs: median.expand(len(inputs[self.target]))}


@attrs.frozen
class Classification:
    """One of several classes, trained with the plan's `class_loss`, judged by balanced accuracy.

    The prediction has shape (B, C); the target is int64 in 0…C-1, and -1 is "no label". What it
    decides is the class of the highest logit, whatever the loss. Its trivial predictor is the most
    frequent class of the training split. `classes` is C; where it is given, labels that no output
    stands for are found before the first step. Without `loss` it is plain cross entropy; a run
    gives each phase's.
    """

    name: str
    target: str = attrs.field()
    group: str = attrs.field()
    view: Observed = OBSERVED
    reads: frozenset[str] = frozenset({SHARED})
    classes: int | None = None
    loss: ClassLoss | None = None

    @target.default  # pyright: ignore[reportAttributeAccessIssue, reportUntypedFunctionDecorator]
    def _target(self) -> str:
        return self.name

    @group.default  # pyright: ignore[reportAttributeAccessIssue, reportUntypedFunctionDecorator]
    def _group(self) -> str:
        return self.name

    @property
    def score(self) -> Classification:
        """It judges itself."""
        return self

    @property
    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        """One metric: balanced accuracy."""
        return {f"{self.group}/{self.name}_balanced_accuracy": "higher"}

    def targets(self, train: Batch) -> tuple[Target]:
        """One, with its classes by number."""
        label = train[self.target]
        counts = cast("list[int]", torch.bincount(label[label >= 0]).tolist())
        classes = {str(number): count for number, count in enumerate(counts)}
        return (Target(name=self.target, labels=sum(counts), classes=classes),)

    def count(self, batch: Batch) -> float:
        """Targets that are not -1."""
        return float((batch[self.target] >= 0).sum())

    def labels(self, batch: Batch) -> Tensor:
        """The target."""
        return batch[self.target]

    def with_loss(self, loss: ClassLoss) -> Classification:
        """The same task, trained with this loss."""
        return attrs.evolve(self, loss=loss)

    def loss_sum(self, prediction: Tensor, inputs: Batch) -> Tensor:
        """The loss, summed over labelled samples."""
        if self.loss is not None:
            return self.loss.loss_sum(prediction, inputs[self.target])
        return F.cross_entropy(prediction, inputs[self.target], ignore_index=-1, reduction="sum")

    def objection(self, batch: Batch) -> str | None:
        """A class that the head has no output for, where the number of classes is given."""
        highest = int(batch[self.target].max())
        if self.classes is None or highest < self.classes:
            return None
        return f"`{self.target}` has class {highest}, the head has classes 0 to {self.classes - 1}"

    def keep(self, prediction: Tensor, inputs: Batch) -> Kept:
        """The most likely class of each sample, and its label."""
        return {"predicted": prediction.argmax(1), "label": inputs[self.target]}

    def error(self, kept: Kept) -> float | None:
        """1 - balanced accuracy, over the classes that the split holds."""
        label = kept["label"]
        correct = kept["predicted"] == label
        classes = cast("list[int]", label.unique().tolist())
        recalls = [correct[label == each].double().mean() for each in classes if each >= 0]
        return float(1 - torch.stack(recalls).mean()) if recalls else None

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """`<group>/<task>_balanced_accuracy`."""
        error = self.error(kept)
        return {} if error is None else {f"{self.group}/{self.name}_balanced_accuracy": 1 - error}

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """The most frequent class of the training split, for every sample; none without labels."""
        target = train[self.target]
        counts = torch.bincount(target[target >= 0])
        if not len(counts):
            return {}
        one_hot = F.one_hot(counts.argmax(), int(target.max()) + 1).float()
        return {"majority": lambda inputs: one_hot.expand(len(inputs[self.target]), -1)}


def _flat(prediction: Tensor) -> Tensor:
    return prediction.squeeze(-1) if prediction.dim() > 1 else prediction
