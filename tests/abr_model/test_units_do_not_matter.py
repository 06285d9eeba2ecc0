"""Law 3 for every target of the ABR model, through the data's own interface.

The same ears, told in other units: recordings in something else than µV, latencies in something
else than ms, and so on. A reader of files would refuse such units; the model must not notice.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
from support.runs import Recorder
from torch import Tensor

import curriculum
from abr_model.config import AbrUnet
from abr_model.data import AbrData, synthetic_data
from abr_model.physical import denoised_uv, physical
from abr_model.standards import Standards, measure
from abr_model.tasks import build
from curriculum import events
from curriculum.errors import DataError
from curriculum.run.assemble import check_labels
from curriculum.tasks import Assembly, Batch
from curriculum.trainer.predicting import predict

QUANTITIES = {
    "recordings": (
        ("recording_uv", "half_a_uv", "half_b_uv", "truth_uv", "replicates_uv", "noise_uv"),
        ("denoised_uv",),
    ),
    "latencies": (("wave_latency_ms",), ("wave_latency_ms",)),
    "amplitudes": (("wave_amplitude_uv",), ("wave_amplitude_uv",)),
    "levels": (("threshold_db", "level_db"), ("threshold_db",)),
}
"""What is told in another unit together, and which outputs then come in it."""
TARGETS = {
    "recording_uv": "signal_uv",
    "truth_uv": "signal_uv",
    "wave_latency_ms": "wave_latency_ms",
    "wave_amplitude_uv": "wave_amplitude_uv",
    "threshold_db": "threshold_db",
    "level_db": "threshold_db",  # a bound of thresholds
}
"""The units that each target is standardised by."""
SMALL = AbrUnet(base_channels=8, n_levels=2, state_size=4, n_attention_layers=1)
PLAN = """\
experiment: units
model: {kind: mine}
data: {kind: mine}
defaults: {global_batch: 8, optimizer: {learning_rate: 1e-3}, schedule: {warmup: 20 steps}}
phases:
  - name: all
    turn_on:
      signal: 1.0
      classification: 0.5
      peak_existence: 0.3
      peak_latency: 0.3
      peak_amplitude: 0.3
      threshold: 0.3
    duration: 200 steps
"""


@attrs.frozen(eq=False)
class OtherUnits(Mapping[str, Tensor]):
    """A batch of which some quantities are told in another unit; some thresholds are not known."""

    batch: Batch
    names: tuple[str, ...]
    factor: float
    dtype: torch.dtype

    def __getitem__(self, name: str) -> Tensor:
        value = self.batch[name]
        if name == "threshold_db":
            value = value.masked_fill(self.batch["subject"] % 3 == 0, torch.nan)
        return value.to(self.dtype) * self.factor if name in self.names else value

    def __iter__(self) -> Iterator[str]:
        return iter(self.batch)

    def __len__(self) -> int:
        return len(self.batch)


@attrs.frozen(eq=False)
class Told:
    """A split, in other units."""

    split: Any
    names: tuple[str, ...]
    factor: float
    dtype: torch.dtype

    def __len__(self) -> int:
        return len(self.split)

    def batch(self, indices: np.ndarray) -> OtherUnits:
        return OtherUnits(self.split.batch(indices), self.names, self.factor, self.dtype)


def told_in(ears: AbrData, quantity: str, factor: float, dtype: torch.dtype = torch.float32) -> Any:
    """The data with a quantity in another unit."""
    names = QUANTITIES[quantity][0]
    splits: Any = {name: Told(split, names, factor, dtype) for name, split in ears.splits.items()}
    return attrs.evolve(ears, splits=splits)


@attrs.frozen(kw_only=True, eq=False)
class Outcome:
    """What a model learned, and what it says of the validation split in the data's units."""

    learned: Mapping[str, Tensor]
    says: Mapping[str, Tensor]
    skill: Mapping[str, float]
    losses: list[Mapping[str, float | None]]


def trained(folder: Path, source: Any) -> Outcome:
    assemblies: list[Assembly] = []

    def made() -> Assembly:
        assemblies.append(build(SMALL, source))
        return assemblies[-1]

    recorder = Recorder()
    (phase,) = curriculum.train(
        PLAN, build=made, data=source, runs_dir=folder, observers=[recorder], threads=1
    )
    state = assemblies[0].model.state_dict()
    return Outcome(
        learned={n: value for n, value in state.items() if not n.startswith("constants.")},
        says=said(assemblies[0], source),
        skill=phase["skill"],
        losses=[step.losses for step in recorder.of(events.Step)],
    )


