"""`plan --data`: what the data have to learn from, in words and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import SMOKE, Command
from support.golden import assert_golden, without_digests

GOLDEN = Path(__file__).parent / "golden"
UNEVEN = "data.factory=support.tiny:uneven_data"


def test_it_shows_every_target_of_every_task(abr: Command) -> None:
    shown = abr("plan", str(SMOKE), "--data", "--quiet")
    assert shown.code == 0
    assert_golden(without_digests(shown.out), GOLDEN / "plan_data.txt")


def test_as_json_it_adds_to_the_plan(abr: Command) -> None:
    without = abr("plan", str(SMOKE), "--json").document
    document = abr("plan", str(SMOKE), "--data", "--json").document
    data = document.pop("data")
    known = without.pop("notices")
    assert document.pop("notices") == [*known, *(n for n in data["notices"] if n not in known)]
    assert document == without
    assert data["train_samples"] == document["train_samples"]
    by_name = {target["name"]: target for target in data["targets"]}
    assert list(dict.fromkeys(target["task"] for target in data["targets"])) == [
        "signal",
        "classification",
        "peak_existence",
        "peak_latency",
        "peak_amplitude",
        "threshold",
    ]
    latency = by_name["wave_v_latency_ms"]
    assert 5.0 < latency["zero"] < 9.0
    assert 0.1 < latency["scale"] < 2.0
    assert latency["share"] == latency["labels"] / data["train_samples"]
    assert latency["classes"] == []
    assert sum(each["share"] for each in by_name["hearing_class"]["classes"]) == pytest.approx(1.0)
    assert set(by_name["hearing_class"]["classes"][0]["none_in_batch"]) == {"8"}


def test_a_model_of_ones_own_is_described_too(tiny: Command) -> None:
    turned_on = ["--set", "phases.second.turn_on={kind: 0.5, size: 0.5}"]
    shown = tiny("plan", "plan.yaml", "--data", "--trust-plan", *turned_on, "--set", UNEVEN)
    assert shown.code == 0
    assert_golden(without_digests(shown.out), GOLDEN / "plan_data_tiny.txt")
    assert "warning: the robust scale of `size` is 0: its standard deviation is used\n" in shown.err


def test_what_cannot_be_learned_is_said(tiny: Command) -> None:
    constant = ["--set", "data.factory=support.tiny:data", "--set", "data.args={scale: 0.0}"]
    shown = tiny("plan", "plan.yaml", "--data", "--trust-plan", *constant)
    assert shown.code == 0
    assert "cannot be learned: `size` is 0 everywhere: nothing to learn" in shown.out
    document = tiny("plan", "plan.yaml", "--data", "--trust-plan", "--json", *constant).document
    problems = {target["name"]: target["problem"] for target in document["data"]["targets"]}
    assert problems == {
        "shape": None,
        "kind": None,
        "size": "`size` is 0 everywhere: nothing to learn",
    }


def test_code_that_the_plan_names_is_not_imported_unasked(tiny: Command) -> None:
    refused = tiny("plan", "plan.yaml", "--data")
    assert (refused.code, refused.out) == (2, "")
    assert "--trust-plan" in refused.err
