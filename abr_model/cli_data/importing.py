"""`data import`: recordings of any known format as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from abr_model.cli_data.common import Force, WindowMs, progress_of, said
from curriculum import console
from curriculum.cli import AsJson, Client, Command, Quiet, print_json
from curriculum.errors import UsageError

_UNITS = ("V", "mV", "uV", "nV")


def import_(client: Client) -> Command:
    """Read recordings and write them as a data set."""
    del client

    def import_(
        *paths: Annotated[
            Path,
            Parameter(
                name="SOURCE",
                help="Files or folders to read, and last where to write: a folder, or a file that "
                "ends in `.npz`.",
            ),
        ],
        format: Annotated[
            str | None, Parameter(help="Their format, where it is not to be told by content.")
        ] = None,
        unit: Annotated[
            str | None, Parameter(help=f"Unit of the samples: {', '.join(_UNITS)}.")
        ] = None,
        level_db: Annotated[
            float | None, Parameter(help="Level of all recordings, where files do not say it.")
        ] = None,
        onset_ms: Annotated[
            float | None, Parameter(help="From the first sample to the stimulus onset, in ms.")
        ] = None,
        subject: Annotated[
            str | None,
            Parameter(help="Subject of all files, or a pattern with one group for their paths."),
        ] = None,
        mapping: Annotated[
            Path | None, Parameter(help="A YAML file that describes a table of your own.")
        ] = None,
        channel: Annotated[str | None, Parameter(help="Channel of an EEG file.")] = None,
        event: Annotated[str | None, Parameter(help="Event of an EEG file: the stimulus.")] = None,
        window_ms: WindowMs = 15.0,
        force: Force = False,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Read recordings of any known format and write them as a data set.

        `data import SOURCE… DEST`. Formats are told by content: SmartEP text, TDT CSV, BioSigRZ
        text, EPL text, joblib sets, EDF, BDF and FIF; a table of your own with `--mapping`. Every
        recording is brought to 20 kHz from stimulus onset, and what cannot be is left out by name.
        """
        from abr_model.data.description import describe
        from abr_model.data.npz import refuse_to_overwrite_file, write_npz
        from abr_model.data.readers import Options
        from abr_model.data.sources import gather
        from abr_model.data.write import refuse_to_overwrite, write_dataset

        if len(paths) < 2:
            raise UsageError(
                "`data import` needs something to read and a place to write",
                found=f"{len(paths)} paths",
                hint="As `data import exports/ dataset/`",
            )
        if unit is not None and unit not in _UNITS:
            raise UsageError(f"`--unit` must be one of {', '.join(_UNITS)}", found=repr(unit))
        *sources, dest = paths
        as_file = dest.suffix == ".npz"
        (refuse_to_overwrite_file if as_file else refuse_to_overwrite)(dest, force=force)
        options = Options(
            window_ms=window_ms,
            unit=unit,
            level_db=level_db,
            onset_ms=onset_ms,
            subject=subject,
            mapping=mapping,
            channel=channel,
            event=event,
        )
        with console.observe(quiet=quiet) as observer:
            found = gather(sources, options, format, progress_of(observer, "reading"))
            if as_file:
                write_npz(found, dest, force=force)
            else:
                progress = progress_of(observer, "writing")
                write_dataset(found, dest, force=force, progress=progress)
        document = describe(found)
        if json:
            print_json({"path": str(dest), **document})
            return 0
        console.warn_lines(found.notices)
        made = found.recordings
        console.say(said(dest, len(made), len(found.subject_names), made.points / 20))
        return 0

    return import_
