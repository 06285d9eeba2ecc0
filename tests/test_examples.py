"""The examples run as their first lines say, are short, and learn their tasks."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.commands import ROOT, environment, process

EXAMPLES = ROOT / "examples"


def test_every_example_is_known_here() -> None:
    assert {path.name for path in EXAMPLES.iterdir() if path.suffix in {".py", ".yaml"}} == {
        "rings.py",
        "rings.yaml",
        "weather.py",
    }


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.*")), ids=lambda path: path.name)
def test_an_example_is_short(path: Path) -> None:
    assert len(path.read_text().splitlines()) < 60


@pytest.mark.slow
def test_rings_from_the_command_line(tmp_path: Path) -> None:
    command = "run examples/rings.yaml --trust-plan"
    for name in ("rings.py", "rings.yaml"):
        assert f"abr-curriculum {command}" in (EXAMPLES / name).read_text()
    answer = process([*command.split(), "--runs-dir", str(tmp_path), "--json"], ROOT)
    assert answer.code == 0
    radius, ring = answer.document["phases"]
    assert (radius["steps"], radius["reason"]) == (300, "duration of 300 steps")
    # The rings' width of 0.2 leaves a radius that is known to a few percent, and rings that touch.
    assert 0.9 < radius["skill"]["radius"] <= 1
    assert radius["skill"]["radius"] - ring["skill"]["radius"] < 0.1  # what `retain` allows
    assert 0.9 < ring["skill"]["ring"] <= 1
    assert ring["steps"] <= 600


@pytest.mark.slow
def test_weather_from_python(tmp_path: Path) -> None:
    script = EXAMPLES / "weather.py"
    assert "python examples/weather.py" in script.read_text()
    done = subprocess.run(
        [sys.executable, str(script)],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    said = re.fullmatch(
        r"temperature: 300 steps, skill temperature (\d\.\d\d)\n"
        r"rain: 300 steps, skill temperature (\d\.\d\d), rain (\d\.\d\d)\n",
        done.stdout,
    )
    assert said is not None, done.stdout
    first, later, rain = map(float, said.groups())
    assert min(first, later) > 0.7
    assert 0.8 < rain <= 1
    assert list(tmp_path.iterdir()) == []
