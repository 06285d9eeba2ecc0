"""The full preset is trained, saved and loaded on a CPU within 24 GB."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "full_model.py"


@pytest.mark.slow
def test_the_full_preset_fits() -> None:
    command = [sys.executable, str(SCRIPT), "--subjects", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = dict(line.rsplit(None, 1) for line in done.stdout.splitlines() if " GB" not in line)
    millions = int(lines["parameters"].replace(",", "")) / 1e6
    assert millions == pytest.approx(46.37, rel=0.01)
    (peak,) = (line for line in done.stdout.splitlines() if line.startswith("peak memory"))
    assert 0.5 < float(peak.split()[2]) < 24
