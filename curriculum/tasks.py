"""The extension points: what a model, a task and data must offer to be trained.

They are Protocols: any class with these members will do, none needs a base class.
`curriculum.supervised` has ready ones for the common case. B is the number of samples in a batch; a
batch is a mapping of names to tensors whose first dimension is B.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

import attrs
import numpy as np
from torch import Tensor, nn

from curriculum.class_losses import ClassLoss

Batch = Mapping[str, Tensor]
Prediction = (
    Any  # what a head returns: a tensor, or a mapping of names to tensors; first dimension B
)
Kept = Mapping[str, Tensor]
TrivialPredictor = Callable[[Batch], Prediction]  # what a view prepared -> a prediction
CLUSTER = "cluster"


class Draws(Protocol):
    """Random numbers that belong to samples.

    What a sample gets is a function of (seed, phase, attempt, epoch, sample) and the name, whatever
    batch it comes in. The same name gives the same numbers again.
    """

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Numbers in [0, 1), float32 of shape (B, *shape), on the CPU."""
        ...

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers, float32 of shape (B, *shape), on the CPU."""
        ...


class View(Protocol):
    """How a task sees the input. The trunk runs once for each distinct `name` that is needed."""

    @property
    def name(self) -> str:
        """Views of one name are the same view."""
        ...

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """The batch as trunk, head and loss see it. Runs on the CPU, before the transfer."""
        ...


@attrs.frozen
class Observed:
    """The input as it was observed: the view of a task that asks for nothing else."""

    name: str = "observed"

    def prepare(self, batch: Batch, draws: Draws) -> Batch:
        """The batch itself."""
        del draws
        return batch


OBSERVED = Observed()


class Score(Protocol):
    """How a task's predictions are judged, on a whole split at once.

    A split is predicted chunk by chunk. `keep` takes from each chunk what judging needs; `error`
    and `metrics` see what was kept of all chunks put together, so that a score is of the split and
    never a mean of batch means. What cannot be judged (for want of labels) is left out, not NaN.
    """

    @property
    def view(self) -> View:
        """The view that is judged; often the task's own."""
        ...

    @property
    def better(self) -> Mapping[str, Literal["higher", "lower"]]:
        """The metrics that may be reported, `group/metric`, and which way each is better."""
        ...

    def keep(self, prediction: Prediction, inputs: Batch) -> Kept:
        """What judging needs of each sample, on the CPU: tensors whose first dimension is B.

        Keep little: squared errors rather than recordings, since a split may be larger than memory.
        A tensor named `cluster` (B, int64) says which samples belong together, such as those of one
        subject: intervals are found by drawing whole clusters.
        """
        ...

    def error(self, kept: Kept) -> float | None:
        """The one error that skill is computed from, or None where nothing can be judged."""
        ...

    def metrics(self, kept: Kept) -> Mapping[str, float]:
        """Metrics by full name, `group/metric`, in physical units."""
        ...

    def trivial(self, train: Batch) -> Mapping[str, TrivialPredictor]:
        """Predictors that need no model, by name, with constants from the whole training split."""
        ...


class Task(Protocol):
    """One head, one loss component, one score."""

    @property
    def name(self) -> str:
        """The task's name in plans; also that of its head in `SharedModel.heads`."""
        ...

    @property
    def group(self) -> str:
        """The group whose skill is the mean of its tasks'; its own name where it is alone."""
        ...

    @property
    def view(self) -> View:
        """The view that the task is trained on."""
        ...

    @property
    def reads(self) -> frozenset[str]:
        """The parts of the trunk's output that the head reads."""
        ...

    @property
    def score(self) -> Score:
        """How its predictions are judged."""
        ...

    def count(self, batch: Batch) -> float:
        """How many labels the batch has for it; the loss component is Σ loss_sum / Σ count."""
        ...

    def loss_sum(self, prediction: Prediction, inputs: Batch) -> Tensor:
        """The loss summed over those labels: a scalar. `inputs` is what the view prepared."""
        ...

    def objection(self, batch: Batch) -> str | None:
        """Why the head could never learn these labels, as a phrase that names one; or None.

        Asked of the whole training split before the first step: a run whose head is bounded to 8 ms
        does not start on latencies of 9.
        """
        ...


@attrs.frozen(kw_only=True)
class Measured:
    """A task that has measured the training split.

    `constants` go into the model's checkpoint, as buffers of these names of the task's head.
    `notices` say what was replaced, and why; the run warns of each.
    """

    task: Task
    constants: Mapping[str, Tensor]
    notices: tuple[str, ...] = ()


