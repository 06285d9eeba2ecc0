"""The failure is replayed as FACTS have it, and what is said of it is what was measured."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from support.abr import train as train_smoke
from support.commands import SMOKE
from torch import Tensor

from abr_model import logistic
from abr_model.config import ABR_KINDS, AbrUnet
from abr_model.data import AbrData, synthetic_data
from abr_model.heads import LogisticReadout
from abr_model.trunk import BOTTOM, CONDITION
from benchmarks.historic import Choices, LabelsThen, NumbersThen, Quantity, assemble_then
from benchmarks.plain_loop import Settings, train
from benchmarks.replay_shares import BOUNDS, beyond, blocks_of_losses, blocks_of_run, ratio
from benchmarks.replay_tables import TASKS, report
from curriculum.config import load_plan
from curriculum.run.folder import RunFolder
from curriculum.standardise import Units
from curriculum.tasks import Assembly

SMALL = AbrUnet(base_channels=4, n_levels=1, state_size=2, n_attention_layers=0)
THEN = Choices(raw_units=True, gaussian=True, bounded=True, huber=True)


@pytest.fixture(scope="module")
def data() -> AbrData:
    return synthetic_data(80, 2, 15.0, 0.2, 0.15, seed=3)


def labels(choices: Choices, unit: float = 1.0, task: str = "peak_amplitude") -> LabelsThen:
    units = Units.of(torch.tensor([0.1, 0.2, 0.3]), "amplitude")
    of = Quantity(task=task, label="y", units=units, outputs=1, bound=None, told_in=unit)
    return LabelsThen(of, choices)


def loss(of: LabelsThen, location: float, spread: Tensor, label: float) -> Tensor:
    told = {"location": torch.tensor([[location]]), "spread": spread.reshape(1, 1)}
    return of.loss(told, {"y": torch.tensor([label])})


def test_the_likelihood_of_then_gains_millions() -> None:
    spread = torch.tensor(-30.0)
    found = loss(labels(Choices(raw_units=True, gaussian=True)), 0.0, spread, 0.11587).item()
    assert found == pytest.approx(3_256_742, rel=2e-3)
    ours = logistic.exact(logistic.distribution(torch.zeros(1), spread[None]), torch.full((1,), 1))
    assert ours.item() < 1 / logistic.SMALLEST_SCALE + math.log(2)


def test_at_the_clamp_its_gradient_is_zero() -> None:
    spread = torch.tensor(2.5, requires_grad=True)
    found = loss(labels(Choices(raw_units=True, gaussian=True)), 0.3, spread, 0.3)
    assert found.item() == pytest.approx(2.9189, abs=1e-4)
    found.backward()
    assert spread.grad is not None
    assert spread.grad.item() == 0.0


def test_the_threshold_of_then_is_a_huber_loss_on_raw_decibels() -> None:
    of = labels(Choices(raw_units=True, huber=True), task="threshold")
    assert loss(of, 10.0, torch.tensor(0.0), 26.5).item() == pytest.approx(5 * (16.5 - 2.5))


def heads(data: AbrData, choices: Choices) -> Assembly:
    torch.manual_seed(0)
    return assemble_then(SMALL, data, choices)


def test_without_a_choice_everything_is_ours(data: AbrData) -> None:
    found = heads(data, Choices())
    assert all(not isinstance(head, NumbersThen) for head in found.model.heads.values())
    assert isinstance(found.model.heads["peak_latency"], LogisticReadout)


@pytest.mark.parametrize("unit", [1.0, 1e6, 1e-3])
def test_bounded_heads_reach_as_far_as_then_in_any_unit(data: AbrData, unit: float) -> None:
    choices = Choices(raw_units=True, gaussian=True, bounded=True, huber=True, amplitude_unit=unit)
    found = heads(data, choices)
    features = {BOTTOM: 1e3 * torch.randn(50, 4, 150), CONDITION: 1e3 * torch.randn(50, 16)}
    for name, bound in (("peak_latency", 8.0), ("peak_amplitude", 0.5)):
        head: Any = found.model.heads[name]
        location = head(features)["location"]
        told_in = unit if name == "peak_amplitude" else 1.0
        assert location.abs().max().item() * told_in == pytest.approx(bound, rel=1e-3)
        standardised = head(features)["distribution"][..., 0]
        back = head.of.units.physical(standardised)
        assert torch.allclose(back, location * told_in, rtol=1e-4, atol=1e-6)


def test_the_loop_trains_judges_and_looks_inside(data: AbrData) -> None:
    settings = Settings(steps=4, learning_rate=1e-3, weight_decay=0.0, warmup=2, clip=25.0, batch=8)
    assembly = heads(data, THEN)
    before = assembly.model.heads["threshold"].readout.out.weight.clone()
    found = train(assembly, data, 0, settings)
    assert not torch.equal(before, assembly.model.heads["threshold"].readout.out.weight)
    assert [settings.rate(step) for step in (1, 2, 3)] == pytest.approx([5e-4, 1e-3, 1e-3])
    assert len(found.losses) == 4
    assert set(found.losses[0]) == set(TASKS)
    assert set(found.looks) == {1, 4}
    assert set(found.looks[1].low) == {"peak_latency", "peak_amplitude"}
    assert all(norm > 0 for norm in found.looks[1].trunk.values())
    assert "threshold" in found.skill
    reach = beyond(assembly, data)
    assert 0 < reach["peak_latency"]["share"] < 1


def test_shares_are_contributions_over_weights(tmp_path: Path) -> None:
    train_smoke(tmp_path)
    folder = RunFolder(tmp_path / "abr-smoke")
    plan = load_plan(SMOKE, ABR_KINDS, ["data.subjects=200"]).plan
    data: Any = synthetic_data(200, 2, 15.0, 0.15, 0.15, seed=1)
    blocks = blocks_of_run(folder.journal, plan, data)
    assert [len(block) for block in blocks] == [1, 2, 5, 6]  # a block a phase of 12 steps
    assert all(0.2 < share < 5 for block in blocks for share in block.values())


def test_blocks_are_means_of_sizes() -> None:
    blocks = blocks_of_losses([{"a": 1.0, "b": -4.0}] * 25 + [{"a": 2.0}] * 5)
    assert blocks == [{"a": 1.0, "b": 4.0}, {"a": 2.0}]
    assert [ratio(block) for block in blocks] == [4.0, 1.0]


def made_up(skill: float, share: float) -> dict[str, Any]:
    numbers = dict.fromkeys(TASKS, 1.0)
    look = {"losses": numbers, "trunk": numbers, "low": {"peak_amplitude": 1.0}}
    names = ("signal/mse_uv2", "classification/balanced_accuracy", "peaks/existence_auc")
    names += ("peaks/latency_mae_ms", "peaks/amplitude_mae_uv", "threshold/mae_db")
    return {
        "skill": dict.fromkeys(TASKS, skill),
        "metrics": dict.fromkeys(names, 0.25),
        "trivial": {name: {"a": 0.5, "b": 0.75} for name in names},
        "looks": {"1": look},
        "blocks": [{**numbers, "signal": 100.0}] * 4 + [{**numbers, "signal": share}],
        "beyond": {task: {"share": 0.1, "mae": 2.0} for task in BOUNDS},
        "cpu_s": 60.0,
    }


def test_the_report_says_what_was_measured() -> None:
    names = ("then", "joint", "curriculum", "then, V", "then, nV", "weights 1")
    names += ("raw units", "likelihood", "bounds", "Huber")
    found = {name: {1: made_up(0.5, 3.0), 2: made_up(-0.25, 7.0)} for name in names}
    text = report(found, 125)
    assert "| signal | 0.125 (-0.250 to 0.500) |" in text
    assert "| *worst task* | 0.125 (-0.250 to 0.500) |" in text
    assert "| ours, all at once | 100 to 1 | 7 to 1 | 7 to 1 |" in text
    assert "| balanced accuracy | 0.25 | 0.25 | 0.25 | 0.25 | 0.75 |" in text
    assert "| threshold error (dB) | 0.25 | 0.25 | 0.25 | 0.25 | 0.5 |" in text
    assert "| 1 | 1 | 100 % | 1 | 1 |" in text
    assert "20 minutes of CPU" in text
    assert "up to 7 times the smallest, and the mean skill is 0.125;" in text
    assert "shares within 7 to 1; the least skill of any task and seed is -0.25." in text
    assert "Not replayed" not in text
    assert "One choice at a time" in text
    assert "One choice at a time" not in report({**found, "bounds": {}}, 125)
