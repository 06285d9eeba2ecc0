"""A small registry of kinds, plain enough to read beside the plans that are tested."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import attrs
import pytest

from curriculum.config import DataKind, Kinds, MetricSpec, ModelKind, TaskSpec, option
from curriculum.errors import CurriculumError


@attrs.frozen(kw_only=True)
class Small:
    """A small network."""

    width: int = option(default=8, at_least=1, at_most=512, help="Channels.")
    dropout: float = option(default=0.1, at_least=0, below=1, help="Share dropped.")
    norm: Literal["layer", "batch"] = option(default="layer", help="The normalisation.")
    activation: str = option(default="relu", choices=("relu", "gelu"), help="The nonlinearity.")
    skips: bool = option(default=True, help="Whether levels are joined.")
    kernels: tuple[int, ...] = option(default=(3,), at_least=1, help="Widths of the kernels.")
    gains: Mapping[str, float] = option(factory=dict, above=0, help="Gain by name.")


@attrs.frozen(kw_only=True)
class Strict:
    """A network whose settings depend on each other."""

    width: int = option(default=8, at_least=1, help="Channels; a multiple of heads.")
    heads: int = option(default=2, at_least=1, help="Attention heads.")

    def __attrs_post_init__(self) -> None:
        if self.width % self.heads:
            raise CurriculumError("`width` must be a multiple of `heads`", hint="try heads: 1")
        if self.width > 1000:
            raise ValueError("`width` must fit into memory")


@attrs.frozen(kw_only=True)
class Synthetic:
    """Made-up samples."""

    subjects: int = option(default=100, at_least=50, help="How many.")
    noise: float | None = option(default=None, above=0, help="Standard deviation of the noise.")


@attrs.frozen(kw_only=True)
class Recordings:
    """Samples in a folder."""

    path: Path = option(help="Folder of recordings.")
    window_ms: float = option(default=15.0, at_least=10, at_most=24, help="Length in ms.")


@attrs.frozen(kw_only=True)
class Mixed:
    """Both."""

    synthetic: Synthetic = option(factory=Synthetic, help="The made-up ones.")
    recordings: Recordings = option(help="The real ones.")


def _metric(name: str, better: Literal["higher", "lower"] = "lower") -> MetricSpec:
    return MetricSpec(name, better)


TASKS = (
    TaskSpec(name="signal", metrics=(_metric("signal/mse"),)),
    TaskSpec(
        name="classification",
        metrics=(_metric("classification/macro_f1", "higher"),),
        classes=True,
    ),
    TaskSpec(
        name="peak_existence", group="peaks", metrics=(_metric("peaks/existence_auc", "higher"),)
    ),
    TaskSpec(name="peak_latency", group="peaks", metrics=(_metric("peaks/latency_mae_ms"),)),
)

KINDS = Kinds(
    models={
        "small": ModelKind(config=Small, build="m:build", tasks=lambda _: TASKS),
        "strict": ModelKind(config=Strict, build="m:build", tasks=None),
    },
    data={
        "synthetic": DataKind(config=Synthetic, load="d:load", summarize="d:sum"),
        "recordings": DataKind(config=Recordings, load="d:load", summarize="d:sum"),
        "mixed": DataKind(config=Mixed, load="d:load", summarize="d:sum"),
    },
)

VALID = """\
experiment: ears
seed: 42
model: {kind: small, width: 16}
data: {kind: synthetic, subjects: 200}
checkpoints: {every: 500 steps}
defaults:
  global_batch: 24
  optimizer: {kind: adamw, learning_rate: 1e-3, weight_decay: 1e-5}
  schedule: {kind: cosine, warmup: 20 steps}
phases:
  - name: signal
    turn_on: {signal: 1.0}
    duration: 1200 steps
  - name: classification
    turn_on: {classification: 0.5}
    ramp: 200 steps
    until:
      any:
        - plateau: {metric: classification/macro_f1, patience: 3}
        - duration: 1500 steps
    retain: {signal: 0.05}
  - name: peaks
    turn_on: {peak_existence: 0.1, peak_latency: 0.05}
    optimizer: {learning_rate: 1e-4}
    until: {all: [{reaches: {metric: peaks/skill, value: 0.5}}, {duration: 2 epochs}]}
    schedule: {kind: plateau, metric: peaks/latency_mae_ms}
"""


@pytest.fixture(scope="session")
def kinds() -> Kinds:
    return KINDS


@pytest.fixture(scope="session")
def tasks() -> tuple[TaskSpec, ...]:
    return TASKS


@pytest.fixture(scope="session")
def valid() -> str:
    return VALID
