"""The one record that a resume needs, and its bytes.

Everything random is a function of its place (see `sampling`), so no generator has a state to keep.
Bytes are those of `torch.save`, read back with `weights_only=True` and in no other way.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping, Sequence
from typing import Any, cast

import attrs
import torch
from torch import Tensor, nn

from curriculum.balance import State as BalanceState
from curriculum.balance.watching import Watched
from curriculum.errors import CheckpointError
from curriculum.events import Evaluated
from curriculum.plan import Stretch

SCHEMA = 2
ParameterState = Mapping[str, Tensor | float | int]


@attrs.frozen(kw_only=True)
class OptimizerState:
    """What an optimizer remembers, by the name of the parameter."""

    kind: str
    parameters: Mapping[str, ParameterState]


@attrs.frozen(kw_only=True)
class Progress:
    """Where a phase stands, besides its tensors."""

    balance_kind: str
    step: int = 0
    attempt: int = 0  # rollbacks in this phase
    skipped: int = 0  # steps of this phase that made no update
    recovered: int = 0  # rollbacks because of numbers that training must not go on from
    restarted: int = 0  # rollbacks because a task was forgotten
    learning_rate: float = 1.0  # share of the planned one that rollbacks have left
    stretches: tuple[Stretch, ...] = ()  # by which the phase went on beyond its end
    sizes: Mapping[str, float] = attrs.field(factory=dict[str, float])  # running mean of each loss
    balance: BalanceState = attrs.field(factory=dict[str, Mapping[str, float]])
    watched: Watched = attrs.field(factory=Watched)
    history: tuple[Evaluated, ...] = ()  # the phase's evaluations so far
    references: Mapping[str, float] = attrs.field(  # skill at the end of a task's own phase
        factory=dict[str, float]
    )
    heads_off: Mapping[str, str] = attrs.field(  # sha256 at the phase's start of heads that are off
        factory=dict[str, str]
    )
    # By task, `class_losses.as_plain` of what it was last trained with: what its logits mean.
    class_losses: Mapping[str, Any] = attrs.field(factory=dict[str, Any])

    @property
    def stretch(self) -> Stretch | None:
        """The present one beyond the phase's end."""
        return self.stretches[-1] if self.stretches else None


@attrs.frozen(kw_only=True)
class TrainingState:
    """A run inside a phase or at its end."""

    phase: str
    phase_key: str
    model: Mapping[str, Tensor]
    optimizer: OptimizerState
    progress: Progress

    @property
    def step(self) -> int:
        """Updates of the phase so far."""
        return self.progress.step


def to_bytes(state: TrainingState) -> bytes:
    """Serialise.

    Raises:
        CheckpointError: something in it could not be read back safely.
    """
    buffer = io.BytesIO()
    _write(state, buffer)
    return buffer.getvalue()


def size_in_bytes(state: TrainingState) -> int:
    """How many bytes `to_bytes` gives, without holding them; raises as it does."""
    count = _Count()
    _write(state, count)
    return count.written


class _Count:
    """A file that only counts what is written into it."""

    def __init__(self) -> None:
        self.written = 0

    def write(self, data: bytes) -> int:
        self.written += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is held back."""


def _write(state: TrainingState, file: Any) -> None:
    plain = {"schema": SCHEMA, **attrs.asdict(state, value_serializer=_serialize)}
    unsafe = _unsafe(plain, "state")
    if unsafe is not None:
        raise CheckpointError(
            "a checkpoint may hold tensors, numbers, strings and plain containers only",
            found=unsafe,
            hint="Keep such values out of the model's state_dict.",
        )
    torch.save(plain, file)


def from_bytes(data: bytes, where: str) -> TrainingState:
    """Read back what `to_bytes` wrote, onto the CPU.

    Raises:
        CheckpointError: it is not a state, or one of a newer version.
    """
    try:
        plain = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        schema = plain.pop("schema")
        if schema > SCHEMA:
            raise CheckpointError(
                f"a checkpoint's schema must be at most {SCHEMA}",
                found=schema,
                where=where,
                hint="It was written by a newer version of abr-curriculum: upgrade.",
            )
        plain["optimizer"] = OptimizerState(**plain["optimizer"])
        progress = plain["progress"]
        progress["stretches"] = tuple(Stretch(**fields) for fields in progress["stretches"])
        progress["history"] = tuple(Evaluated(**fields) for fields in progress["history"])
        progress["watched"] = Watched(**progress["watched"])
        plain["progress"] = Progress(**progress)
        return TrainingState(**plain)
    except (RuntimeError, pickle.UnpicklingError, TypeError, KeyError, AttributeError) as error:
        raise CheckpointError(
            "a checkpoint must hold the state of a run",
            found=f"{type(error).__name__}: {str(error).splitlines()[0]}",
            where=where,
        ) from error


def tensors_sha256(tensors: Mapping[str, Tensor]) -> str:
    """Digest of tensors in the order of their names: each one's name, type, shape and bytes."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu()
        digest.update(f"{name}\0{tensor.dtype}\0{tuple(tensor.shape)}\0".encode())
        digest.update(tensor_bytes(tensor))
    return digest.hexdigest()


def tensor_bytes(tensor: Tensor) -> bytes:
    """The bytes of a tensor's elements in order, whatever its strides and type."""
    flat = tensor.reshape(-1).clone(memory_format=torch.contiguous_format)
    return flat.view(torch.uint8).numpy().tobytes()


def copy_of(model: nn.Module) -> dict[str, Tensor]:
    """The model's tensors, copied to the CPU."""
    return {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}


def restore(model: nn.Module, tensors: Mapping[str, Tensor], where: str) -> None:
    """Put tensors back into a model.

    Raises:
        CheckpointError: names or shapes are not the model's.
    """
    try:
        model.load_state_dict(dict(tensors), strict=True)
    except RuntimeError as error:
        raise CheckpointError(
            "a checkpoint must have the model's tensors", found=str(error), where=where
        ) from error


def _serialize(_instance: object, _field: object, value: Any) -> Any:
    return dict(cast("Mapping[str, Any]", value)) if isinstance(value, Mapping) else value


def _unsafe(value: object, path: str) -> str | None:
    if type(value) in {str, int, float, bool, type(None)} or isinstance(value, Tensor):
        return None
    if isinstance(value, Mapping):
        named = cast("Mapping[str, object]", value)
        inner = [(f"{path}.{name}", item) for name, item in named.items()]
    elif type(value) in {list, tuple}:
        items = cast("Sequence[object]", value)
        inner = [(f"{path}[{place}]", item) for place, item in enumerate(items)]
    else:
        return f"`{path}` of type {type(value).__name__}"
    return next((found for name, item in inner if (found := _unsafe(item, name))), None)
