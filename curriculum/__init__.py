"""Curriculum training of multi-task models: one task at a time, and no lies about how it went.

    data = TensorData(train={"x": x, "y": y, "z": z}, validation=…)
    model = SharedTrunk("x", trunk, {"y": nn.Linear(64, 1), "z": nn.Linear(64, 3)})
    assembly = Assembly(model=model, tasks=(Regression("y"), Classification("z")))
    phases = curriculum.train("plan.yaml", build=lambda: assembly, data=data)
    phases[-1]["skill"]                                     # {"y": 0.91, "z": 0.84}

A model that is more than a trunk and heads implements the Protocols of `curriculum.tasks`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curriculum.api import train
    from curriculum.errors import CurriculumError
    from curriculum.supervised import (
        Classification,
        Regression,
        SharedTrunk,
        TensorData,
        TensorSplit,
    )
    from curriculum.tasks import Assembly

__version__ = "0.1.0"
__all__ = [
    "Assembly",
    "Classification",
    "CurriculumError",
    "Regression",
    "SharedTrunk",
    "TensorData",
    "TensorSplit",
    "train",
]

_HOMES = {
    "Assembly": "tasks",
    "Classification": "supervised",
    "CurriculumError": "errors",
    "Regression": "supervised",
    "SharedTrunk": "supervised",
    "TensorData": "supervised",
    "TensorSplit": "supervised",
    "train": "api",
}


def __getattr__(name: str) -> Any:
    # Imported when first used: the command line answers `--help` and `check` without torch.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
