"""The model and its tasks, on a few synthetic ears."""

from __future__ import annotations

import math
from typing import Any

import attrs
import numpy as np
import pytest
import torch

from abr_model import logistic
from abr_model.conditioning import STATICS, Condition
from abr_model.config import AbrUnet, abr_tasks
from abr_model.data import synthetic_data
from abr_model.model import AbrModel
from abr_model.standards import measure
from abr_model.tasks import build
from abr_model.trunk import Trunk
from curriculum.errors import DataError
from curriculum.run.assemble import check_labels, task_specs
from curriculum.sampling import Order, Place
from curriculum.tasks import Assembly
from curriculum.trainer.evaluation import Evaluator
from curriculum.trainer.objective import Objective

SMALL = AbrUnet(base_channels=8, n_levels=2, state_size=4, n_attention_layers=1)
NAMES = [spec.name for spec in abr_tasks(SMALL)]


@pytest.fixture(scope="module")
def data() -> Any:
    return synthetic_data(120, 2, 15.0, 0.15, 0.15, seed=3)


@pytest.fixture(scope="module")
def assembly(data: Any) -> Assembly:
    torch.manual_seed(0)
    return build(SMALL, data)


def trunk(levels: int = 3, attention: int = 1, dropout: float = 0.0) -> Trunk:
    torch.manual_seed(0)
    return Trunk(
        base_channels=8,
        n_levels=levels,
        n_s4_layers=1,
        state_size=4,
        n_attention_layers=attention,
        dropout=dropout,
    )


