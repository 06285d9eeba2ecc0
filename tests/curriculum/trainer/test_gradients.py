"""Each task's own gradient, against plain torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from support import tiny
from support.runs import run_tiny
from torch import nn

from curriculum.balance import Term
from curriculum.errors import PolicyStop
from curriculum.sampling import Drawn, Order, Place
from curriculum.trainer.gradients import (
    ByTask,
    by_task,
    flat,
    products,
    trunk_parameters,
    without_dropout,
)
from curriculum.trainer.objective import Objective

TASKS = ("shape", "kind", "size")
PLACE = Place(3, 0)


@pytest.fixture
def objective() -> Iterator[Objective]:
    torch.manual_seed(0)
    assembly = tiny.build(None)
    with without_dropout(assembly.model):
        yield Objective(assembly, tiny.data().splits["train"], torch.device("cpu"))


def drawn() -> Drawn:
    return Order(PLACE, 120).batch(1, 12)


def rows_of(objective: Objective, *tasks: str, micro_steps: int = 1) -> ByTask:
    parameters = list(objective.assembly.model.parameters())
    settings = {"step": 1, "micro_steps": micro_steps, "stream": "train"}
    return by_task(objective, tasks, drawn(), PLACE, parameters, **settings)  # type: ignore[arg-type]


def gradients(objective: Objective, task: str) -> list[torch.Tensor]:
    """A task's gradient as the training step finds it, alone."""
    model = objective.assembly.model
    model.zero_grad(set_to_none=True)
    objective.backward([task], drawn(), PLACE, {task: 1.0}, step=1)
    return [torch.zeros_like(p) if p.grad is None else p.grad for p in model.parameters()]


def test_rows_are_the_gradients_of_each_task_alone(objective: Objective) -> None:
    found, parameters = rows_of(objective, *TASKS), list(objective.assembly.model.parameters())
    assert list(found.rows) == list(TASKS)
    for task in TASKS:
        alone = torch.cat([part.reshape(-1) for part in gradients(objective, task)])
        torch.testing.assert_close(flat(found.rows[task], parameters), alone)


def test_micro_batches_add_up(objective: Objective) -> None:
    whole, pieces = rows_of(objective, *TASKS), rows_of(objective, *TASKS, micro_steps=4)
    parameters = list(objective.assembly.model.parameters())
    for task in ("shape", "size"):  # `kind` has batch statistics
        torch.testing.assert_close(
            flat(whole.rows[task], parameters), flat(pieces.rows[task], parameters)
        )
        assert whole.sums[task][1] == pieces.sums[task][1]


def test_nothing_is_added_to_any_gradient(objective: Objective) -> None:
    rows_of(objective, *TASKS)
    assert all(parameter.grad is None for parameter in objective.assembly.model.parameters())


def test_a_task_without_labels_has_no_row(objective: Objective) -> None:
    size = objective.split.batch(drawn().samples)["size"]
    unlabelled = drawn().samples[size.isnan().numpy()][:1]
    only = Drawn(unlabelled, unlabelled * 0)
    trunk = list(trunk_parameters(objective.assembly.model).values())
    found = by_task(objective, TASKS, only, PLACE, trunk, step=1, micro_steps=1, stream="train")
    assert "size" not in found.rows
    assert float(found.sums["size"][0]) == found.sums["size"][1] == 0.0


def test_products_are_inner_products(objective: Objective) -> None:
    rows, parameters = rows_of(objective, *TASKS).rows, list(objective.assembly.model.parameters())
    matrix = torch.stack([flat(row, parameters).double() for row in rows.values()])
    found = torch.tensor(products(list(rows.values())), dtype=torch.float64)
    torch.testing.assert_close(found, matrix @ matrix.T)
    assert products([(None,), (None,)]) == [[0.0, 0.0], [0.0, 0.0]]


def test_the_trunk_is_what_lies_outside_the_heads(objective: Objective) -> None:
    model = objective.assembly.model
    assert {name.split(".")[0] for name in trunk_parameters(model)} == {"encoder", "decoder"}
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    assert trunk_parameters(model) == {}


def test_modes_are_given_back_module_by_module() -> None:
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2))
    model[1].eval()
    with without_dropout(model):
        assert not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == [True, True, False]


def test_logarithms_have_the_slope_of_the_batch_itself(objective: Objective) -> None:
    model, found = objective.assembly.model, rows_of(objective, *TASKS)
    parameters = list(model.parameters())
    weights = {"shape": 1.0, "kind": 0.5, "size": 0.25}
    objective.backward(TASKS, drawn(), PLACE, weights, step=1, logarithms=set(TASKS))
    expected = torch.zeros(sum(parameter.numel() for parameter in parameters))
    for task, row in found.rows.items():
        part, count = found.sums[task]
        slope = Term(logarithm=True).slope(float(part) / count)
        expected += weights[task] * slope * flat(row, parameters)
    together = flat(tuple(parameter.grad for parameter in parameters), parameters)
    torch.testing.assert_close(together, expected)


def test_a_loss_below_zero_has_no_logarithm(tmp_path: Path) -> None:
    change = ["defaults.balance={kind: log}", "model.args={times: -1.0}"]
    with pytest.raises(
        PolicyStop,
        match=r"every loss must be zero or more where its logarithm is trained on\. Found `size` -",
    ):
        run_tiny(tmp_path, overrides=change)
