"""`predict RUN DATA`: classes, waves and thresholds of recordings, by recording or by ear."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from abr_model.cli_predict.csv_text import write_csv
from curriculum import console
from curriculum.cli import (
    RUNS,
    AsJson,
    Client,
    Command,
    Device,
    Quiet,
    Run,
    RunsDir,
    Threads,
    load_run,
    print_json,
)
from curriculum.errors import UsageError


def predict(client: Client) -> Command:
    """Say what a trained model makes of recordings."""

    def predict(
        run: Run,
        data: Annotated[
            Path | None, Parameter(help="Recordings: a data set, or files of a known format.")
        ] = None,
        /,
        *,
        split: Annotated[
            str | None, Parameter(help="A split of the run's own data, instead of DATA.")
        ] = None,
        ears: Annotated[
            bool, Parameter(negative="", help="One row for each ear, from all its recordings.")
        ] = False,
        out: Annotated[
            Path | None, Parameter(help="Write the table there, as CSV, instead of to stdout.")
        ] = None,
        denoised: Annotated[
            Path | None, Parameter(help="Write the recordings without noise there, as `.npz`.")
        ] = None,
        runs_dir: RunsDir = RUNS,
        device: Device = "cpu",
        threads: Threads = None,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Predict with the newest checkpoint of a run: a table with a row for each recording.

        It has the columns of the tasks that were on: the probability of each class and the most
        likely one; of waves I, III and V the probability that it is there, its latency and its
        amplitude; the threshold. Numbers come with the ends of their 95 % interval. The data that
        the run was trained on is not needed, unless a split of it is asked for.

        For research. Not a medical device.
        """
        if (data is None) == (split is None):
            raise UsageError(
                "what to predict must be said: DATA, or a split of the run's own data",
                found="both" if data is not None else "neither",
                hint="`predict RUN FOLDER`, or `predict RUN --split test`",
            )
        folder, loaded = load_run(client, run, runs_dir)
        with console.observe(quiet=quiet) as observer:
            from abr_model.cli_predict.model import open_model
            from abr_model.cli_predict.predicting import predict_all
            from abr_model.cli_predict.recordings import open_path, open_split

            model = open_model(folder, loaded, device, threads, with_signal=denoised is not None)
            if data is not None:
                found = open_path(data, model, observer)
            else:
                found = open_split(split or "", model, client.kinds, observer)
            rows = predict_all(model, found, observer, ears=ears, denoised=denoised)
        of = "ears" if ears else "recordings"
        if out is not None:
            from curriculum.run.files import written_whole

            with written_whole(out) as place, place.open("w", newline="") as file:
                write_csv(rows, file)
        document: dict[str, Any] = {
            "experiment": loaded.plan.experiment,
            "phase": model.phase,
            "step": model.step,
            "data": found.name,
            of: rows,
        }
        if json:
            print_json(document)
        elif out is not None:
            console.say(f"wrote {out}: {len(rows)} {of}")
        else:
            write_csv(rows, sys.stdout)
        return 0

    return predict
