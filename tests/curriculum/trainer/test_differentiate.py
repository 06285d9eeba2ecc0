"""What the optimizer gets: the gradient of what the journal says was added up."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from support import tiny
from support.runs import TINY, Recorder, run_tiny
from torch import nn

from curriculum import events
from curriculum.balance import make_balance
from curriculum.config import DataSummary, Kinds, load_plan_text
from curriculum.plan import PlannedPhase, resolve
from curriculum.sampling import Order, Place
from curriculum.trainer.differentiate import Differentiator
from curriculum.trainer.objective import Objective
from curriculum.trainer.optim import trained_parameters

PLACE = Place(3, 0)
ALL = "phases=[{name: all, turn_on: {shape: 1.0, kind: 0.5, size: 0.25}, duration: 9 steps}]"
SUMS = ("fixed", "calibrated", "log", "uncertainty", "dwa", "gradnorm")


def phase_of(balance: str, *more: str) -> PlannedPhase:
    loaded = load_plan_text(TINY, "p", Kinds(), [ALL, f"defaults.balance={{{balance}}}", *more])
    (phase,) = resolve(loaded.plan, DataSummary(fingerprint="f", train_size=120))
    return phase


def differentiated(
    phase: PlannedPhase, step: int
) -> tuple[dict[str, torch.Tensor], dict[str, float]]:
    """The gradients that are left, and the norms that are measured."""
    torch.manual_seed(0)
    assembly = tiny.build(None, dropout=0.0)
    objective = Objective(assembly, tiny.data().splits["train"], torch.device("cpu"))
    parameters: dict[str, nn.Parameter] = trained_parameters(assembly.model, phase.weights)
    balance = make_balance(phase.training.balance, phase.steps)
    state = balance.start({}, {"shape": 2.0, "kind": 1.0, "size": 4.0})
    differentiate = Differentiator(objective, balance, phase, PLACE, parameters)
    terms = balance.terms(state, phase.weights)
    _, norms = differentiate(phase.weights, terms, Order(PLACE, 120).batch(1, 12), step)
    return {name: p.grad for name, p in parameters.items() if p.grad is not None}, norms


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_step_that_measures_has_the_gradient_of_one_that_does_not(pieces: int) -> None:
    change = [f"defaults.accumulation_steps={pieces}"]
    plain, none = differentiated(phase_of("kind: fixed", *change), 1)
    measured, norms = differentiated(phase_of("kind: gradnorm", *change), 1)
    assert none == {}
    assert set(norms) == {"shape", "kind", "size"}
    assert set(plain) == set(measured)
    for name, gradient in plain.items():
        torch.testing.assert_close(measured[name], gradient)


def test_the_norms_are_of_raw_gradients_on_the_trunk() -> None:
    _, norms = differentiated(phase_of("kind: gradnorm"), 1)
    alone = "phases=[{name: all, turn_on: {size: 1.0}, duration: 9 steps}]"
    gradients, _ = differentiated(phase_of("kind: fixed", alone), 1)
    trunk = [g for name, g in gradients.items() if not name.startswith("heads.")]
    whole = torch.cat([part.reshape(-1) for part in trunk]).norm()
    assert norms["size"] == pytest.approx(float(whole), rel=1e-3)


def test_between_measurements_there_are_none() -> None:
    phase = phase_of("kind: gradnorm, measure_every: 4 steps")
    assert [bool(differentiated(phase, step)[1]) for step in (1, 2, 5)] == [True, False, True]


@pytest.mark.parametrize("kind", SUMS)
def test_the_total_is_the_sum_of_what_is_logged(kind: str, tmp_path: Path) -> None:
    recorder = Recorder()
    run_tiny(tmp_path, overrides=[ALL, f"defaults.balance={{kind: {kind}}}"], observer=recorder)
    steps = recorder.of(events.Step)
    assert len(steps) == 9
    for step in steps:
        assert step.total == math.fsum(step.contributions.values())
    if kind == "log":
        first = steps[0]
        assert first.contributions["kind"] == pytest.approx(0.5 * math.log(first.losses["kind"]))
    assert {each.balance for each in recorder.of(events.PhaseStarted)} == {kind}
    assert all(math.isfinite(each.total) for each in recorder.of(events.Evaluated))
