"""`abr-curriculum` in this process, and a run of seconds that tests look at."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from abr_model.cli import CLIENT
from curriculum.cli import main
from support.commands import SMOKE, Answer

RUN = "abr-smoke"


def abr(*arguments: str | Path) -> Answer:
    """What a command says."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(CLIENT, [str(each) for each in arguments])
    return Answer(code, out.getvalue(), err.getvalue())


def train(runs: Path, *options: str | Path) -> None:
    """Train the smoke plan, on more subjects, into a folder of runs."""
    arguments = ["run", SMOKE, "--runs-dir", runs, "--threads", "1", "--quiet"]
    answer = abr(*arguments, "--set", "data.subjects=200", *options)
    assert answer.code == 0, answer.err
