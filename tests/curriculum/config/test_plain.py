"""Settings as plain data: it is JSON, it says everything, and it loads as the same plan."""

from __future__ import annotations

import json
from pathlib import Path

from curriculum.config import Kinds, load_plan_text, to_numerics, to_plain
from curriculum.config.balances import Calibrated, Fixed, Watch
from curriculum.config.schema import (
    AdamW,
    AfterDuration,
    AnyOf,
    Choice,
    Phase,
    Plateau,
    PythonFactory,
    Training,
)
from curriculum.units import Duration


def test_pieces() -> None:
    assert to_plain(Duration(1, "epochs")) == "1 epoch"
    assert to_plain(Path("/a/b")) == "/a/b"
    assert to_plain(AdamW()) == {
        "kind": "adamw",
        "learning_rate": 1e-3,
        "betas": [0.9, 0.999],
        "eps": 1e-8,
        "weight_decay": 1e-2,
    }
    rule = AnyOf(rules=(AfterDuration(duration=Duration(5, "steps")), Plateau(metric="a/b")))
    assert to_plain(rule) == {
        "any": [
            {"duration": "5 steps"},
            {"plateau": {"metric": "a/b", "patience": 3, "min_delta": 0.0}},
        ]
    }
    code = PythonFactory(factory="m:f", args={"path": [1, None]})
    assert to_plain(Choice(kind="python", settings=code)) == {
        "kind": "python",
        "factory": "m:f",
        "args": {"path": [1, None]},
    }


def test_what_makes_a_key_leaves_out_what_changes_no_byte() -> None:
    assert to_plain(Calibrated()) == {
        "kind": "calibrated",
        "batches": 8,
        "decay": 0.99,
        "watch_every": "200 steps",
        "stop_above": None,
    }
    assert to_numerics(Calibrated()) == {"kind": "calibrated", "batches": 8, "decay": 0.99}
    looks = Fixed(watch=Watch(watch_every=None, stop_above=5.0))
    phase = Phase(name="a", duration=Duration(5, "steps"), training=Training(balance=looks))
    kept = {**to_plain(phase), "balance": {"kind": "fixed"}}
    assert to_numerics(phase) == kept
    assert to_plain(phase)["balance"] == {"kind": "fixed", "watch_every": None, "stop_above": 5.0}


def test_a_plan_survives_json(valid: str, kinds: Kinds, tmp_path: Path) -> None:
    overrides = ["data={kind: mixed, recordings: {path: here}}", "phases.0.optimizer.eps=1e-5"]
    plan = load_plan_text(valid, "p.yaml", kinds, overrides, folder=tmp_path).plan
    text = json.dumps(to_plain(plan), indent=1, allow_nan=False)
    again = load_plan_text(text, "resolved.json", kinds, folder=tmp_path / "elsewhere")
    assert again.plan == plan
    assert json.dumps(to_plain(again.plan), indent=1) == text
    phase = json.loads(text)["phases"][0]
    assert phase["global_batch"] == 24  # inherited values are filled in
    assert phase["optimizer"]["eps"] == 1e-5
