"""Law 3 for the ready parts: a target in another unit trains the same model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from support.runs import Recorder
from torch import Tensor, nn

import curriculum
from curriculum import Assembly, Classification, Regression, SharedTrunk, TensorData, events
from curriculum.errors import DataError

PLAN = """\
experiment: units
model: {kind: mine}
data: {kind: mine}
defaults: {global_batch: 16, optimizer: {learning_rate: 3e-3}, schedule: {kind: constant}}
phases:
  - {name: size, turn_on: {size: 1.0}, duration: 100 steps}
  - {name: kind, turn_on: {kind: 1.0}, duration: 100 steps}
"""


def samples(count: int, seed: int, factor: float) -> dict[str, Tensor]:
    random = torch.Generator().manual_seed(seed)
    x = torch.randn(count, 4, generator=random)
    size = 12 + 8 * x[:, 2].sin() - 2 * x[:, 3]
    known = torch.rand(count, generator=random) < 0.8
    size = size.masked_fill(~known, torch.nan) * factor
    return {"x": x, "size": size, "kind": (x[:, 0] > 0.5).long()}


def data(factor: float = 1.0) -> TensorData:
    return TensorData(train=samples(300, 0, factor), validation=samples(100, 1, factor))


class Trained:
    """A model that was trained on sizes in some unit."""

    def __init__(self, folder: Path, source: TensorData) -> None:
        self.assemblies: list[Assembly] = []
        self.recorder = Recorder()
        self.phases = curriculum.train(
            PLAN, build=self.build, data=source, runs_dir=folder, observers=[self.recorder]
        )
        self.model = self.assemblies[0].model
        assert isinstance(self.model, SharedTrunk)
        self.predictions = self.model.predict(source.validation)

    def build(self) -> Assembly:
        trunk = nn.Sequential(nn.Linear(4, 16), nn.GELU())
        heads = {"size": nn.Linear(16, 1), "kind": nn.Linear(16, 2)}
        model = SharedTrunk("x", trunk, heads)
        self.assemblies.append(
            Assembly(model=model, tasks=(Regression("size"), Classification("kind")))
        )
        return self.assemblies[0]

    @property
    def learned(self) -> Mapping[str, Tensor]:
        """Its tensors without the constants."""
        state = self.model.state_dict()
        return {name: value for name, value in state.items() if ".target_" not in name}


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return Trained(tmp_path_factory.mktemp("plain"), data())


def test_it_learns(plain: Trained) -> None:
    assert plain.phases[-1]["skill"]["size"] > 0.6
    size = data().validation["size"]
    error = (plain.predictions["size"].squeeze(1) - size).abs().nanmean().item()
    assert error == pytest.approx(plain.phases[-1]["metrics"]["size/size_mae"], rel=1e-4)


@pytest.mark.parametrize("factor", [2.0**20, 2.0**-20])
def test_times_a_power_of_two_it_trains_the_same_bytes(
    plain: Trained, tmp_path: Path, factor: float
) -> None:
    other = Trained(tmp_path, data(factor))
    assert all(torch.equal(value, other.learned[name]) for name, value in plain.learned.items())
    assert torch.equal(plain.predictions["size"] * factor, other.predictions["size"])
    for one, two in zip(plain.phases, other.phases, strict=True):
        assert one["skill"] == two["skill"]
        assert one["metrics"]["size/size_mae"] * factor == two["metrics"]["size/size_mae"]


@pytest.mark.parametrize("factor", [1e6, 1e-6])
def test_times_any_factor_it_predicts_the_same(
    plain: Trained, tmp_path: Path, factor: float
) -> None:
    other = Trained(tmp_path, data(factor))
    for task, scale in (("size", factor), ("kind", 1.0)):
        was, now = plain.predictions[task], other.predictions[task] / scale
        assert ((now - was).norm() / was.norm()).item() < 1e-3
    losses = [[step.losses for step in t.recorder.of(events.Step)] for t in (plain, other)]
    assert len(losses[0]) == 200
    assert losses[1][0]["size"] == pytest.approx(losses[0][0]["size"], rel=1e-5)


def test_the_constants_are_in_the_checkpoint(plain: Trained) -> None:
    state = plain.model.state_dict()
    known = data().train["size"].double()
    median = torch.from_numpy(known.numpy()[~known.isnan().numpy()]).quantile(0.5)
    assert state["heads.size.target_zero"].item() == median.item()
    assert state["heads.size.target_scale"].dtype == torch.float64
    assert state["heads.kind.target_scale"].item() == 1.0
    again = SharedTrunk(
        "x",
        nn.Sequential(nn.Linear(4, 16), nn.GELU()),
        {"size": nn.Linear(16, 1), "kind": nn.Linear(16, 2)},
    )
    again.load_state_dict(state)
    for task, said in again.predict(data().validation).items():
        assert torch.equal(said, plain.predictions[task])


def test_a_constant_target_is_an_error_that_names_it(tmp_path: Path) -> None:
    source = data()
    fixed = {**source.train, "size": torch.full((300,), 2.5)}
    with pytest.raises(DataError, match=r"`size` is 2\.5 everywhere: nothing to learn"):
        Trained(tmp_path, TensorData(train=fixed, validation=source.validation))


def test_a_fallback_is_announced(tmp_path: Path) -> None:
    source = data()
    size = torch.zeros(300)
    size[:60] = source.train["size"][:60].nan_to_num(1.0)
    found = Trained(
        tmp_path, TensorData(train={**source.train, "size": size}, validation=source.validation)
    )
    said = [warned.message for warned in found.recorder.of(events.Warned)]
    assert "the robust scale of `size` is 0: its standard deviation is used" in said
