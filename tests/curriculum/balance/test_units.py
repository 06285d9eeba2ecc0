"""A loss in other units: which strategies do not see it, and which do, as the docs say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from support import tiny
from support.runs import TINY, digests, run_tiny

from curriculum.checkpoint import CheckpointStore
from curriculum.config import Kinds, load_plan_text
from curriculum.run.assemble import build_seeded
from curriculum.run.folder import RunFolder
from curriculum.state import from_bytes

JOINT = [
    "phases=[{name: all, turn_on: {shape: 1.0, kind: 0.5, size: 0.5}, duration: 200 steps}]",
    "defaults.evaluate_every=200 steps",
    "checkpoints.every=null",
]
PROMISED = {
    "calibrated": "kind: calibrated",
    "log": "kind: log",
    "uncertainty": "kind: uncertainty",
    "dwa": "kind: dwa",
    "gradnorm, normalized": "kind: gradnorm, normalize: true",
    "torchjd": "kind: torchjd",
}
EXCEPTIONS = {
    "fixed": "kind: fixed",
    "dwa, raw": "kind: dwa, normalize: false",
    "gradnorm": "kind: gradnorm",
}


def trained(folder: Path, balance: str, times: float) -> tuple[str, torch.Tensor]:
    """The weights' digest after training with the loss of `size` multiplied, and predictions."""
    overrides = [*JOINT, f"defaults.balance={{{balance}}}", f"model.args={{times: {times!r}}}"]
    (digest,) = digests(run_tiny(folder, overrides=overrides))
    store: CheckpointStore = RunFolder(folder).store
    (found,) = store.all()
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds())
    model = build_seeded(loaded, Kinds(), tiny.data()).model
    assert isinstance(model, tiny.TinyModel)
    model.load_state_dict(from_bytes(store.load(found), "").model)
    model.eval()
    inputs = tiny.data().validation
    with torch.no_grad():
        features = model.features(inputs, frozenset({"decoded"}))
        heads = [model.heads[name](features).reshape(-1) for name in ("shape", "kind", "size")]
    return digest, torch.cat(heads)


def apart(one: torch.Tensor, other: torch.Tensor) -> float:
    """Relative L2 distance."""
    return float((one - other).norm() / one.norm())


@pytest.mark.parametrize("balance", PROMISED.values(), ids=list(PROMISED))
def test_a_loss_times_a_million_trains_the_same(tmp_path: Path, balance: str) -> None:
    plain, here = trained(tmp_path / "a", balance, 1.0)
    _, there = trained(tmp_path / "b", balance, 1e6)
    assert apart(here, there) < 1e-3
    binary, _ = trained(tmp_path / "c", balance, 2.0**20)
    assert plain == binary


@pytest.mark.parametrize("balance", EXCEPTIONS.values(), ids=list(EXCEPTIONS))
def test_those_that_promise_nothing_train_otherwise(tmp_path: Path, balance: str) -> None:
    _, here = trained(tmp_path / "a", balance, 1.0)
    _, there = trained(tmp_path / "b", balance, 1e6)
    assert apart(here, there) > 0.05
