"""The commands that need no torch: init, check, plan, status, verify, schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from curriculum import console
from curriculum.cli import client as common
from curriculum.cli.client import (
    AsJson,
    Client,
    Device,
    Experiment,
    Overrides,
    PlanFile,
    Quiet,
    Run,
    RunsDir,
    Threads,
    Trust,
)
from curriculum.config import json_schema, options_page
from curriculum.errors import CurriculumError, PlanError, Problem, UsageError
from curriculum.plan import as_json, resolve
from curriculum.run import actions as acting
from curriculum.run.folder import RunFolder
from curriculum.run.status import status as status_of

Command = Callable[..., int]


def init(client: Client) -> Command:
    """Write the plans that come with this version."""

    def init(
        folder: Annotated[Path, Parameter(help="Where to write them.")] = Path("phases"),
        /,
        *,
        force: Annotated[bool, Parameter(negative="", help="Overwrite what is there.")] = False,
    ) -> int:
        """Write the shipped plans into a folder, to run and to change.

        Files that are there already are kept, unless `--force` is given.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            for source in sorted(client.plans.glob("*.yaml")):
                target = folder / source.name
                kept = target.exists() and not force
                if not kept:
                    target.write_bytes(source.read_bytes())
                console.say(f"{'kept' if kept else 'wrote'} {target}")
        except OSError as error:
            raise UsageError(
                "the folder must be one that can be written",
                found=error.strerror,
                where=str(error.filename or folder),
            ) from error
        return 0

    return init


def check(client: Client) -> Command:
    """Check a plan."""

    def check(
        plan: PlanFile,
        /,
        *,
        set_: Overrides = None,
        trust_plan: Trust = False,
        json: AsJson = False,
    ) -> int:
        """Check a plan and list everything that is wrong with it.

        Loads neither data nor torch, so it takes a blink. A plan that names code of its own is
        checked up to that code; `--trust-plan` imports it and checks the names of its tasks and
        metrics too.
        """
        try:
            loaded = common.load(client, plan, set_, trust=trust_plan)
            if trust_plan:
                _check_with_code(client, loaded)
        except CurriculumError as error:
            if json:
                errors = [problem.as_json() for problem in _problems(error, plan)]
                common.print_json({"ok": False, "errors": errors})
                return error.exit_code
            raise
        warnings = [problem.as_json() for problem in loaded.warnings]
        if json:
            common.print_json({"ok": True, "errors": [], "warnings": warnings})
            return 0
        console.warn_problems(loaded.warnings)
        console.say(f"{plan}: a plan of {len(loaded.plan.phases)} phases, nothing wrong found")
        return 0

    return check


def _problems(error: CurriculumError, plan: Path) -> Sequence[Problem]:
    """What is wrong, as problems; what the plan's own code found has no line."""
    if isinstance(error, PlanError):
        return error.problems
    found = "" if error.found is None else f", found: {error.found}"
    return [
        Problem(
            source=str(plan),
            path=error.where or "",
            message=f"{error.must}{found}",
            hint=error.hint,
        )
    ]


def _check_with_code(client: Client, loaded: Any) -> None:
    from curriculum.run.assemble import build_seeded, load_data

    source = load_data(loaded.plan.data, client.kinds, loaded.plan.seed)
    build_seeded(loaded, client.kinds, source)


