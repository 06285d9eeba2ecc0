"""Training from Python: a plan, a function that builds the model, and data."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import attrs

from curriculum.config import DataKind, Kinds, ModelKind, load_plan, load_plan_text, option
from curriculum.errors import UsageError
from curriculum.events import Observer
from curriculum.run.folder import RunFolder
from curriculum.run.runner import Request, run
from curriculum.tasks import Assembly, DataSource

MINE = "mine"
_NO_SOURCE = (
    "the source of `build` cannot be found: a change of it will not be noticed, "
    "and phases that it trained are reused"
)


@attrs.frozen(kw_only=True)
class _Mine:
    source: str = option(default="", help="Digest of the code that builds it; filled in.")


def train(
    plan: str | Path,
    *,
    build: Callable[[], Assembly],
    data: DataSource,
    runs_dir: Path = Path("runs"),
    overrides: Sequence[str] = (),
    observers: Sequence[Observer] = (),
    device: str = "cpu",
    threads: int | None = None,
) -> list[dict[str, Any]]:
    """Train a plan whose model and data are objects of the caller.

    Args:
        plan: a plan's file, or its text; `model: {kind: mine}` and `data: {kind: mine}` in it.
        build: makes the model and its tasks. Called after torch was seeded, so that weights are a
            function of the plan's seed. A change of its source file makes another key; one of
            values that it closes over does not.
        data: the data source.
        runs_dir: folder of all runs; the run goes on where an earlier one stopped.
        overrides: changes to the plan, as `path.to.key=value`.
        observers: get every event of the run.
        device: where to compute.
        threads: CPU threads.

    Returns:
        What `run --json` says of each phase: `name`, `steps`, `metrics`, `trivial`, `skill`, ….

    Raises:
        CurriculumError: one of its kinds.
    """
    source = _digest(build)

    def build_aloud(_settings: object, _data: object) -> Assembly:
        made = build()
        return made if source else attrs.evolve(made, notices=(*made.notices, _NO_SOURCE))

    kinds = Kinds(
        models={MINE: ModelKind(config=_Mine, build=build_aloud, tasks=None)},
        data={MINE: DataKind(config=_Mine, load=lambda _settings, _seed: data, summarize="")},
    )
    if isinstance(plan, Path) or "\n" not in plan:
        loaded = load_plan(plan, kinds, overrides)
    else:
        loaded = load_plan_text(plan, "plan", kinds, overrides)
    for where, choice in (("model", loaded.plan.model), ("data", loaded.plan.data)):
        if choice.kind != MINE:
            raise UsageError(
                f"a plan that is trained from Python must say `{where}: {{kind: {MINE}}}`",
                found=f"`kind: {choice.kind}`",
                where=loaded.name,
            )
    model = attrs.evolve(loaded.plan.model, settings=_Mine(source=source))
    loaded = attrs.evolve(loaded, plan=attrs.evolve(loaded.plan, model=model))
    folder = RunFolder(runs_dir / loaded.plan.experiment)
    request = Request(loaded=loaded, kinds=kinds, folder=folder, device=device, threads=threads)
    return run(request, observers)


def _digest(build: Callable[[], Assembly]) -> str:
    try:
        source = inspect.getsourcefile(build)
    except TypeError:  # a callable without source, such as a partial
        source = None
    if source is None or not Path(source).is_file():
        return ""
    return hashlib.sha256(Path(source).read_bytes()).hexdigest()
