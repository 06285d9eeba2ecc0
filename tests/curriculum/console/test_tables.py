"""Results and answers as tables, whole, as a pipe gets them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from support.golden import assert_all_used, assert_golden

from curriculum import console

GOLDEN = Path(__file__).parent / "golden" / "tables"

SETTINGS = {
    "optimizer": {"kind": "adamw", "learning_rate": 0.002},
    "schedule": {"kind": "cosine", "warmup": "100 steps"},
}
PLAN = {
    "experiment": "ears",
    "folder": "runs/ears",
    "train_samples": 184,
    "phases": [
        {
            "name": "signal",
            "action": "reuse",
            "why": "unchanged since it ended",
            "heads": {"signal": 1.0},
            "steps": 800,
            "key": "0123456789abcdef",
            "settings": SETTINGS,
        },
        {
            "name": "threshold",
            "action": "run",
            "why": "`phases.threshold.ramp` changed from 0 steps to 10 steps",
            "heads": {"signal": 1.0, "threshold": 0.25},
            "steps": None,
            "key": "fedcba9876543210",
            "settings": SETTINGS,
        },
    ],
}
SCORES: dict[str, Any] = {
    "metrics": {"signal/mse_uv2": 0.0013, "threshold/mae_db": 7.5, "peaks/existence_auc": 1.0},
    "trivial": {
        "signal/mse_uv2": {"zero": 0.0039, "raw": 0.0032},
        "threshold/mae_db": {"median": 6.781},
    },
    "skill": {"signal": 0.594, "threshold": -0.106},
}
RESULTS = {
    "experiment": "ears",
    "status": "done",
    "phases": [
        {
            "name": "signal",
            "action": "reused",
            "steps": None,
            "reason": None,
            "weights_sha256": None,
        },
        {
            "name": "threshold",
            "action": "ran",
            "steps": 1200,
            "reason": "plateau of threshold/mae_db, patience 3",
            "weights_sha256": "0123456789abcdef",
            **SCORES,
        },
    ],
}
STATUS: dict[str, Any] = {
    "experiment": "ears",
    "phase": "threshold",
    "step": 401,
    "of": 1200,
    "state": "running",
    "held_by": "process 7 on host since 2024-01-01 10:00:00",
    "saved": {"phase": "signal", "step": 800, "path": "checkpoints/01-signal/step-00000800"},
    "failure": None,
    "phases": [
        {
            "name": "signal",
            "state": "done",
            "steps": 800,
            "reason": "duration of 800 steps",
            "skill": {"signal": 0.594},
        },
        {"name": "threshold", "state": "running", "steps": None, "reason": None, "skill": {}},
    ],
}
FAILED = {
    **STATUS,
    "of": None,
    "state": "failed",
    "held_by": None,
    "failure": "phase `threshold`, step 402: every loss must be finite. Found `threshold` nan.",
    "phases": [{**STATUS["phases"][1], "state": "failed"}],
}
NOT_BEGUN = {
    **STATUS,
    "phase": None,
    "step": 0,
    "of": None,
    "state": "stopped",
    "held_by": None,
    "saved": {"phase": None, "step": None, "path": None},
    "phases": [],
}
VALID = {
    "path": "checkpoints/01-signal/step-00000800",
    "phase": "signal",
    "step": 800,
    "valid": True,
    "weights_sha256": "0123456789abcdef",
    "problem": None,
}
DAMAGED = {
    **VALID,
    "path": "checkpoints/02-threshold/step-00000400",
    "step": 400,
    "valid": False,
    "weights_sha256": None,
    "problem": "has no manifest",
}
JOURNAL = {"path": "journal.jsonl", "records": 81, "problem": None}
VERIFY = {"ok": True, "checkpoints": [VALID], "journal": JOURNAL}
VERIFY_DAMAGED = {
    "ok": False,
    "checkpoints": [VALID, DAMAGED],
    "journal": {**JOURNAL, "problem": "journal.jsonl:3: every line must be as it was written."},
}
EVALUATION: dict[str, Any] = {
    "experiment": "ears",
    "data": "synthetic",
    "split": "test",
    "phase": "threshold",
    "step": 1200,
    **SCORES,
    "intervals": {"signal/mse_uv2": [0.0011, 0.0016], "threshold/skill": [-0.2, 0.03]},
}
NO_INTERVALS = {**EVALUATION, "intervals": {}}
NOTHING_JUDGED = {**EVALUATION, "metrics": {}, "trivial": {}, "skill": {}}
NO_SKILL = {**NO_INTERVALS, "metrics": {"signal/replicate_correlation": 0.55}, "skill": {}}
ODD = "[red]phases[1][/red] :ear:"
ODD_RESULTS = {
    "experiment": ODD,
    "status": "done",
    "phases": [
        {
            "name": ODD,
            "action": "ran",
            "steps": 1,
            "reason": ODD,
            "weights_sha256": "0" * 64,
            "metrics": {ODD: 1.5},
            "trivial": {ODD: {ODD: 2.5}},
            "skill": {ODD: 0.4},
        }
    ],
}

TABLES: dict[str, tuple[Callable[[Any], None], Any]] = {
    "plan": (console.show_plan, PLAN),
    "results": (console.show_results, RESULTS),
    "results_odd_names": (console.show_results, ODD_RESULTS),
    "status_running": (console.show_status, STATUS),
    "status_failed": (console.show_status, FAILED),
    "status_not_begun": (console.show_status, NOT_BEGUN),
    "verify": (console.show_verify, VERIFY),
    "verify_damaged": (console.show_verify, VERIFY_DAMAGED),
    "evaluation": (console.show_evaluation, EVALUATION),
    "evaluation_no_intervals": (console.show_evaluation, NO_INTERVALS),
    "evaluation_nothing": (console.show_evaluation, NOTHING_JUDGED),
    "evaluation_no_skill": (console.show_evaluation, NO_SKILL),
}


@pytest.mark.parametrize("name", TABLES)
def test_table(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    show, document = TABLES[name]
    show(document)
    written = capsys.readouterr()
    assert written.err == ""
    lines = (line.rstrip() for line in written.out.splitlines())
    assert_golden("".join(f"{line}\n" for line in lines), GOLDEN / f"{name}.txt")


def test_every_golden_table_belongs_to_a_test() -> None:
    assert_all_used(GOLDEN, TABLES)
