"""The command line, built from what a client brings: its kinds of models and data, and its plans.

    Client(name="abr-curriculum", version="0.1.0", summary="…", kinds=ABR_KINDS, plans=folder)
    sys.exit(main(client))

A client may bring commands of its own (`CommandGroup`). This is the only room that turns errors
into text and exit codes: 0 done, 1 training failed, 2 usage or plan is wrong, 3 checkpoint damaged,
4 stopped by a policy, 130 and 143 after signals.
"""

from curriculum.cli.app import main
from curriculum.cli.client import (
    RUNS,
    AsJson,
    Client,
    Command,
    CommandGroup,
    Device,
    Quiet,
    Run,
    RunsDir,
    Threads,
    load_run,
    print_json,
)

__all__ = [
    "RUNS",
    "AsJson",
    "Client",
    "Command",
    "CommandGroup",
    "Device",
    "Quiet",
    "Run",
    "RunsDir",
    "Threads",
    "load_run",
    "main",
    "print_json",
]
