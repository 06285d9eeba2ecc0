"""Every command and snippet of docs/predict-and-export.md does what it says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest
from support.abr import abr
from support.commands import SMOKE

from abr_model.conditioning import STATICS
from curriculum.export import FORMATS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "predict-and-export.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the plan and the data that the page speaks of, both small."""
    monkeypatch.chdir(tmp_path)
    Path("phases").mkdir()
    plan = SMOKE.read_text().replace("abr-smoke", "abr-default")
    Path("phases/default.yaml").write_text(plan)
    made = abr("data", "synthesize", "clinic", "--subjects", "60", "--quiet")
    assert made.code == 0, made.err
    return tmp_path


@pytest.mark.slow
def test_every_command_and_snippet_works(folder: Path) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert len(lines) == 8
    said: dict[str, str] = {}
    for line in lines:
        program, *words = shlex.split(line)
        if program == "pip":
            assert words == ["install", "abr-curriculum[export]"]
            continue
        assert program == "abr-curriculum"
        answer = abr(*words)
        assert answer.code == 0, f"{line}\n{answer.err}"
        said[line] = answer.out
    for snippet in blocks("python"):
        exec(snippet, names := {})
    assert names["low"] < names["value"] < names["high"]
    (document,) = (json.loads(text) for line, text in said.items() if line.endswith("--json"))
    assert len(document["recordings"]) > 60
    named = {name for name in document["recordings"][0] if f"`{name}`" in TEXT}
    assert named >= {"recording", "class", "class_balanced", "wave_v_latency_ms", "threshold_db"}
    files = {path.name for path in Path("exported").iterdir()}
    assert files == set(re.findall(r"`((?:abr-default|heads|denoiser|model_card)\.\w+)`", TEXT))
    shutil.rmtree("exported")


def test_the_page_names_every_format_and_every_input() -> None:
    for name in (*FORMATS, *STATICS):
        assert f"`{name}`" in TEXT


@pytest.mark.slow
def test_what_probe_says_is_what_the_page_says(folder: Path) -> None:
    answer = abr("plan", "phases/default.yaml", "--probe", "--json", "--threads", "1", "--quiet")
    document = answer.document
    paragraph = TEXT[TEXT.index("With `--json` the same") : TEXT.index("`python benchmarks/full")]
    names = set(re.findall(r"`(\w+)`", paragraph)) - {"phases"}
    assert names <= set(document) | set(document["phases"][0])
    measured = {name for name in document["phases"][0] if name.endswith(("_seconds", "_bytes"))}
    assert measured <= names
