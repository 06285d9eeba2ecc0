"""What the command line knows of models and data before any of them is loaded.

A client (such as `abr_model`) describes its kinds of models and data here, without torch: the class
of their settings, the tasks and metrics that a plan may name, and where the code lies that builds
them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs

from curriculum.config.schema import Choice


@attrs.frozen
class MetricSpec:
    """A number that an evaluation reports: `group/metric`, with the unit in the name if any."""

    name: str
    better: Literal["higher", "lower"]


@attrs.frozen(kw_only=True)
class TaskSpec:
    """What a plan may say of a task: its name, its group and the metrics that it reports.

    A task has one head and one loss component. Related tasks share a `group` (waves' existence,
    latency and amplitude are `peaks`), whose skill is the mean of theirs; alone, a task is its own
    group. Besides `metrics`, a plan may name `<task>/skill` and `<group>/skill`. `classes`: whether
    it tells classes apart, so that `class_loss` is its loss and `sampler` may go by it.
    """

    name: str
    group: str = attrs.field()
    metrics: tuple[MetricSpec, ...] = ()
    classes: bool = False

    @group.default  # pyright: ignore[reportAttributeAccessIssue, reportUntypedFunctionDecorator]
    def _own_group(self) -> str:
        return self.name


@attrs.frozen(kw_only=True)
class DataSummary:
    """What a plan needs to know of data without loading it: what it is, and how much.

    `fingerprint` changes when the data does; `train_size` is the number of training samples, from
    which epochs follow; `notices` say what was left out or replaced, and why.
    """

    fingerprint: str
    train_size: int
    notices: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class ModelKind:
    """A kind of model that a plan can name.

    `config` is the attrs class of its settings. `tasks` lists a configured model's tasks without
    loading torch; None where that takes the user's code. `build` is `module:function` (or a
    function), called as `build(settings, data)` and returning `curriculum.tasks.Assembly`.
    """

    config: type
    build: str | Callable[[Any, Any], Any]
    tasks: Callable[[Any], Sequence[TaskSpec]] | None


@attrs.frozen(kw_only=True)
class DataKind:
    """A kind of data that a plan can name.

    `load` is `module:function` (or a function), called as `load(settings, seed)` and returning a
    `curriculum.tasks.DataSource`. `summarize` is `module:function` of code without torch, called as
    `summarize(settings, seed)` and returning a `DataSummary`.
    """

    config: type
    load: str | Callable[[Any, int], Any]
    summarize: str


@attrs.frozen(kw_only=True)
class Kinds:
    """Everything a plan's `model.kind` and `data.kind` may name, besides `python`.

    `data_at(path, trained_on)` gives the data block that a bare path on the command line means
    (`evaluate RUN --data PATH`), for a model that was trained on the plan's own block.
    """

    models: Mapping[str, ModelKind] = attrs.field(factory=dict[str, ModelKind])
    data: Mapping[str, DataKind] = attrs.field(factory=dict[str, DataKind])
    data_at: Callable[[Path, Choice], Choice] | None = None
