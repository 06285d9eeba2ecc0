"""The console script `abr-curriculum`: the engine's command line with the ABR model and data."""

from __future__ import annotations

import sys
from pathlib import Path

from abr_model import __version__
from abr_model.cli_data import DATA
from abr_model.cli_predict import predict
from abr_model.config import ABR_KINDS
from curriculum.cli import Client, main

CLIENT = Client(
    name="abr-curriculum",
    version=__version__,
    summary=(
        "Train a multi-task model one task at a time, resume exactly, and see which task does not "
        "learn. For research. Not a medical device."
    ),
    kinds=ABR_KINDS,
    plans=Path(__file__).parent / "plans",
    groups=(DATA,),
    commands=(predict,),
)


def run() -> None:
    """Entry point of the console script."""
    sys.exit(main(CLIENT))
