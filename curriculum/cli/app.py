"""The program: which commands there are, and how it ends."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence

from cyclopts import App, CycloptsError

from curriculum import console
from curriculum.cli import commands, exporting, training
from curriculum.cli.client import Client
from curriculum.cli.commands import Command
from curriculum.errors import CurriculumError, PlanError

COMMANDS: Sequence[Callable[[Client], Command]] = (
    training.run,
    commands.plan,
    commands.check,
    commands.status,
    commands.verify,
    training.evaluate,
    exporting.export,
    commands.schema,
    commands.init,
)


def main(client: Client, arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit code."""
    app = make_app(client)
    try:
        code = app(
            list(sys.argv[1:] if arguments is None else arguments),
            exit_on_error=False,
            print_error=False,
            result_action="return_value",
        )
    except CycloptsError as error:
        console.show_usage_error(str(error), client.name)
        return 2
    except PlanError as error:
        console.show_problems(error.problems)
        return error.exit_code
    except CurriculumError as error:
        console.show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # Whoever read the output has left; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return int(code or 0)


def make_app(client: Client) -> App:
    """The command line as an object, without running anything."""
    app = App(
        name=client.name,
        help=client.summary,
        version=client.version,
        console=console.help_console(),
        suppress_keyboard_interrupt=False,  # it would exit by itself
    )
    commands = (*COMMANDS, *client.commands)
    for place, make in enumerate(commands):
        app.command(make(client), sort_key=place)
    for place, group in enumerate(client.groups, len(commands)):
        below = App(name=group.name, help=group.help, sort_key=place)
        for order, make in enumerate(group.commands):
            below.command(make(client), sort_key=order)
        app.command(below)
    return app