@pytest.mark.parametrize("length", [200, 299, 300, 480])
@pytest.mark.parametrize("levels", [1, 3])
def test_any_window_length(length: int, levels: int) -> None:
    parts = trunk(levels)(torch.randn(2, length), torch.rand(2), torch.randn(2, 6), decode=True)
    assert parts["decoded"].shape == (2, 8, length)
    assert parts["bottom"].shape == (2, 8 * 2 ** (levels - 1), -(-length // 2**levels))


def test_the_decoder_runs_only_where_it_is_read(assembly: Assembly, data: Any) -> None:
    model = assembly.model
    assert isinstance(model, AbrModel)
    ran: list[str] = []
    hooks = [
        part.register_forward_hook(lambda *_, name=name: ran.append(name))
        for name, part in model.named_modules()
        if name in {"trunk.join.0", "trunk.unstem", "trunk.stem", *(f"heads.{n}" for n in NAMES)}
    ]
    objective, place = Objective(assembly, data.splits["train"], torch.device("cpu")), Place(0, 0)
    drawn = Order(place, len(data.splits["train"])).batch(1, 24)
    for tasks, expected in [
        (["threshold"], {"trunk.stem", "heads.threshold"}),
        (["classification"], {"trunk.stem", "heads.classification"}),
        (["signal"], {"trunk.stem", "trunk.unstem", "trunk.join.0", "heads.signal"}),
    ]:
        ran.clear()
        objective.backward(tasks, drawn, place, dict.fromkeys(tasks, 1.0), step=1)
        assert set(ran) == expected
        model.zero_grad()
    ran.clear()
    objective.backward(NAMES, drawn, place, dict.fromkeys(NAMES, 1.0), step=1)
    assert ran.count("trunk.stem") == 2  # the noised view and the observed one
    assert ran.count("trunk.unstem") == 1
    for hook in hooks:
        hook.remove()


def test_missing_is_an_embedding_and_not_a_zero() -> None:
    torch.manual_seed(0)
    condition, time = Condition(16), torch.zeros(1)
    zero = torch.zeros(1, len(STATICS))
    missing = zero.clone()
    missing[0, 0] = math.nan
    assert not torch.allclose(condition(time, zero), condition(time, missing))
    condition(time, missing).sum().backward()
    gradient = condition.missing_SE.grad
    assert gradient is not None
    assert bool((gradient[0] != 0).any())
    assert bool((gradient[1:] == 0).all())


def test_every_parameter_gets_a_gradient(assembly: Assembly, data: Any) -> None:
    objective, place = Objective(assembly, data.splits["train"], torch.device("cpu")), Place(0, 0)
    drawn = Order(place, len(data.splits["train"])).batch(1, 48)
    assembly.model.zero_grad()
    objective.backward(NAMES, drawn, place, dict.fromkeys(NAMES, 1.0), step=1)
    without = [n for n, p in assembly.model.named_parameters() if p.grad is None]
    assert without == []
    assembly.model.zero_grad()


def test_the_tasks_are_those_that_plans_may_name(assembly: Assembly) -> None:
    built = {spec.name: spec for spec in task_specs(assembly)}
    for spec in abr_tasks(SMALL):
        assert built[spec.name].group == spec.group
        assert set(spec.metrics) <= set(built[spec.name].metrics)
    assert list(built) == NAMES


def test_scores_do_not_depend_on_the_chunk(assembly: Assembly, data: Any) -> None:
    cpu = torch.device("cpu")
    evaluator = Evaluator(assembly, data.splits["train"], data.splits, 0, cpu)
    whole = evaluator.evaluate(assembly.tasks, "validation")
    part = evaluator.evaluate(assembly.tasks, "validation", chunk=5)
    assert set(whole.metrics) == set(part.metrics)
    for name, value in whole.metrics.items():
        assert part.metrics[name] == pytest.approx(value, rel=1e-4), name
    for name, loss in whole.losses.items():
        assert part.losses[name] == pytest.approx(loss, rel=1e-4), name
    assert set(whole.skill) >= {*NAMES, "peaks"}
    assert set(whole.trivial["signal/mse_uv2"]) == {"zero", "raw"}


def test_labels_that_are_missing_add_nothing(assembly: Assembly, data: Any) -> None:
    batch = dict(data.splits["train"].batch(np.arange(8)))
    for name in ("wave_present", "wave_latency_ms", "wave_amplitude_uv", "threshold_db"):
        batch[name] = torch.full_like(batch[name], math.nan)
    batch["hearing_class"] = torch.full_like(batch["hearing_class"], -1)
    counts = {task.name: task.count(batch) for task in assembly.tasks}
    assert counts == {"signal": 8.0, **dict.fromkeys(NAMES[1:], 0.0)}


def test_a_recording_without_truth_is_trained_on_its_other_half(
    assembly: Assembly, data: Any
) -> None:
    batch = dict(data.splits["train"].batch(np.arange(6)))
    human = {**batch, "has_truth": torch.zeros(6, dtype=torch.bool)}
    human["truth_uv"] = torch.full_like(batch["truth_uv"], math.nan)

    class Draws:
        def uniform(self, name: str, *shape: int) -> torch.Tensor:
            return torch.full((6, *shape), 0.3)

        def normal(self, name: str, *shape: int) -> torch.Tensor:
            return torch.zeros(6, *shape)

    view = assembly.tasks[0].view
    prepared = view.prepare(human, Draws())
    assert bool(prepared["velocity"].isfinite().all())
    swapped = view.prepare({**human, "half_b_uv": -human["half_b_uv"]}, Draws())
    assert torch.equal(prepared["x"], swapped["x"])
    assert not torch.allclose(prepared["velocity"], swapped["velocity"])


class Changed:
    """A split whose columns are changed."""

    def __init__(self, split: Any, **changes: Any) -> None:
        self.split, self.changes = split, changes

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, indices: np.ndarray) -> dict[str, torch.Tensor]:
        batch = dict(self.split.batch(indices))
        return {n: self.changes.get(n, lambda x: x)(tensor) for n, tensor in batch.items()}


@pytest.mark.parametrize(
    ("task", "column", "change", "said"),
    [
        ("threshold", "threshold_db", lambda x: x * 0 + 25, "`threshold_db` is 25 everywhere"),
        ("peak_latency", "wave_latency_ms", lambda x: x * math.inf, "`wave_latency_ms` is inf"),
        ("classification", "hearing_class", lambda x: x + 3, "`hearing_class` is 7"),
        ("peak_existence", "wave_present", lambda x: x / 2, "`wave_present` is 0.5"),
    ],
)
def test_a_label_that_cannot_be_learned_is_named_if_its_task_is_on(
    data: Any, task: str, column: str, change: Any, said: str
) -> None:
    changed = attrs.evolve(
        data, splits={"train": Changed(data.splits["train"], **{column: change})}
    )
    assembly = build(SMALL, data) if "everywhere" not in said else build(SMALL, changed)
    with pytest.raises(DataError, match=rf"the head of `{task}` can learn\. Found {said}"):
        check_labels(assembly, NAMES, changed)
    check_labels(assembly, set(NAMES) - {task}, changed)


@pytest.mark.parametrize("column", ["threshold_db", "wave_latency_ms", "wave_amplitude_uv"])
def test_a_unit_that_is_a_power_of_two_changes_no_bit(data: Any, column: str) -> None:
    plain, label = measure(data.splits["train"]), data.splits["train"].batch(np.arange(40))[column]
    scaled = measure(Changed(data.splits["train"], **{column: lambda x: x * 2**20}))
    one = getattr(plain, column).standardise(label.reshape(40, -1))
    two = getattr(scaled, column).standardise(label.reshape(40, -1) * 2**20)
    assert torch.equal(one.nan_to_num(), two.nan_to_num())


def test_a_checkpoint_brings_its_own_constants(data: Any) -> None:
    other = synthetic_data(60, 1, 15.0, 0.15, 0.15, seed=9)
    trained, built = build(SMALL, data), build(SMALL, other)
    one, two = (each.tasks[0].view.standards for each in (trained, built))
    assert one.threshold_db.zero != two.threshold_db.zero
    assert not torch.equal(one.colour, two.colour)
    built.model.load_state_dict(trained.model.state_dict())
    assert one.threshold_db.zero == two.threshold_db.zero
    assert torch.equal(one.colour, two.colour)


def test_an_ear_whose_threshold_was_not_measured_bounds_it_by_its_response(
    assembly: Assembly, data: Any
) -> None:
    threshold = next(task for task in assembly.tasks if task.name == "threshold")
    batch = dict(data.splits["train"].batch(np.arange(3)))
    batch["threshold_db"] = torch.tensor([math.nan, math.nan, math.nan])
    batch["level_db"] = torch.tensor([40.0, 40.0, 40.0])
    present = torch.full((3, 3), math.nan)
    present[0, 2], present[1, 2] = 0.0, 1.0
    batch["wave_present"] = present
    assert threshold.count(batch) == 2
    units = measure(data.splits["train"]).threshold_db
    location = units.standardise(torch.tensor([[40.0], [40.0], [40.0]])).requires_grad_()
    loss = threshold.loss_sum(logistic.distribution(location, torch.zeros(3, 1)), batch)
    assert loss.item() == pytest.approx(2 * math.log(2))  # even odds on either side of the bound
    loss.backward()
    assert location.grad is not None
    up, down, none = location.grad[:, 0].tolist()
    assert up < 0 < down  # the first must go up, the second down
    assert none == 0


@pytest.mark.parametrize(
    ("settings", "millions"),
    [
        (AbrUnet(), (0.1, 0.3)),
        (AbrUnet(base_channels=64, n_s4_layers=2, state_size=64, n_attention_layers=4), (5.0, 6.5)),
        (
            AbrUnet(
                base_channels=80, n_levels=4, n_s4_layers=3, state_size=48, n_attention_layers=7
            ),
            (45.91, 46.83),  # 46.37 million within 1 %
        ),
    ],
    ids=["default", "convergence", "full"],
)
def test_sizes_of_the_presets(settings: AbrUnet, millions: tuple[float, float], data: Any) -> None:
    size = sum(p.numel() for p in build(settings, data).model.parameters()) / 1e6
    assert millions[0] < size < millions[1]
