"""Runs that several tests look at; nobody changes them."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.abr import train


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the runs `abr-smoke`, of all phases, and `early`, of the first two."""
    folder = tmp_path_factory.mktemp("runs")
    train(folder)
    train(folder, "--experiment", "early", "--until", "classification")
    return folder
