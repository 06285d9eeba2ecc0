"""What a client brings to the command line, and what every command does with it."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

import attrs
from cyclopts import Parameter

from curriculum.config import DataSummary, Kinds, LoadedPlan, load_plan, load_plan_text
from curriculum.config.schema import NAME, NAME_HELP, Choice, PythonFactory
from curriculum.errors import UsageError
from curriculum.run.folder import RunFolder

RUNS = Path("runs")

PlanFile = Annotated[Path, Parameter(help="The plan, a YAML file.")]
Run = Annotated[Path, Parameter(help="A run: its folder, or its name below the runs folder.")]
Overrides = Annotated[
    list[str] | None,
    Parameter(
        name="--set",
        negative="",
        help="`path.to.key=value`: change a value of the plan. May be given several times.",
    ),
]
Experiment = Annotated[str | None, Parameter(help="Another name for the run than the plan's.")]
RunsDir = Annotated[Path, Parameter(help="Folder of all runs.")]
Trust = Annotated[
    bool, Parameter(negative="", help="Import the code that the plan names. Read it first.")
]
AsJson = Annotated[
    bool, Parameter(name="--json", negative="", help="Print one JSON document instead of tables.")
]
Quiet = Annotated[
    bool, Parameter(negative="", help="Say nothing but warnings, errors and the result.")
]
Threads = Annotated[
    int | None, Parameter(help="CPU threads; recorded, since results depend on their number.")
]
Device = Annotated[str, Parameter(help="Where to compute: `cpu`, `cuda`, `cuda:1`.")]


Command = Callable[..., int]


@attrs.frozen(kw_only=True)
class CommandGroup:
    """Commands of a client's own, which are typed after one name: `abr-curriculum data import`.

    Each of `commands` makes a command for a client. What it imports when it is made, every start of
    the program waits for: torch and the like belong into the command's body.
    """

    name: str
    help: str
    commands: tuple[Callable[[Client], Command], ...]


@attrs.frozen(kw_only=True)
class Client:
    """A package that brings models and data to the engine, and the command that people type."""

    name: str  # of the console script
    version: str
    summary: str
    kinds: Kinds
    plans: Path  # folder of the plans that it ships
    groups: tuple[CommandGroup, ...] = ()
    commands: tuple[Callable[[Client], Command], ...] = ()  # made as those of a group


def load(
    client: Client, plan: Path, overrides: list[str] | None, *, trust: bool = False
) -> LoadedPlan:
    """A plan from its file, with `--set` applied.

    `trust`: code that the plan names may be imported, from the current folder too.
    """
    if trust:
        sys.path.insert(0, str(Path.cwd()))
    return load_plan(plan, client.kinds, overrides=overrides or [])


def with_experiment(loaded: LoadedPlan, experiment: str | None) -> LoadedPlan:
    """The plan under another name.

    Raises:
        UsageError: it is no name, as a plan's own has to be one.
    """
    if experiment is None:
        return loaded
    if re.fullmatch(NAME, experiment) is None:
        raise UsageError(f"`--experiment` must be {NAME_HELP}", found=repr(experiment))
    return attrs.evolve(loaded, plan=attrs.evolve(loaded.plan, experiment=experiment))


def summarize(client: Client, data: Choice, seed: int, *, trust: bool) -> DataSummary:
    """What data a plan names, and how much, without loading it where its kind allows.

    Raises:
        UsageError: that takes code which the plan names, and nobody said that it may be imported.
    """
    if not isinstance(data.settings, PythonFactory):
        return resolve_name(client.kinds.data[data.kind].summarize)(data.settings, seed)
    if not trust:
        raise UsageError(
            "data that the plan's own code makes can be looked at only with `--trust-plan`",
            found=repr(data.settings.factory),
            where="data.factory",
        )
    from curriculum.run.assemble import load_data

    source = load_data(data, client.kinds, seed)
    return DataSummary(fingerprint=source.fingerprint, train_size=len(source.splits["train"]))


def resolve_name(place: str) -> Any:
    """The object at `module:name`, of a registry (never of a plan)."""
    import importlib

    module, _, name = place.partition(":")
    return getattr(importlib.import_module(module), name)


def find_run(run: Path, runs_dir: Path) -> RunFolder:
    """The folder of a run that was given as a path or as a name.

    Raises:
        UsageError: there is no such run; lists those that there are.
    """
    for candidate in (run, runs_dir / run):
        if (candidate / "resolved.json").is_file() or (candidate / "journal.jsonl").is_file():
            return RunFolder(candidate)
    known = sorted(p.parent.name for p in runs_dir.glob("*/resolved.json"))
    raise UsageError(
        "RUN must be the folder of a run, or the name of one",
        found=repr(str(run)),
        hint=f"`{runs_dir}` holds {', '.join(known)}" if known else f"`{runs_dir}` holds no runs",
    )


def load_run(
    client: Client, run: Run, runs_dir: Path, *, trust: bool = False
) -> tuple[RunFolder, LoadedPlan]:
    """A run's folder, and the plan that it was last run with. `trust` as for `load`.

    Raises:
        UsageError: there is no such run, or it never began.
    """
    import json

    if trust:
        sys.path.insert(0, str(Path.cwd()))
    folder = find_run(run, runs_dir)
    resolved = folder.read_json(folder.resolved)
    if resolved is None:
        raise UsageError(
            "the run must have begun", found="no resolved plan", where=str(folder.path)
        )
    text = json.dumps(resolved["plan"])
    return folder, load_plan_text(text, str(folder.resolved), client.kinds)


def print_json(document: Mapping[str, Any]) -> None:
    """The one document on stdout."""
    import json

    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    sys.stdout.flush()