@runtime_checkable
class Measuring(Protocol):
    """What a `Task` may offer besides: constants of the training split, such as a target's units.

    A task whose model measures them itself, when it is built, has no need of it.
    """

    def measured(self, train: Batch) -> Measured:
        """The task with the constants of the whole training split. Called once, before a run."""
        ...


@attrs.frozen(kw_only=True)
class Target:
    """What the training split has of one target of a task: what `plan --data` shows."""

    name: str  # with the unit at its end, if any: `wave_v_latency_ms`
    labels: int  # samples that have it
    zero: float | None = None  # what counts as 0 when it is learned; None: it is learned as it is
    scale: float | None = None  # what counts as 1
    classes: Mapping[str, int] = attrs.field(factory=dict[str, int])  # samples of each class
    remark: str = ""  # what else there is to say


@runtime_checkable
class Describing(Protocol):
    """What a `Task` may offer besides: what it learns from, in numbers. Else labels are counted."""

    def targets(self, train: Batch) -> Sequence[Target]:
        """What the whole training split has for it."""
        ...


@runtime_checkable
class ClassTask(Task, Protocol):
    """A task that tells classes apart: its head gives logits (B, K), one for each class.

    A plan's `class_loss` says how it is trained and `sampler` may go by its classes. The engine
    asks `with_loss` for the task of each phase.
    """

    @property
    def classes(self) -> int | None:
        """K; None where it is one more than the highest label of the training split."""
        ...

    def labels(self, batch: Batch) -> Tensor:
        """The class of each sample, (B,) int64 in 0…K-1; -1 for none."""
        ...

    def with_loss(self, loss: ClassLoss) -> Task:
        """The same task, trained with this loss; its score knows what the logits then mean."""
        ...


class SharedModel(Protocol):
    """A trunk that tasks share, and a head for each task. In practice an `nn.Module`.

    `heads[task](features)` is a task's prediction. Parameters and buffers outside `heads` are the
    trunk.
    """

    heads: nn.ModuleDict

    def features(self, inputs: Batch, reads: frozenset[str]) -> Mapping[str, Tensor]:
        """Run the trunk, but only as far as the parts in `reads` need; returns those parts."""
        ...


@attrs.frozen(kw_only=True)
class Exportable:
    """Part of a trained model that can leave it: a module from plain tensors to plain tensors.

    The first dimension of every input and output is B, and may be of any size.
    """

    name: str  # of its file
    module: nn.Module  # called with the inputs in their order, returns a tuple in that of outputs
    inputs: Mapping[str, str]  # what each input is: its shape and unit
    outputs: Mapping[str, str]  # likewise
    inputs_of: Callable[[Batch], tuple[Tensor, ...]]  # from the data's own batches


@attrs.frozen(kw_only=True)
class Exports:
    """What `export` can say and write of a model besides its tensors.

    Both functions are called when the model has its trained weights.
    """

    description: str  # Markdown, for the model card
    parts: Callable[[Sequence[Task]], Sequence[Exportable]]  # given the tasks that were on
    about: Callable[[], Mapping[str, Any]]  # what reads the tensors must know, as JSON data


@attrs.frozen(kw_only=True)
class Assembly:
    """What a model's factory returns: the model, and the tasks that its heads are trained on.

    `notices` say what was replaced while building, and why; the run warns of each. Without
    `exports` a model's tensors alone can be exported.
    """

    model: nn.Module  # also a SharedModel; checked when the run starts
    tasks: tuple[Task, ...]
    notices: tuple[str, ...] = ()
    exports: Exports | None = None


class Split(Protocol):
    """Part of the data: a fixed sequence of samples."""

    def __len__(self) -> int:
        """How many samples."""
        ...

    def batch(self, indices: np.ndarray) -> Batch:
        """The samples at these indices (int64, any order, repeats allowed), as CPU tensors."""
        ...


class DataSource(Protocol):
    """Data with its splits: `train`, `validation`, and others as the data has them."""

    @property
    def splits(self) -> Mapping[str, Split]:
        """Splits by name. No subject, or whatever else leaks, is in two of them."""
        ...

    @property
    def held_out(self) -> str:
        """The split that `evaluate` reports on unless told otherwise."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes when the data does."""
        ...

    @property
    def cluster_names(self) -> Sequence[str]:
        """What the clusters of scores are called, by their number; empty where there are none."""
        ...

    @property
    def notices(self) -> Sequence[str]:
        """What was left out or replaced while loading, and why; the run warns of each."""
        ...
