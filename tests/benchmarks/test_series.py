"""The comparison of ways to combine an ear's recordings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from support.abr import RUN, train

SCRIPT = Path(__file__).resolve().parents[2] / "benchmarks" / "series.py"


@pytest.mark.slow
def test_the_choice_is_among_those_compared(tmp_path: Path) -> None:
    train(tmp_path)
    command = [sys.executable, str(SCRIPT), str(tmp_path / RUN), "--subjects", "120"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows = {line[:46].strip(): line[46:].split() for line in done.stdout.splitlines() if line}
    chosen = rows["quantiles averaged, weights 1/s (chosen)"]
    product = rows["product, as if independent"]
    assert float(product[5]) < float(chosen[5])  # the width of the interval
    assert 0 <= float(chosen[4]) <= 1
    assert 0 < float(rows["likelihoods, n / (1 + 0.3 (n - 1)) (chosen)"][0]) <= 1
