"""Gradients combined by TorchJD: what it is given, and what becomes of its answer."""

from __future__ import annotations

import json
import math
from importlib.util import find_spec as whole_find_spec
from pathlib import Path
from typing import Any

import pytest
import torch
from support import tiny
from support.runs import Recorder, digests, run_tiny

from curriculum import events
from curriculum.config import Kinds, load_plan_text
from curriculum.config.balances import AGGREGATORS
from curriculum.errors import PlanError, PolicyStop
from curriculum.trainer.aggregation import make_aggregate

WEIGHTS = torch.tensor([1.0, 0.1, 0.5])
SUMMING = ("upgrad", "dualproj", "pcgrad", "graddrop")


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_single_task_has_its_own_gradient(name: str) -> None:
    torch.manual_seed(0)
    row = torch.randn(1, 20)
    found = make_aggregate(name)(row, torch.ones(1))
    torch.testing.assert_close(found, row[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", SUMMING)
def test_without_conflict_it_is_the_weighted_sum(name: str) -> None:
    torch.manual_seed(0)
    rows = torch.rand(3, 20)
    found = make_aggregate(name)(rows, WEIGHTS)
    torch.testing.assert_close(found, WEIGHTS @ rows, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_a_weight_is_a_share(name: str) -> None:
    """Rows at right angles do not conflict: the smaller the weight, the smaller the part."""
    rows, aggregate = torch.eye(3, 8), make_aggregate(name)
    parts: list[list[float]] = []
    for weight in (1.0, 0.1):
        torch.manual_seed(0)
        parts.append(aggregate(rows, torch.tensor([1.0, weight, 1.0]))[:3].tolist())
    assert 0.05 < parts[1][1] / parts[0][1] < 0.2
    assert parts[1][0] == pytest.approx(parts[0][0], rel=0.25)


def test_upgrad_gives_no_task_up() -> None:
    rows = torch.tensor([[1.0, 0.0], [-2.0, 1.0]])
    found = make_aggregate("upgrad")(rows, torch.ones(2))
    assert bool((rows @ found >= -1e-3).all())
    assert float((rows @ rows.sum(0))[0]) < 0  # which a sum does


def recorded(folder: Path, aggregator: str, *more: str) -> tuple[Recorder, list[dict[str, Any]]]:
    recorder = Recorder()
    balance = f"defaults.balance={{kind: torchjd, aggregator: {aggregator}}}"
    return recorder, run_tiny(folder, overrides=[balance, *more], observer=recorder)


@pytest.mark.parametrize("name", AGGREGATORS)
def test_each_trains_and_says_its_name_and_no_total(name: str, tmp_path: Path) -> None:
    recorder, _ = recorded(tmp_path, name)
    assert {each.balance for each in recorder.of(events.PhaseStarted)} == {f"torchjd/{name}"}
    assert all(each.total is None for each in recorder.of(events.Step))
    assert all(each.total is None for each in recorder.of(events.Evaluated))
    last = recorder.of(events.Step)[-1]
    assert all(0 < part < 10 for part in last.contributions.values())
    ended = recorder.of(events.Evaluated)[-1]
    assert ended.skill["shape"] > recorder.of(events.Evaluated)[0].skill["shape"]
    journal = [json.loads(line) for line in (tmp_path / "journal.jsonl").read_text().splitlines()]
    (balance,) = {r["balance"] for r in journal if r["event"] == "phase_started"}
    assert balance == f"torchjd/{name}"


def test_the_heads_get_their_own_gradients_and_micro_batches_add_up(tmp_path: Path) -> None:
    """Of a single task the aggregate is the gradient itself: the same steps as `calibrated`."""
    one = "phases=[{name: only, turn_on: {shape: 1.0}, duration: 12 steps}]"
    plain = Recorder()
    run_tiny(tmp_path / "a", overrides=[one], observer=plain)
    recorder, _ = recorded(tmp_path / "b", "pcgrad", one)
    pieces, _ = recorded(
        tmp_path / "c", "pcgrad", one, "defaults.accumulation_steps=3", "model.args={dropout: 0}"
    )
    whole, _ = recorded(tmp_path / "d", "pcgrad", one, "model.args={dropout: 0}")
    for left, right in ((plain, recorder), (whole, pieces)):
        pairs = zip(left.of(events.Step), right.of(events.Step), strict=True)
        assert all(
            math.isclose(a.losses["shape"], b.losses["shape"], rel_tol=1e-4) for a, b in pairs
        )


def test_two_aggregators_train_differently(tmp_path: Path) -> None:
    _, one = recorded(tmp_path / "a", "upgrad")
    _, two = recorded(tmp_path / "b", "mgda")
    assert digests(one)[2] != digests(two)[2]


@pytest.mark.parametrize("name", ["upgrad", "mgda", "aligned_mtl"])
def test_what_is_not_finite_stops_the_run_as_ever(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, calls = tiny.Shape.loss_sum, []

    def loss_sum(self: tiny.Shape, prediction: torch.Tensor, inputs: Any) -> torch.Tensor:
        calls.append(1)
        loss = whole(self, prediction, inputs)
        # After 8 batches of calibration. The root of zero is finite and its slope is not.
        return loss + (prediction * 0).sum().sqrt() if len(calls) == 8 + 3 else loss

    monkeypatch.setattr(tiny.Shape, "loss_sum", loss_sum)
    with pytest.raises(PolicyStop, match=r"step 3: the gradient must be finite"):
        recorded(tmp_path, name)


def test_without_the_extra_the_plan_is_refused_with_the_command(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def find_spec(name: str, *args: Any) -> Any:
        return None if name in {"torchjd", "quadprog"} else whole_find_spec(name, *args)

    monkeypatch.setattr("curriculum.config.checks.find_spec", find_spec)
    text = (
        "experiment: x\nmodel: {kind: python, factory: 'a:b'}\ndata: {kind: python, factory: 'a:b'}"
        "\ndefaults: {balance: {kind: torchjd}}\n"
        "phases: [{name: one, turn_on: {a: 1.0}, duration: 3 steps}]\n"
    )
    with pytest.raises(PlanError) as refused:
        load_plan_text(text, "plan.yaml", Kinds())
    assert str(refused.value) == (
        "plan.yaml:4:28: defaults.balance.kind: must go with the extra torchjd, found no package "
        "torchjd, quadprog (run `pip install 'abr-curriculum[torchjd]'`)"
    )
