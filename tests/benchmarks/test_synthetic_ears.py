"""The commands whose numbers stand in docs/synthetic-ears.md."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def printed(script: str, *arguments: str) -> list[str]:
    command = [sys.executable, str(ROOT / "benchmarks" / script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_norms_are_compared_at_every_level(tmp_path: Path) -> None:
    picture = tmp_path / "norms.png"
    lines = printed("norms.py", "--ears", "300", "--picture", str(picture))
    assert len(lines) == 2 + 6 + 8 + 8 + 3
    assert all(abs(float(line.split("|")[-2])) < 1 for line in lines[2:])
    assert picture.exists()


@pytest.mark.slow
def test_leakage_is_printed_beside_the_best_possible() -> None:
    lines = printed("leakage.py", "--ears", "1000")
    assert lines[0].split()[:2] == ["told", "from"]
    assert [line.split("  ")[0] for line in lines[1:]] == [
        "age, rate, level, sweeps",
        "labels: missing",
        "labels: presence",
        "labels: presence and level",
        "noise estimate",
        "detection, level",
        "all of these together",
    ]


def test_noise_is_compared(real_data: Path) -> None:
    lines = printed("noise.py", str(real_data), "--subjects", "300")
    assert len(lines) == 2 + 10
