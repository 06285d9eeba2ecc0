"""The ABR model in the formats of other programs, held against what `predict` says."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from support.abr import RUN, abr

from abr_model.conditioning import STATICS
from abr_model.data import synthetic_data
from abr_model.standards import CLASSES

Floats = NDArray[np.float32]
Program = Callable[[Floats, Floats], Mapping[str, Floats]]


def export(runs: Path, folder: Path, *options: str, run: str = RUN) -> None:
    answer = abr("export", run, folder, "--runs-dir", runs, "--threads", "1", "--quiet", *options)
    assert answer.code == 0, answer.err


@pytest.fixture(scope="module")
def exported(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("exported")
    export(runs, folder, "--format", "torch-export", "--format", "onnx")
    return folder


@pytest.fixture(scope="module")
def samples() -> tuple[Floats, Floats]:
    """Recordings and statics of the test split, in µV and as they are."""
    test = synthetic_data(200, 2, 15.0, 0.15, 0.15, seed=1).splits["test"]
    batch = test.batch(np.arange(len(test)))
    return batch["recording_uv"].numpy(), np.stack([batch[n].numpy() for n in STATICS], 1)


def torch_program(path: Path, outputs: Sequence[str]) -> Program:
    program = torch.export.load(path).module()

    def call(recording: Floats, statics: Floats) -> Mapping[str, Floats]:
        with torch.no_grad():
            found = program(torch.from_numpy(recording), torch.from_numpy(statics))
        return dict(zip(outputs, (each.numpy() for each in found), strict=True))

    return call


def onnx_program(path: Path, outputs: Sequence[str]) -> Program:
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    assert [each.name for each in session.get_outputs()] == list(outputs)

    def call(recording: Floats, statics: Floats) -> Mapping[str, Floats]:
        found = session.run(None, {"recording_uv": recording, "statics": statics})
        return dict(zip(outputs, found, strict=True))

    return call


HEADS = (
    "class_probability",
    "class_balanced",
    "wave_probability",
    "wave_latency_ms",
    "wave_amplitude_uv",
    "threshold_db",
)
KINDS = [(torch_program, ".pt2"), (onnx_program, ".onnx")]


@pytest.mark.slow
@pytest.mark.parametrize(("load", "suffix"), KINDS, ids=["torch-export", "onnx"])
def test_heads_say_what_predict_says(
    exported: Path,
    runs: Path,
    samples: tuple[Floats, Floats],
    load: Callable[[Path, Sequence[str]], Program],
    suffix: str,
) -> None:
    table = abr("predict", RUN, "--split", "test", "--runs-dir", runs, "--quiet").out
    rows = list(csv.DictReader(io.StringIO(table)))
    found = load(exported / f"heads{suffix}", HEADS)(*samples)

    def same(said: Floats, column: str) -> None:
        expected = [float(row[column]) for row in rows]
        np.testing.assert_allclose(said, expected, rtol=1e-3, atol=1e-4, err_msg=column)

    for place, name in enumerate(CLASSES):
        same(found["class_probability"][:, place], f"probability_{name}")
    for side, end in enumerate(("", "_low", "_high")):
        same(found["threshold_db"][:, side], f"threshold{end}_db")
        same(found["wave_latency_ms"][:, 2, side], f"wave_v_latency{end}_ms")
        same(found["wave_amplitude_uv"][:, 0, side], f"wave_i_amplitude{end}_uv")
    same(found["wave_probability"][:, 1], "wave_iii_probability")


@pytest.mark.slow
@pytest.mark.parametrize(("load", "suffix"), KINDS, ids=["torch-export", "onnx"])
def test_the_denoiser_says_what_predict_writes(
    exported: Path,
    runs: Path,
    samples: tuple[Floats, Floats],
    tmp_path: Path,
    load: Callable[[Path, Sequence[str]], Program],
    suffix: str,
) -> None:
    place = tmp_path / "clean.npz"
    abr("predict", RUN, "--split", "test", "--denoised", place, "--runs-dir", runs, "--quiet")
    found = load(exported / f"denoiser{suffix}", ["denoised_uv"])(*samples)["denoised_uv"]
    expected = np.load(place)["denoised_uv"]
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.slow
@pytest.mark.parametrize(("load", "suffix"), KINDS, ids=["torch-export", "onnx"])
def test_what_is_not_known_may_be_missing(
    exported: Path,
    samples: tuple[Floats, Floats],
    load: Callable[[Path, Sequence[str]], Program],
    suffix: str,
) -> None:
    recording, statics = (each[:3].copy() for each in samples)
    program = load(exported / f"heads{suffix}", HEADS)
    whole = program(recording, statics)["threshold_db"]
    statics[1] = np.nan
    found = program(recording, statics)["threshold_db"]
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found[[0, 2]], whole[[0, 2]], rtol=1e-5)
    assert not np.allclose(found[1], whole[1])
    one = program(recording[1:2], statics[1:2])["threshold_db"]
    np.testing.assert_allclose(one, found[1:2], rtol=1e-4)


def test_a_run_of_two_phases_exports_what_was_trained(runs: Path, tmp_path: Path) -> None:
    export(runs, tmp_path, "--format", "safetensors", "--format", "torch-export", run="early")
    program = torch.export.load(tmp_path / "heads.pt2")
    batch = (torch.zeros(2, 300), torch.full((2, 6), torch.nan))
    assert [tuple(each.shape) for each in program.module()(*batch)] == [(2, 5), (2, 5)]
    with safe_open(tmp_path / "early.safetensors", "pt") as file:
        found = file.metadata()
        zero = file.get_tensor("constants.threshold_db_zero").tolist()
    assert [task["name"] for task in json.loads(found["tasks"])] == ["signal", "classification"]
    assert json.loads(found["standards"])["threshold_db"]["zero"] == zero
    assert json.loads(found["statics"]) == list(STATICS)
    card = (tmp_path / "model_card.md").read_text()
    assert "**For research, not a medical device.**" in card
    assert "- tasks that were trained: `signal`, `classification`\n" in card
    assert "| classification/balanced_accuracy |" in card
    assert "threshold/mae_db" not in card
