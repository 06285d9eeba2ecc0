"""Every command and snippet of the README, and the page of options, do what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from support.golden import assert_golden
from support.smartep import export_text

from abr_model.cli import CLIENT
from abr_model.config import ABR_KINDS
from curriculum.cli import main
from curriculum.config import load_plan, load_plan_text, options_page

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")
PROGRAM = "abr-curriculum"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def commands() -> list[list[str]]:
    """The words of every command of the program in a block of shell."""
    lines = [line.partition("   #")[0] for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line)[1:] for line in lines if line.startswith(PROGRAM)]


def test_what_is_to_be_typed_is_what_make_knows() -> None:
    typed = set(re.findall(r"^make ([a-z]+)", "\n".join(blocks("sh")), re.MULTILINE))
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert typed == {"run", "test"} <= targets


@pytest.mark.slow
def test_every_command_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "FOLDER").mkdir()
    (tmp_path / "FOLDER" / "a.TXT").write_text(export_text(), encoding="utf-8")
    assert main(CLIENT, ["init"]) == 0
    smoke = (tmp_path / "phases" / "smoke.yaml").read_text(encoding="utf-8")
    for name in ("default", "smartep"):
        plan = tmp_path / "phases" / f"{name}.yaml"
        data = re.search(r"^data:.*(\n .*)*", plan.read_text(), re.MULTILINE)
        assert data is not None
        small = smoke.replace("abr-smoke", f"abr-{name}")
        text = re.sub(r"^data:.*", data[0], small, flags=re.MULTILINE)
        plan.write_text(text.replace("subjects: 1500", "subjects: 120"), encoding="utf-8")
    tried = commands()
    assert len(tried) == 12
    for words in tried:
        assert main(CLIENT, words) == 0, f"{words}\n{capsys.readouterr().err}"


def test_the_plan_that_is_explained_is_a_plan() -> None:
    (text,) = blocks("yaml")
    loaded = load_plan_text(text, "README.md", ABR_KINDS)
    default = load_plan(ROOT / "phases" / "default.yaml", ABR_KINDS)
    assert loaded.warnings == ()
    assert loaded.plan.model == default.plan.model
    assert loaded.plan.defaults == default.plan.defaults
    for told, shipped in zip(loaded.plan.phases, default.plan.phases, strict=True):
        assert told.turn_on == shipped.turn_on


def test_the_errors_that_are_shown_are_the_errors(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    (block,) = blocks("console")
    command, _, shown = block.partition("\n")
    assert main(CLIENT, shlex.split(command)[2:]) == 2
    assert capsys.readouterr().err == shown


@pytest.mark.slow
def test_the_model_of_ones_own_learns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (source,) = blocks("python")
    own = tmp_path / "own.py"
    own.write_text(source, encoding="utf-8")
    exec(compile(source, str(own), "exec"), {"__name__": "own"})
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("temperature {'temperature': 0.")
    assert "'rain': 0." in second


def test_files_that_are_named_are_there() -> None:
    for name in re.findall(r"\]\(([^)#:]+)\)", TEXT):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE):
        assert (ROOT / "phases" / f"{name}.yaml").is_file(), name
    assert set(re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)) == {
        path.stem for path in (ROOT / "phases").glob("*.yaml")
    }


def test_the_page_of_options_is_up_to_date() -> None:
    assert_golden(options_page(ABR_KINDS).rstrip() + "\n", ROOT / "docs" / "plans.md")
