"""The command and the snippet of docs/units.md do what the page says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
import torch

from abr_model.cli import CLIENT
from curriculum.cli import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "units.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_command_shows_what_the_page_shows(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    program, *words = shlex.split(block("console"))
    assert program == "abr-curriculum"
    assert main(CLIENT, [*words, "--quiet", "--runs-dir", "/nonexistent"]) == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    for line in filter(None, block("text").splitlines()):
        words = line.partition("…")[0].split()
        assert any(row[: len(words)] == words for row in shown), line


def test_the_snippet_predicts_in_pascals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    exec(block("python"), names := {})
    said = names["model"].predict(names["data"].validation)["pressure_pa"].squeeze(1)
    truth = names["data"].validation["pressure_pa"]
    assert (said - truth).abs().mean().item() < 200
    assert capsys.readouterr().out.startswith("tensor([[")
