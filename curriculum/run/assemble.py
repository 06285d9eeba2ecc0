"""From a plan's kinds to a model, tasks and data: the one place that imports code by name."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any, cast

import attrs
import numpy as np
import torch
from torch import nn

from curriculum.config import (
    Kinds,
    LoadedPlan,
    MetricSpec,
    TaskSpec,
    check_tasks,
    idle_class_losses,
    known_tasks,
)
from curriculum.config.schema import Choice, PythonFactory
from curriculum.errors import CurriculumError, DataError, PlanError, UsageError
from curriculum.exits import Directions
from curriculum.sampling import Place
from curriculum.tasks import (
    Assembly,
    ClassTask,
    DataSource,
    Measuring,
    SharedModel,
    Split,
    Task,
)

_CHUNK = 4096


def load_data(choice: Choice, kinds: Kinds, seed: int, *, trained_on: bool = True) -> DataSource:
    """The data that a plan names; what is only judged on needs no split but the held-out one.

    Raises:
        DataError: it cannot be read, or lacks a split.
        UsageError: the factory that the plan names cannot be imported.
    """
    if isinstance(choice.settings, PythonFactory):
        source = named(choice.settings.factory)(**choice.settings.args)
    else:
        source = named(kinds.data[choice.kind].load)(choice.settings, seed)
    needed = ("train", "validation") if trained_on else ()
    for split in (*needed, source.held_out):
        if split not in source.splits or len(source.splits[split]) == 0:
            raise DataError(
                f"the data must have samples in its `{split}` split",
                found=f"splits {', '.join(source.splits) or 'none'}",
                where="data",
            )
    return source


def build(choice: Choice, kinds: Kinds, data: DataSource) -> Assembly:
    """The model and tasks that a plan names, built for this data; torch must be seeded before.

    Raises:
        CurriculumError: heads and tasks do not fit.
        UsageError: the factory that the plan names cannot be imported.
    """
    if isinstance(choice.settings, PythonFactory):
        assembly = named(choice.settings.factory)(data=data, **choice.settings.args)
    else:
        assembly = named(kinds.models[choice.kind].build)(choice.settings, data)
    _check(assembly)
    return _measured(assembly, data.splits["train"])


def build_seeded(loaded: LoadedPlan, kinds: Kinds, data: DataSource) -> Assembly:
    """The plan's model, its initial weights a function of the seed; the plan's names are checked.

    Raises:
        PlanError: the plan names tasks or metrics that the model has not.
    """
    torch.manual_seed(int(Place(loaded.plan.seed, -1).key("model")[0]) >> 1)
    assembly = build(loaded.plan.model, kinds, data)
    specs = task_specs(assembly)
    problems = check_tasks(loaded, specs)
    if problems:
        raise PlanError(problems)
    if known_tasks(loaded.plan, kinds) is None:  # else the loader has said so
        idle = tuple(str(problem) for problem in idle_class_losses(loaded, specs))
        assembly = attrs.evolve(assembly, notices=(*assembly.notices, *idle))
    return assembly


def require_trust(loaded: LoadedPlan, *, trust: bool) -> None:
    """Refuse to import code that the plan names, unless told to.

    Raises:
        UsageError: it names some, and nobody said that it may.
    """
    for where, choice in (("model", loaded.plan.model), ("data", loaded.plan.data)):
        if isinstance(choice.settings, PythonFactory) and not trust:
            raise UsageError(
                "code that a plan names is imported only with `--trust-plan`",
                found=repr(choice.settings.factory),
                where=f"{where}.factory",
                hint="Read that code, then add the option",
            )


def check_labels(assembly: Assembly, tasks: Iterable[str], data: DataSource) -> None:
    """Check that every label in the training split is one that its task's head can learn.

    Raises:
        DataError: one cannot; names the task and the label.
    """
    wanted, split = set(tasks), data.splits["train"]
    for start in range(0, len(split), _CHUNK):
        batch = split.batch(np.arange(start, min(start + _CHUNK, len(split))))
        for task in assembly.tasks:
            if task.name in wanted and (found := task.objection(batch)) is not None:
                raise DataError(
                    f"every label must be one that the head of `{task.name}` can learn",
                    found=found,
                    where="the train split",
                    hint="Correct the label, widen the head's range, or leave the task off",
                )


def task_specs(assembly: Assembly) -> tuple[TaskSpec, ...]:
    """What a plan may say of these tasks."""
    return tuple(
        TaskSpec(
            name=task.name,
            group=task.group,
            metrics=tuple(MetricSpec(name, better) for name, better in task.score.better.items()),
            classes=isinstance(task, ClassTask),
        )
        for task in assembly.tasks
    )


def directions(assembly: Assembly) -> Directions:
    """Which way each metric is better."""
    return {name: way for task in assembly.tasks for name, way in task.score.better.items()}


def named(place: str | Callable[..., Any]) -> Callable[..., Any]:
    """The function at `package.module:function`; a function is itself.

    Raises:
        UsageError: there is none.
    """
    if callable(place):
        return place
    module, _, function = place.partition(":")
    try:
        found = getattr(importlib.import_module(module), function, None)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module}.".startswith(f"{error.name}."):
            raise  # the module is there, and itself lacks something
        found = None
    if not callable(found):
        raise UsageError(
            "a factory must be a function that can be imported, as `package.module:function`",
            found=repr(place),
            hint="Run in the folder that holds it, or set PYTHONPATH",
        )
    return found


def _measured(assembly: Assembly, train: Split) -> Assembly:
    """Give tasks that ask for them their constants of the training split, and the heads too."""
    if not any(isinstance(task, Measuring) for task in assembly.tasks):
        return assembly
    whole = train.batch(np.arange(len(train)))
    heads = cast("SharedModel", assembly.model).heads
    tasks: list[Task] = []
    notices = list(assembly.notices)
    for task in assembly.tasks:
        if not isinstance(task, Measuring):
            tasks.append(task)
            continue
        found = task.measured(whole)
        for name, value in found.constants.items():
            # The tensors themselves: loading a checkpoint gives the task its constants too.
            heads[task.name].register_buffer(name, value)
        tasks.append(found.task)
        notices += found.notices
    return attrs.evolve(assembly, tasks=tuple(tasks), notices=tuple(notices))


def _check(assembly: object) -> None:
    if not isinstance(assembly, Assembly):
        raise CurriculumError(
            "a model's factory must return a `curriculum.Assembly`",
            found=f"a {type(assembly).__name__}",
            where="model.factory",
        )
    names = [task.name for task in assembly.tasks]
    heads = getattr(assembly.model, "heads", None)
    if not isinstance(heads, nn.ModuleDict):
        raise CurriculumError(
            "a model must have its heads in `heads`, a `torch.nn.ModuleDict`",
            found=f"a {type(heads).__name__}",
            where=type(assembly.model).__name__,
        )
    if sorted(heads) != sorted(set(names)) or len(set(names)) != len(names):
        raise CurriculumError(
            "each task must have one head of its name in `model.heads`, and each head a task",
            found=f"tasks {sorted(names)} and heads {sorted(heads)}",
            where=type(assembly.model).__name__,
        )
