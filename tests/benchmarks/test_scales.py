"""The toy regression of benchmarks/scales.py: what is trained, what is claimed, what is shown."""

from __future__ import annotations

import pytest
import torch

from benchmarks import scales
from benchmarks.side_by_side import side_by_side


def test_the_tasks_are_as_published() -> None:
    assembly = scales.assembly("two", 0)
    one, two = assembly.tasks
    assert isinstance(one, scales.Curve)
    assert isinstance(two, scales.Curve)
    difference = (one.matrix_YX - two.matrix_YX).square().mean()
    assert float(one.matrix_YX.square().mean()) == pytest.approx(13.5, rel=0.05)
    assert float(difference) == pytest.approx(7.0, rel=0.05)
    x = torch.randn(2000, scales.INPUTS) / scales.INPUTS**0.5
    inputs = {"x": x, "number": torch.arange(2000)}
    zero = torch.zeros(2000, scales.OUTPUTS)
    for task in (one, two):
        kept = task.keep(zero, inputs)
        assert task.error(kept) == pytest.approx(scales.trivial(), rel=0.02)
        loss = float(task.loss_sum(zero, inputs)) / task.count(inputs)
        assert loss == pytest.approx(scales.trivial() * task.sigma**2, rel=0.02)


def test_a_hundred_steps_show_the_difference() -> None:
    found = {each: scales.trained("two", each, 0, 100) for each in scales.CLAIMED}
    assert found["calibrated"] == pytest.approx(found[scales.ORACLE], rel=0.01)
    assert found["calibrated"] < 0.98 * found[scales.EQUAL]


def test_claims_are_about_the_seeds_that_both_have() -> None:
    results = {
        f"two|{scales.ORACLE}|0": 1.0,
        "two|calibrated|0": 1.02,
        "two|calibrated|1": 9.0,
        f"two|{scales.EQUAL}|1": 10.0,
    }
    assert list(scales.claims(results)) == [
        (f"two σ: calibrated over {scales.ORACLE}, 1 seeds", 1.02, 1.05),
        (f"two σ: calibrated over {scales.EQUAL}, 1 seeds", 0.9, 0.85),
    ]
    table = scales.table(results, {"two": {"calibrated": {"ms": 2.0, "ratio": 1.1}}})
    assert "| calibrated | 5.010 ± 5.643 (2) | 1.020 (1) | 1.10 (2.00 ms) | – | – | – |" in table


def test_trainings_take_turns() -> None:
    program = (
        "from benchmarks.side_by_side import Turns\n"
        "from support.moments import step\nturns = Turns(2)\n"
        "for number in range(1, 1000): turns.on_event(step(number))"
    )
    command = ["-c", f"import sys; sys.path.insert(0, {str(scales.ROOT / 'tests')!r})\n{program}"]
    found = side_by_side({"a": command, "b": command}, rounds=3)
    assert {name: len(rounds) for name, rounds in found.items()} == {"a": 3, "b": 3}
    assert all(seconds >= 0 for rounds in found.values() for seconds in rounds)


def test_a_worker_that_fails_is_named() -> None:
    with pytest.raises(SystemExit, match="the worker of broken ended early, with 3"):
        side_by_side({"broken": ["-c", "raise SystemExit(3)"]}, rounds=1)
