"""A plan's file to a plan: read, parse, override, structure, check; all problems at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs

from curriculum.config.cautions import (
    find_cautions,
    find_idle_class_losses,
    find_unused_tasks,
)
from curriculum.config.checks import check_plan, sound
from curriculum.config.kinds import Kinds, TaskSpec
from curriculum.config.nodes import Block, Mark, Node, Source, found, printable
from curriculum.config.overrides import apply_overrides
from curriculum.config.parse import parse
from curriculum.config.problems import Problems
from curriculum.config.schema import Plan
from curriculum.config.source import decode, read_source
from curriculum.config.structure import Structurer
from curriculum.config.task_checks import check_task_names
from curriculum.errors import PlanError, Problem


@attrs.frozen(kw_only=True)
class LoadedPlan:
    """A plan that keeps every rule, with what was written for it.

    `warnings` are what has no effect; `text` is the file's own text, before `overrides`.
    """

    plan: Plan
    warnings: tuple[Problem, ...]
    text: str
    name: str
    overrides: tuple[str, ...]
    root: Node = attrs.field(repr=False, eq=False)


def load_plan(path: Path | str, kinds: Kinds, overrides: Sequence[str] = ()) -> LoadedPlan:
    """The plan in a file, with `path.to.key=value` changes applied.

    Paths in the plan start at its file's folder; paths in `overrides` start at the current folder.
    A plan that names code (`kind: python`) is loaded without importing any of it.

    Raises:
        PlanError: anything is wrong with it; with every problem, and where each stands.
    """
    text, source = read_source(Path(path))
    return _load(text, source, kinds, overrides)


def load_plan_text(
    text: str,
    name: str,
    kinds: Kinds,
    overrides: Sequence[str] = (),
    *,
    folder: Path | None = None,
) -> LoadedPlan:
    """The plan in a text; `name` stands for it in messages.

    Paths start at `folder` (default: the current one).

    Raises:
        PlanError: anything is wrong with it; with every problem, and where each stands.
    """
    source = Source(printable(name), (folder or Path()).absolute())
    decoded = decode(text.encode("utf-8", errors="surrogatepass"), source)
    return _load(decoded, source, kinds, overrides)


def check_tasks(loaded: LoadedPlan, specs: Sequence[TaskSpec]) -> list[Problem]:
    """What a plan says of tasks and metrics that a model does not have, or that are off.

    `load_plan` has done this where the model's kind lists its tasks; a model made by the user's own
    code is asked for them when it is built.
    """
    problems = Problems()
    check_task_names(loaded.plan, loaded.root, specs, problems)
    return problems.listed()


def unused_tasks(loaded: LoadedPlan, specs: Sequence[TaskSpec]) -> list[Problem]:
    """Warnings for the tasks of a model that no phase of a plan turns on; see `check_tasks`."""
    problems = Problems()
    find_unused_tasks(loaded.plan, loaded.root, specs, problems)
    return problems.listed()


def idle_class_losses(loaded: LoadedPlan, specs: Sequence[TaskSpec]) -> list[Problem]:
    """Warnings for class losses of a plan that no task is trained with; see `check_tasks`."""
    problems = Problems()
    find_idle_class_losses(loaded.plan, loaded.root, specs, problems)
    return problems.listed()


def known_tasks(plan: Plan, kinds: Kinds) -> Sequence[TaskSpec] | None:
    """The tasks of a plan's model, or None where that takes the user's code."""
    kind = kinds.models.get(plan.model.kind)
    return kind.tasks(plan.model.settings) if kind is not None and kind.tasks is not None else None


def _load(text: str, source: Source, kinds: Kinds, overrides: Sequence[str]) -> LoadedPlan:
    problems = Problems()
    root = parse(text, source, problems)
    if root is None:
        problems.add(Mark(source), (), "must be a plan, found an empty file")
        raise PlanError(problems.listed())
    root = apply_overrides(root, overrides, problems)
    if not isinstance(root, Block):
        message = f"must be a mapping of settings, found {found(root)}"
        problems.add(root.mark, (), message)
        raise PlanError(problems.listed())
    plan: Plan = Structurer(kinds, problems).settings(Plan, root)
    check_plan(plan, root, problems)
    specs = known_tasks(plan, kinds) if sound(plan.model) else None
    if specs is not None:
        check_task_names(plan, root, specs, problems)
    if problems.count:
        raise PlanError(problems.listed())
    warnings = Problems()
    find_cautions(plan, root, warnings)
    if specs is not None:
        find_unused_tasks(plan, root, specs, warnings)
        find_idle_class_losses(plan, root, specs, warnings)
    return LoadedPlan(
        plan=plan,
        warnings=tuple(warnings.listed()),
        text=text,
        name=source.name,
        overrides=tuple(overrides),
        root=root,
    )
