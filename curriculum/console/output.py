"""Where things are written: results to stdout, progress and messages to stderr."""

from __future__ import annotations

import sys
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.text import Text

from curriculum.console import costs, tables, targets
from curriculum.console.lines import Lines
from curriculum.console.live import LiveDisplay
from curriculum.errors import CurriculumError, Interrupted, Problem
from curriculum.events import Observer

WIDE = 240
"""Columns off a terminal: lines are as long as they need, never wrapped."""


class _Console(Console):
    """Leaves the end of the program to the program, where the reader of a pipe has left."""

    def on_broken_pipe(self) -> None:
        raise  # the BrokenPipeError that is being handled


def console_on(stream: TextIO, width: int | None = WIDE) -> Console:
    """A console for a stream; whether it is a terminal, the stream itself says.

    `width` is for streams that are none; None leaves it to `COLUMNS`, or else 80.
    """
    terminal = stream.isatty()
    return _Console(
        file=stream,
        force_terminal=terminal,
        no_color=None if terminal else True,
        width=None if terminal else width,
        highlight=False,
        markup=False,
        emoji=False,
    )


def help_console() -> Console:
    """Where the answer to `--help` is drawn."""
    return console_on(sys.stdout, width=None)


@contextmanager
def observe(*, quiet: bool) -> Generator[Observer]:
    """An observer that shows a run on stderr while it goes on."""
    stream = sys.stderr
    if stream.isatty() and not quiet:
        with LiveDisplay(console_on(stream)) as display:
            yield display
    else:
        yield Lines(lambda line: _write(stream, line), time.monotonic, quiet=quiet)


def say(text: str) -> None:
    """A line of result."""
    _write(sys.stdout, text)


def warn_lines(lines: Iterable[str]) -> None:
    """Warnings, a line each."""
    for line in lines:
        _print(sys.stderr, Text(f"warning: {line}", "yellow"))


def warn_problems(problems: Iterable[Problem]) -> None:
    """Warnings about a plan, with their places."""
    warn_lines(str(problem) for problem in problems)


def show_problems(problems: Iterable[Problem]) -> None:
    """What is wrong with a plan, a line each, with the place in bold on a terminal."""
    for problem in problems:
        text = str(problem)
        place = len(text) - len(text.split(": ", 1)[1]) if ": " in text else 0
        line = Text(text)
        line.stylize("bold", 0, place)
        _print(sys.stderr, line)


def show_error(error: CurriculumError) -> None:
    """Why a command failed, or was stopped."""
    what = "stopped: " if isinstance(error, Interrupted) else "error: "
    _print(sys.stderr, Text(what, "bold red").append(str(error), "not bold default"))


def show_usage_error(message: str, program: str) -> None:
    """Why a command line was not understood, and where to read on."""
    _print(sys.stderr, Text("error: ", "bold red").append(message, "not bold default"))
    _print(sys.stderr, Text(f"See `{program} --help`."))


def show_plan(document: Mapping[str, Any]) -> None:
    """The answer of `plan`."""
    _print(sys.stdout, tables.plan(document))


def show_costs(document: Mapping[str, Any]) -> None:
    """What `plan --probe` has measured."""
    _print(sys.stdout, costs.costs(document))


def show_targets(document: Mapping[str, Any]) -> None:
    """What `plan --data` has found."""
    _print(sys.stdout, targets.targets(document))


def show_status(document: Mapping[str, Any]) -> None:
    """The answer of `status`."""
    _print(sys.stdout, tables.status(document))


def show_verify(document: Mapping[str, Any]) -> None:
    """The answer of `verify`."""
    _print(sys.stdout, tables.verification(document))


def show_results(document: Mapping[str, Any]) -> None:
    """The answer of `run`."""
    _print(sys.stdout, tables.results(document))


def show_evaluation(document: Mapping[str, Any]) -> None:
    """The answer of `evaluate`."""
    _print(sys.stdout, tables.evaluation(document))


def _print(stream: TextIO, content: RenderableType) -> None:
    # Text is never wrapped by us: a terminal folds it, and a pipe keeps the line whole.
    console_on(stream).print(content, soft_wrap=isinstance(content, Text))


def _write(stream: TextIO, line: str) -> None:
    stream.write(line + "\n")
    stream.flush()
