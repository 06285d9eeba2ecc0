"""Law 4 for the ABR model and its data: each option, changed, changes what a run does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.behaviour import differ, what_happened
from support.runs import Recorder

from abr_model.config import ABR_KINDS
from abr_model.data.made import made_dataset
from abr_model.data.npz import write_npz
from curriculum.config import load_plan_text, options
from curriculum.run.folder import RunFolder
from curriculum.run.runner import Request, run

PLAN = """
experiment: live
model: {kind: abr_unet, base_channels: 4, n_levels: 1, state_size: 2, n_attention_layers: 0}
data: {kind: synthetic, subjects: 60, recordings_per_subject: 1}
defaults: {global_batch: 8, balance: {kind: fixed}}
phases:
  - {name: all, turn_on: {signal: 1.0, classification: 1.0, threshold: 1.0}, duration: 3 steps}
"""
RECORDINGS = "data={kind: recordings, path: one.npz}"
MIXED = (
    "data={kind: mixed, synthetic: {subjects: 60, recordings_per_subject: 1}, "
    "recordings: {path: one.npz}}"
)

# option, by the kind that it belongs to: (what is common, its value, another value)
CHANGES: dict[tuple[str, str], tuple[str | None, str, str]] = {
    ("abr_unet", "model.base_channels"): (None, "4", "5"),
    ("abr_unet", "model.n_levels"): (None, "1", "2"),
    ("abr_unet", "model.n_s4_layers"): (None, "1", "2"),
    ("abr_unet", "model.state_size"): (None, "2", "4"),
    ("abr_unet", "model.n_attention_layers"): (None, "0", "1"),
    ("abr_unet", "model.dropout"): (None, "0.1", "0.5"),
    ("synthetic", "data.subjects"): (None, "60", "70"),
    ("synthetic", "data.recordings_per_subject"): (None, "1", "2"),
    ("synthetic", "data.window_ms"): (None, "15.0", "12.0"),
    ("synthetic", "data.validation_share"): (None, "0.15", "0.3"),
    ("synthetic", "data.test_share"): (None, "0.15", "0.3"),
    ("recordings", "data.path"): (RECORDINGS, "one.npz", "two.npz"),
    ("recordings", "data.validation_share"): (RECORDINGS, "0.15", "0.3"),
    ("recordings", "data.test_share"): (RECORDINGS, "0.15", "0.3"),
    ("recordings", "data.window_ms"): (RECORDINGS, "15.0", "12.0"),
    ("mixed", "data.synthetic.subjects"): (MIXED, "60", "70"),
    ("mixed", "data.synthetic.recordings_per_subject"): (MIXED, "1", "2"),
    ("mixed", "data.synthetic.window_ms"): (MIXED, "15.0", "12.0"),
    ("mixed", "data.synthetic.validation_share"): (MIXED, "0.15", "0.3"),
    ("mixed", "data.synthetic.test_share"): (MIXED, "0.15", "0.3"),
    ("mixed", "data.recordings.path"): (MIXED, "one.npz", "two.npz"),
    ("mixed", "data.recordings.validation_share"): (MIXED, "0.15", "0.3"),
    ("mixed", "data.recordings.test_share"): (MIXED, "0.15", "0.3"),
}


@pytest.fixture(scope="module")
def data_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two data sets with labels, of other ears."""
    folder = tmp_path_factory.mktemp("data")
    for name, seed in (("one", 1), ("two", 2)):
        made, _ = made_dataset(60, 1, 15.0, 0.15, 0.15, seed=seed)
        write_npz(made, folder / f"{name}.npz")
    return folder


def test_every_option_of_the_model_and_the_data_has_its_change() -> None:
    listed = {(info.given[-1][1], info.path) for info in options(ABR_KINDS) if info.given}
    own = {*ABR_KINDS.models, *ABR_KINDS.data}
    assert {(kind, path) for kind, path in listed if kind in own} == set(CHANGES)


@pytest.mark.slow
@pytest.mark.parametrize("option", CHANGES, ids=" ".join)
def test_changing_it_changes_what_the_run_does(
    option: tuple[str, str], tmp_path: Path, data_sets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(data_sets)
    common, plain, changed = CHANGES[option]
    given = [] if common is None else [common]
    one = behaviour(tmp_path / "plain", [*given, f"{option[1]}={plain}"])
    two = behaviour(tmp_path / "changed", [*given, f"{option[1]}={changed}"])
    assert differ(one, two)


def behaviour(folder: Path, overrides: Sequence[str]) -> list[Any]:
    recorder = Recorder()
    loaded = load_plan_text(PLAN, "live.yaml", ABR_KINDS, overrides)
    request = Request(loaded=loaded, kinds=ABR_KINDS, folder=RunFolder(folder), threads=1)
    run(request, [recorder])
    return what_happened(recorder)
