"""The command that writes a model for other programs. Torch is imported when it is called."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from curriculum import console
from curriculum.cli import client as common
from curriculum.cli.client import AsJson, Client, Command, Quiet, Run, RunsDir, Threads, Trust
from curriculum.export import formats


def export(client: Client) -> Command:
    """Write a trained model for other programs."""

    def export(
        run: Run,
        dest: Annotated[Path, Parameter(help="A folder; made where there is none.")],
        /,
        *,
        format: Annotated[
            list[str] | None,
            Parameter(
                negative="",
                help="`safetensors` (the default), `torch-export` or `onnx`. May be given several "
                "times.",
            ),
        ] = None,
        runs_dir: RunsDir = common.RUNS,
        threads: Threads = None,
        trust_plan: Trust = False,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Write the newest checkpoint of a run for other programs, with a model card.

        `safetensors` holds the tensors of any model, with the plan and the tasks in its metadata.
        `torch-export` and `onnx` hold programs, from plain tensors to predictions in physical
        units, for any number of samples. Each file is loaded back, and what it says of held-out
        samples is compared with what the model says, before any of them appears in DEST.
        """
        chosen = formats.chosen(format or [formats.SAFETENSORS], client.name)
        folder, loaded = common.load_run(client, run, runs_dir, trust=trust_plan)
        with console.observe(quiet=quiet) as observer:
            from curriculum.export.exporting import export as write

            document = write(
                folder,
                loaded,
                client.kinds,
                observer,
                dest,
                chosen,
                threads=threads,
                trust=trust_plan,
            )
        if json:
            common.print_json(document)
            return 0
        for each in document["files"]:
            console.say(f"wrote {dest / each['file']}: {each['bytes']:,} bytes, as the model says")
        console.say(f"wrote {dest / document['card']}")
        return 0

    return export