def said(assembly: Assembly, source: Any) -> dict[str, Tensor]:
    split, standards = source.splits["validation"], measure(source.splits["train"])
    (found,) = predict(
        assembly, assembly.tasks, split, 0, torch.device("cpu"), lambda *_: None, len(split)
    )
    seen = found.inputs["signal"]
    clean = denoised_uv(seen["x"], seen["time"], found.predictions["signal"], standards)
    return {**physical(found.predictions, standards), "denoised_uv": clean}


@pytest.fixture(scope="module")
def ears() -> AbrData:
    return synthetic_data(100, 3, 10.0, 0.15, 0.15, seed=3)


@pytest.fixture(scope="module")
def plain(ears: AbrData, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return trained(tmp_path_factory.mktemp("plain"), told_in(ears, "recordings", 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_times_a_power_of_two_it_trains_the_same_bytes(
    plain: Outcome, ears: AbrData, tmp_path: Path, quantity: str
) -> None:
    other = trained(tmp_path, told_in(ears, quantity, 2.0**20))
    changed = [n for n, value in plain.learned.items() if not torch.equal(value, other.learned[n])]
    assert changed == []
    assert plain.losses == other.losses
    for name, value in plain.says.items():
        factor = 2.0**20 if name in QUANTITIES[quantity][1] else 1.0
        assert torch.equal(value * factor, other.says[name]), name
    assert plain.skill == other.skill


@pytest.mark.slow
@pytest.mark.parametrize("factor", [1e6, 1e-6])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_times_any_factor_it_predicts_the_same(
    plain: Outcome, ears: AbrData, tmp_path: Path, quantity: str, factor: float
) -> None:
    other = trained(tmp_path, told_in(ears, quantity, factor))
    for name, value in plain.says.items():
        again = other.says[name] / (factor if name in QUANTITIES[quantity][1] else 1.0)
        assert ((again - value).norm() / value.norm()).item() < 1e-3, name


@pytest.mark.parametrize("factor", [2.0**20, 1e6, 1e-6])
@pytest.mark.parametrize("quantity", QUANTITIES)
def test_standardised_targets_agree_within_an_ulp(
    ears: AbrData, quantity: str, factor: float
) -> None:
    plain = standardised(told_in(ears, quantity, 1.0))
    # In float64, so that no label is rounded before the model gets it.
    for name, other in standardised(told_in(ears, quantity, factor, torch.float64)).items():
        known = plain[name].isfinite()
        assert torch.equal(known, other.isfinite())
        one, two = plain[name][known], other[known]
        ulp = torch.nextafter(one.abs(), torch.tensor(torch.inf)) - one.abs()
        # Where a label is its zero, what is left is rounding of float64.
        allowed = 0.0 if factor == 2.0**20 else ulp.clamp_min(1e-12)
        assert bool(((one - two).abs() <= allowed).all()), name


def standardised(source: Any) -> dict[str, Tensor]:
    """Every target of the training split as tasks learn it."""
    split = source.splits["train"]
    batch, standards = split.batch(np.arange(len(split))), measure(split)
    return {name: getattr(standards, of).standardise(batch[name]) for name, of in TARGETS.items()}


def test_the_constants_are_physical_and_in_the_checkpoint(ears: AbrData) -> None:
    plain, other = (measure(told_in(ears, "latencies", k).splits["train"]) for k in (1.0, 2.0**20))
    assert torch.equal(plain.wave_latency_ms.scale * 2**20, other.wave_latency_ms.scale)
    state = build(SMALL, told_in(ears, "latencies", 1.0)).model.state_dict()
    again = Standards.of_state(state)
    assert torch.equal(again.wave_latency_ms.zero, plain.wave_latency_ms.zero)
    assert again.wave_latency_ms.zero.dtype == torch.float64


@pytest.mark.parametrize(
    ("quantity", "task", "message"),
    [
        ("recordings", "signal", "`recording_uv` is 0 everywhere: nothing to learn"),
        ("latencies", "peak_latency", "`wave I latency` is 0 everywhere: nothing to learn"),
        ("amplitudes", "peak_amplitude", "`wave I amplitude` is 0 everywhere: nothing to learn"),
        ("levels", "threshold", "`threshold_db` is 0 everywhere: nothing to learn"),
    ],
)
def test_a_constant_target_is_an_error(
    ears: AbrData, quantity: str, task: str, message: str
) -> None:
    source = told_in(ears, quantity, 0.0)
    with pytest.raises(DataError, match=message):
        check_labels(build(SMALL, source), [task], source)
