"""The commands that train and judge: run, evaluate. Torch is imported when they are called."""

from __future__ import annotations

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
from curriculum.cli.commands import Command
from curriculum.config.schema import Choice
from curriculum.errors import Interrupted, UsageError
from curriculum.run.folder import RunFolder


def run(client: Client) -> Command:
    """Train a plan."""

    def run(
        plan: PlanFile,
        /,
        *,
        set_: Overrides = None,
        experiment: Experiment = None,
        runs_dir: RunsDir = common.RUNS,
        from_: Annotated[
            str | None, Parameter(name="--from", help="Run this phase and those after it again.")
        ] = None,
        until: Annotated[str | None, Parameter(help="Stop after this phase.")] = None,
        fresh: Annotated[bool, Parameter(negative="", help="Run everything again.")] = False,
        fast_dev_run: Annotated[
            bool, Parameter(negative="", help="A few steps of every phase; keeps nothing.")
        ] = False,
        device: Device = "cpu",
        threads: Threads = None,
        trust_plan: Trust = False,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Train the phases of a plan, one after another.

        Goes on by itself where an earlier run of the experiment stopped, to the same bytes as if it
        never had. Finished phases are reused while nothing that they depend on has changed. Ctrl-C
        ends the step, saves a checkpoint and exits; a second one exits at once.
        """
        loaded = common.with_experiment(
            common.load(client, plan, set_, trust=trust_plan), experiment
        )
        folder = RunFolder(runs_dir / loaded.plan.experiment)
        status, phases = "done", list[dict[str, Any]]()
        error: Exception | None = None
        with console.observe(quiet=quiet) as observer:
            try:
                from curriculum.run.runner import Request
                from curriculum.run.runner import run as train

                request = Request(
                    loaded=loaded,
                    kinds=client.kinds,
                    folder=folder,
                    device=device,
                    threads=threads,
                    rerun_from=from_,
                    until=until,
                    fresh=fresh,
                    dev=fast_dev_run,
                    trust=trust_plan,
                )
                phases = train(request, [observer])
            except Exception as raised:  # of the plan's own code too: `--json` says it like any
                error = raised
                status = "stopped" if isinstance(raised, Interrupted) else "failed"
        document: dict[str, Any] = {
            "experiment": loaded.plan.experiment,
            "status": status,
            "phases": phases,
        }
        if json:
            failure = (
                None if error is None else {"kind": type(error).__name__, "message": str(error)}
            )
            common.print_json({**document, "error": failure})
        if error is not None:
            raise error
        if not json:
            console.show_results(document)
        return 0

    return run


def evaluate(client: Client) -> Command:
    """Judge a trained model."""

    def evaluate(
        run: Run,
        /,
        *,
        data: Annotated[
            Path | None, Parameter(help="Other data than the run's: a folder of recordings.")
        ] = None,
        split: Annotated[
            str | None, Parameter(help="Which split; by default the one that the data holds out.")
        ] = None,
        resamples: Annotated[
            int, Parameter(help="Bootstrap resamples for 95 % intervals; 0 for none.")
        ] = 500,
        runs_dir: RunsDir = common.RUNS,
        device: Device = "cpu",
        threads: Threads = None,
        trust_plan: Trust = False,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Judge the newest checkpoint of a run on held-out data, beside the trivial predictors.

        Every task that was on is judged, as far as the data has what it takes: recordings without
        labels are judged by how well denoised ones agree with others of the same ear and level.
        Intervals are found by drawing whole subjects, where there are at least ten.
        """
        if resamples < 0:
            raise UsageError("`--resamples` must be a number >= 0", found=resamples)
        folder, loaded = common.load_run(client, run, runs_dir, trust=trust_plan)
        choice = None if data is None else _data_at(client, data, loaded.plan.data)
        with console.observe(quiet=quiet) as observer:
            from curriculum.run.judge import judge

            document = judge(
                folder,
                loaded,
                client.kinds,
                observer,
                data=choice,
                split=split,
                device=device,
                threads=threads,
                trust=trust_plan,
                resamples=resamples,
            )
        if json:
            common.print_json(document)
        else:
            console.show_evaluation(document)
        return 0

    return evaluate


def _data_at(client: Client, path: Path, trained_on: Choice) -> Choice:
    if client.kinds.data_at is None:
        raise UsageError(
            "this program must know a kind of data that a path can mean", found=str(path)
        )
    if not path.exists():
        raise UsageError("DATA must be a file or folder of recordings", found=f"no {str(path)!r}")
    return client.kinds.data_at(path, trained_on)
