"""The tables are of what was judged; a run is trained once and then reused."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import attrs
import pytest
import torch

from abr_model import logistic
from abr_model.data import synthetic_data
from abr_model.standards import CLASSES, Standards, measure
from benchmarks.judged import Beside, Judged
from benchmarks.quality_tables import (
    behind,
    calibration_table,
    confusion_table,
    coverage_table,
    metric_table,
    skill_table,
)

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def standards() -> Standards:
    found = measure(synthetic_data(60, 3, 10.0, 0.15, 0.15, seed=0).splits["train"])
    return attrs.evolve(found, class_prior=torch.full((5,), 0.2))


def judged(standards: Standards, mse: float = 1.0, count: int = 2000) -> Judged:
    """A model whose intervals are right, and which takes every second `normal` for `total`."""
    torch.manual_seed(0)
    label = torch.arange(count) % len(CLASSES)
    said = torch.where((label == 0) & (torch.arange(count) % 2 == 0), 3, label)
    scores = 5.0 * torch.nn.functional.one_hot(said, len(CLASSES)).float()
    uniform = torch.rand(count, 3)
    z = (uniform / (1 - uniform)).log()  # of a standard logistic
    distribution = torch.stack([torch.zeros(count, 3), torch.ones(count, 3)], -1)
    present = (torch.rand(count, 3) < 0.8).float()
    return Judged(
        metrics={"signal/mse_uv2": mse, "signal/correlation": 0.9},
        intervals={"signal/mse_uv2": (0.5, 1.5), "signal/skill": (0.1, 0.3)},
        skill={"signal": 0.2},
        better={"signal/mse_uv2": "lower", "signal/correlation": "higher"},
        trivial={"signal/mse_uv2": Beside(name="raw", value=4.0)},
        classical={
            "signal/mse_uv2": Beside(name="Wiener", value=2.0),
            "signal/correlation": Beside(name="Wiener", value=0.95),
        },
        others={"signal/mse_uv2": {"Wiener": 2.0, "band-pass": 3.0}},
        predictions={
            "classification": scores,
            "peak_existence": torch.full((count, 3), 4.0).log(),
            "peak_latency": distribution,
            "peak_amplitude": distribution,
            "threshold": distribution[:, :1],
        },
        labels={
            "hearing_class": label,
            "wave_present": present,
            "wave_latency_ms": standards.wave_latency_ms.physical(z),
            "wave_amplitude_uv": standards.wave_amplitude_uv.physical(z),
            "threshold_db": standards.threshold_db.physical(z[:, :1])[:, 0],
            "subject": torch.arange(count),
        },
        standards=standards,
    )


def test_each_metric_stands_beside_the_others(standards: Standards) -> None:
    runs = [judged(standards, 1.0), judged(standards, 1.5)]
    lines = metric_table(runs).splitlines()
    assert lines[2] == (
        "| `signal/mse_uv2` | lower | 1.25 (1 to 1.5) | 0.5 to 1.5 | 4 (raw) | 2 (Wiener) |"
    )
    assert lines[3] == (
        "| `signal/correlation` | higher | 0.9 (0.9 to 0.9) | – | – | ✗ 0.95 (Wiener) |"
    )
    assert behind(runs) == ["`signal/correlation`: classical"]
    assert behind([judged(standards, 2.5)])[0] == "`signal/mse_uv2`: classical"
    assert behind([judged(standards, 4.0)])[0] == "`signal/mse_uv2`: trivial and classical"
    assert "| signal | 0.2 (0.2 to 0.2) | 0.1 to 0.3 |" in skill_table(runs)


def test_the_confusion_matrix_counts_all_runs(standards: Standards) -> None:
    lines = confusion_table([judged(standards), judged(standards)]).splitlines()
    assert lines[2] == "| normal | 400 | 0 | 0 | 400 | 0 | 0.50 |"
    assert lines[5] == "| total | 0 | 0 | 0 | 800 | 0 | 1.00 |"


def test_calibration_shows_what_was_said_and_what_was_so(standards: Standards) -> None:
    (row,) = (r for r in calibration_table([judged(standards)]).splitlines() if "0.9 to" in r)
    said, right, n = (float(each) for each in row.split("|")[2:5])
    assert (said, right, n) == (pytest.approx(0.97, abs=0.01), 0.9, 2000)
    (row,) = (r for r in calibration_table([judged(standards)]).splitlines() if "0.8 to" in r)
    said, there, n = (float(each) for each in row.split("|")[5:8])
    assert (said, there, n) == (0.8, pytest.approx(0.8, abs=0.03), 6000)


def test_intervals_that_are_right_cover_their_share(standards: Standards) -> None:
    lines = coverage_table([judged(standards)]).splitlines()[2:]
    for line in lines:
        shares = [float(each.strip(" %")) for each in line.split("|")[2:5]]
        assert shares == [pytest.approx(x, abs=3) for x in (50, 80, 95)]
    units = standards.threshold_db
    width = float(units.lengths(torch.tensor(2 * logistic.half_width(0.95)))[0])
    assert float(lines[-1].split("|")[5]) == pytest.approx(width, rel=0.01)


@pytest.mark.slow
def test_a_run_is_judged_and_then_reused(tmp_path: Path) -> None:
    def quality() -> str:
        where = ["--folder", str(tmp_path / "runs"), "--results", str(tmp_path / "quality.md")]
        plan = ["--plan", str(ROOT / "phases" / "smoke.yaml"), "--seeds", "1", "--resamples", "10"]
        command = [sys.executable, str(ROOT / "benchmarks" / "quality.py"), *plan, *where]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    first = quality()
    assert "| 1 | 48 |" in first
    assert "| `threshold/mae_db` | lower |" in first
    assert (tmp_path / "quality.md").read_text(encoding="utf-8") == first
    cost = tmp_path / "runs" / "seed-1" / "cost.json"
    spent = json.loads(cost.read_text())["cpu_s"]
    assert quality() == first
    assert json.loads(cost.read_text())["cpu_s"] == spent
