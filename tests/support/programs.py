"""The tiny model with parts that can be exported as programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import torch
from torch import Tensor, nn

from curriculum.tasks import Assembly, Batch, Exportable, Exports, Task
from support import tiny


class Sizes(nn.Module):
    """x (B, 8) to twice the predicted size (B)."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        features: Mapping[str, Tensor] = self.model.features({"x": x}, frozenset({"encoded"}))
        size = self.model.heads["size"](features)[:, 0]
        return 2 * size, features["encoded"]


class Branching(nn.Module):
    """What no tracer can follow."""

    def forward(self, x: Tensor) -> tuple[Tensor]:
        return (x if x.sum() > 0 else -x,)


def inputs_of(batch: Batch) -> tuple[Tensor, ...]:
    return (batch["x"],)


def build(data: Any, *, branching: bool = False) -> Assembly:
    """The factory that plans name."""
    assembly = tiny.build(data)

    def parts(tasks: Sequence[Task]) -> list[Exportable]:
        module = Branching() if branching else Sizes(assembly.model)
        outputs = {"double_size": "(B)", "encoded": "(B, 16)"}
        return [
            Exportable(
                name="sizes",
                module=module,
                inputs={"x": "(B, 8), in metres"},
                outputs=outputs,
                inputs_of=inputs_of,
            )
            for task in tasks
            if task.name == "size"
        ]

    exports = Exports(
        description="A tiny model.", parts=parts, about=lambda: {"unit": "m", "powers": [1, 2]}
    )
    return attrs.evolve(assembly, exports=exports)


def tied(data: Any) -> Assembly:
    """A model two of whose tensors share memory."""
    assembly = tiny.build(data)
    heads: Any = assembly.model.heads
    heads["size"].inner.weight = nn.Parameter(torch.zeros(1, 16))
    assembly.model.again = heads["size"].inner
    return assembly
