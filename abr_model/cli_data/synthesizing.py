"""`data synthesize`: synthetic ears as a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from abr_model.cli_data.common import Force, WindowMs, progress_of, said
from curriculum import console
from curriculum.cli import AsJson, Client, Command, Quiet, print_json
from curriculum.errors import UsageError


def synthesize(client: Client) -> Command:
    """Make synthetic recordings and write them as a data set."""
    del client

    def synthesize(
        dest: Annotated[Path, Parameter(help="The folder to write.")],
        /,
        *,
        subjects: Annotated[int, Parameter(help="Number of ears.")] = 1500,
        recordings_per_subject: Annotated[int, Parameter(help="Recordings of each ear.")] = 6,
        seed: Annotated[int, Parameter(help="The same seed gives the same ears.")] = 42,
        window_ms: WindowMs = 15.0,
        force: Force = False,
        json: AsJson = False,
        quiet: Quiet = False,
    ) -> int:
        """Make synthetic recordings and write them as a data set, larger than memory if need be.

        They are the recordings of a plan's `data: {kind: synthetic}` with the same settings and
        seed, and carry the same subjects' names.
        """
        from abr_model.data.recordings import points_in
        from abr_model.data.synthetic import iter_recordings, subject_name
        from abr_model.data.write import About, write_parts

        limits = {
            "--subjects": (subjects, 1, 10_000_000),
            "--recordings-per-subject": (recordings_per_subject, 1, 100),
            "--window-ms": (window_ms, 10, 24),
        }
        for name, (value, least, most) in limits.items():
            if not least <= value <= most:
                raise UsageError(f"`{name}` must be {least} to {most}", found=value)
        about = About(
            count=subjects * recordings_per_subject,
            points=points_in(window_ms),
            subject_names=tuple(subject_name(seed, subject) for subject in range(subjects)),
            notices=("these recordings are synthetic",),
            with_truth=True,
        )
        parts = iter_recordings(subjects, recordings_per_subject, window_ms, seed)
        with console.observe(quiet=quiet) as observer:
            progress = progress_of(observer, "writing")
            write_parts(parts, about, dest, force=force, progress=progress)
        if json:
            print_json(
                {
                    "path": str(dest),
                    "recordings": about.count,
                    "subjects": subjects,
                    "window_ms": window_ms,
                }
            )
        else:
            console.say(said(dest, about.count, subjects, window_ms))
        return 0

    return synthesize