def plan(client: Client) -> Command:
    """Show what a run would do."""

    def plan(
        plan: PlanFile,
        /,
        *,
        set_: Overrides = None,
        experiment: Experiment = None,
        runs_dir: RunsDir = common.RUNS,
        from_: Annotated[str | None, Parameter(name="--from", help="Run again from here.")] = None,
        fresh: Annotated[bool, Parameter(negative="", help="Run everything again.")] = False,
        probe: Annotated[
            bool, Parameter(negative="", help="Measure what it costs: size, memory, time.")
        ] = False,
        data: Annotated[
            bool, Parameter(negative="", help="Load the data; show what there is to learn.")
        ] = False,
        device: Device = "cpu",
        threads: Threads = None,
        trust_plan: Trust = False,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Show, phase by phase, what `run` would do and why, before anything runs.

        With `--data` the data are loaded, to show of each target how many labels there are, its
        unit's zero and scale, how many samples each class has, and how likely a batch holds none.

        With `--probe` model and data are built and a few steps of each phase are taken, to measure
        the number of parameters, memory and time of a step, the time of the whole plan and the size
        of a checkpoint. Nothing is written. `--device`, `--threads` and `--quiet` are for that.
        """
        loaded = common.with_experiment(
            common.load(client, plan, set_, trust=trust_plan), experiment
        )
        what = loaded.plan
        summary = common.summarize(client, what.data, what.seed, trust=trust_plan)
        phases = resolve(what, summary)
        folder = RunFolder(runs_dir / what.experiment)
        acting.require_phase(what, from_)
        changes = acting.settings_changed(folder, what)
        first = phases[0].name if fresh else from_
        actions = acting.decide_actions(phases, folder.store, changes, rerun_from=first)
        notices = [*map(str, loaded.warnings), *summary.notices]
        document: dict[str, Any] = {
            "experiment": what.experiment,
            "folder": str(folder.path),
            "train_samples": summary.train_size,
            "phases": [
                {**as_json(each.phase), "action": each.action, "why": each.why} for each in actions
            ],
            "notices": notices,
        }
        if probe:
            from curriculum.run.probe import probe as measure

            with console.observe(quiet=quiet) as observer:
                found = measure(
                    loaded,
                    client.kinds,
                    phases,
                    observer,
                    device=device,
                    threads=threads,
                    trust=trust_plan,
                )
            costs = found.pop("phases")
            for phase, cost in zip(document["phases"], costs, strict=True):
                phase.update(cost)
            document.update(found)
        if data:
            from curriculum.run.targets import describe_data

            with console.observe(quiet=quiet) as observer:
                document["data"] = describe_data(
                    loaded, client.kinds, phases, observer, trust=trust_plan
                )
            known = set(notices)
            notices += [each for each in document["data"]["notices"] if each not in known]
        if json:
            common.print_json(document)
        else:
            console.warn_lines(notices)
            console.show_plan(document)
            if data:
                console.show_targets(document["data"])
            if probe:
                console.show_costs(document)
        acting.refuse_a_changed_phase(actions, folder.store, changes, str(folder.path))
        return 0

    return plan


def status(client: Client) -> Command:
    """Show how a run stands."""
    del client

    def status(run: Run, /, *, runs_dir: RunsDir = common.RUNS, json: AsJson = False) -> int:
        """Show how a run stands: its phase and step, and what each phase has reached."""
        document = status_of(common.find_run(run, runs_dir))
        if json:
            common.print_json(document)
        else:
            console.show_status(document)
        return 0

    return status


def verify(client: Client) -> Command:
    """Check what a run has on disk."""
    del client

    def verify(run: Run, /, *, runs_dir: RunsDir = common.RUNS, json: AsJson = False) -> int:
        """Check every checkpoint and the journal of a run against their checksums.

        Exit code 3 where something is damaged. Nothing is changed.
        """
        from curriculum.run.verify import verify_run

        document = verify_run(common.find_run(run, runs_dir))
        if json:
            common.print_json(document)
        else:
            console.show_verify(document)
        return 0 if document["ok"] else 3

    return verify


def schema(client: Client) -> Command:
    """Print the schema of plans."""

    def schema(
        *,
        markdown: Annotated[
            bool, Parameter(negative="", help="A page that lists every option instead.")
        ] = False,
    ) -> int:
        """Print the JSON Schema of plans, for completion and checks in an editor.

        Save it, and begin a plan with the line `# yaml-language-server: $schema=<the file>`.
        """
        if markdown:
            console.say(options_page(client.kinds).rstrip())
        else:
            common.print_json(json_schema(client.kinds))
        return 0

    return schema
