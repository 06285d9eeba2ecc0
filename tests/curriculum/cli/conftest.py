"""Commands in this process, in a folder of their own."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from support.commands import PLAN, Answer, Command

from abr_model.cli import CLIENT
from curriculum.cli import Client, main
from curriculum.config import Kinds


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that commands run in, with a plan that takes a fraction of a second."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])  # `--trust-plan` adds the folder
    monkeypatch.setenv("COLUMNS", "90")
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    Path("plan.yaml").write_text(PLAN)
    return tmp_path


def _command(client: Client, capsys: pytest.CaptureFixture[str]) -> Command:
    def call(*arguments: str) -> Answer:
        capsys.readouterr()
        code = main(client, arguments)
        written = capsys.readouterr()
        return Answer(code, written.out, written.err)

    return call


@pytest.fixture
def abr(capsys: pytest.CaptureFixture[str]) -> Command:
    """`abr-curriculum` itself."""
    return _command(CLIENT, capsys)


@pytest.fixture
def tiny(folder: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """A program without kinds of its own: it trains what plans name."""
    client = Client(
        name="tiny", version="1.2.3", summary="Tiny.", kinds=Kinds(), plans=folder / "shipped"
    )
    return _command(client, capsys)


@pytest.fixture
def run(tiny: Command) -> Command:
    """`run plan.yaml`, on one thread."""
    return lambda *arguments: tiny("run", "plan.yaml", "--trust-plan", "--threads", "1", *arguments)
