"""`export` of models that have nothing to do with hearing."""

from __future__ import annotations

import json
import logging
import re
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import onnxruntime
import pytest
import torch
from safetensors import safe_open
from support import tiny
from support.commands import Answer
from support.golden import assert_golden, masked
from support.runs import TINY

from curriculum.cli import Client, main
from curriculum.config import Kinds, load_plan_text
from curriculum.errors import CurriculumError
from curriculum.export import formats, programs
from curriculum.export.comparing import largest_difference
from curriculum.export.quiet import quiet
from curriculum.run.assemble import build_seeded
from curriculum.run.folder import RunFolder
from curriculum.run.restored import load_last_state

CLIENT = Client(
    name="tiny", version="0", summary="A test.", kinds=Kinds(), plans=Path(__file__).parent
)
GOLDEN = Path(__file__).parent / "golden"
PROGRAMS = ("--format", "torch-export", "--format", "onnx")
Export = Callable[..., Answer]


@pytest.fixture
def tiny_export(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any) -> Export:
    """Train the tiny plan with a factory, unless it was, and export it to `out`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    Path("plan.yaml").write_text(TINY)

    def call(*options: str, factory: str = "support.programs:build") -> Answer:
        model = f"model={{kind: python, factory: {factory}}}"
        trained = ["run", "plan.yaml", "--set", model, "--trust-plan", "--threads=1", "--quiet"]
        assert main(CLIENT, trained) == 0
        capsys.readouterr()
        code = main(CLIENT, ["export", "tiny", "out", "--trust-plan", "--threads=1", *options])
        return Answer(code, *capsys.readouterr())

    return call


def state() -> Any:
    return load_last_state(RunFolder(Path("runs/tiny")))


def metadata(path: str) -> dict[str, str]:
    with safe_open(path, "pt") as file:
        found: dict[str, str] = file.metadata()
    return found


def tensors(path: str) -> dict[str, torch.Tensor]:
    with safe_open(path, "pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


@pytest.mark.parametrize("factory", ["support.tiny:build", "support.programs:tied"])
def test_the_tensors_of_any_model(tiny_export: Export, factory: str) -> None:
    answer = tiny_export("--json", factory=factory)
    assert answer.code == 0, answer.err
    kept = state()
    found = tensors("out/tiny.safetensors")
    assert found.keys() == kept.model.keys()
    assert all(torch.equal(found[name], kept.model[name]) for name in found)
    (file,) = answer.document["files"]
    assert file["file"] == "tiny.safetensors"
    assert file["bytes"] == Path("out/tiny.safetensors").stat().st_size
    assert sorted(each.name for each in Path("out").iterdir()) == [
        "model_card.md",
        "tiny.safetensors",
    ]


def test_the_metadata_say_what_the_tensors_are(tiny_export: Export) -> None:
    tiny_export()
    found = metadata("out/tiny.safetensors")
    assert found["phase"] == "third"
    assert found["step"] == str(state().step)
    assert json.loads(found["plan"])["phases"][0]["turn_on"] == {"shape": 1.0}
    assert [task["name"] for task in json.loads(found["tasks"])] == ["shape", "kind", "size"]
    assert (found["unit"], json.loads(found["powers"])) == ("m", [1, 2])


def test_programs_say_what_the_model_says_for_any_number_of_samples(tiny_export: Export) -> None:
    answer = tiny_export(*PROGRAMS, "--json")
    assert answer.code == 0, answer.err
    model = build_seeded(load_plan_text(TINY, "tiny.yaml", Kinds()), Kinds(), tiny.data()).model
    assert isinstance(model, tiny.TinyModel)
    model.load_state_dict(state().model)
    model.eval()
    program = torch.export.load("out/sizes.pt2").module()
    session = onnxruntime.InferenceSession("out/sizes.onnx", providers=["CPUExecutionProvider"])
    for size in (1, 2, 50):
        x = torch.randn(size, tiny.WIDTH)
        with torch.no_grad():
            encoded = model.features({"x": x}, frozenset({"encoded"}))
            double = 2 * model.heads["size"](encoded)[:, 0]
            said = program(x)
        torch.testing.assert_close(said[0], double)
        found = session.run(["double_size"], {"x": x.numpy()})[0]
        torch.testing.assert_close(torch.from_numpy(found), double, rtol=1e-4, atol=1e-5)
    assert [file["part"] for file in answer.document["files"]] == ["sizes", "sizes"]
    assert all(0 <= file["largest_difference"] < 1e-4 for file in answer.document["files"])


def test_programs_describe_themselves_and_no_machine(tiny_export: Export) -> None:
    tiny_export(*PROGRAMS)
    made = onnx.load("out/sizes.onnx")
    (given,) = made.graph.input
    assert given.name == "x"
    assert given.doc_string == "(B, 8), in metres"
    assert given.type.tensor_type.shape.dim[0].dim_param == "batch"
    assert [each.name for each in made.graph.output] == ["double_size", "encoded"]
    facts = {each.key: each.value for each in made.metadata_props}
    assert facts["unit"] == "m"
    extra = {"about.json": ""}
    torch.export.load("out/sizes.pt2", extra_files=extra)
    assert json.loads(extra["about.json"])["outputs"]["encoded"] == "(B, 16)"
    root = str(Path(__file__).parents[3]).encode()
    for file in Path("out").iterdir():
        assert root not in file.read_bytes()


def test_the_card(tiny_export: Export) -> None:
    answer = tiny_export("--format", "safetensors", "--format", "onnx")
    card = Path("out/model_card.md").read_text()
    sizes = re.sub(r"\| [\d,]+ \|", "| <bytes> |", masked(card))
    assert_golden(sizes, GOLDEN / "card.md")
    assert answer.out.splitlines()[-1] == "wrote out/model_card.md"


def test_what_is_there_is_replaced_and_the_rest_stays(tiny_export: Export) -> None:
    Path("out").mkdir()
    Path("out/notes.txt").write_text("mine")
    Path("out/tiny.safetensors").write_text("old")
    assert tiny_export().code == 0
    assert Path("out/notes.txt").read_text() == "mine"
    assert Path("out/tiny.safetensors").stat().st_size > 100
    assert [path for path in Path().iterdir() if ".partial-" in path.name] == []


def test_an_export_that_says_something_else_is_not_written(
    tiny_export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = programs.run_torch_export

    def wrong(path: Path, inputs: Any) -> Any:
        double, encoded = right(path, inputs)
        return double + 0.5, encoded

    monkeypatch.setattr(programs, "run_torch_export", wrong)
    answer = tiny_export("--format", "safetensors", "--format", "torch-export")
    assert answer.code == 1
    said = "error: sizes.pt2: an export must say what the model says. Found `double_size` differs"
    assert said in answer.err
    assert "Nothing was written." in answer.err
    assert not Path("out").exists()
    assert [path for path in Path().iterdir() if ".partial-" in path.name] == []


NO_PARTS = (
    "the model must offer parts to be exported as onnx. Found none: its factory returns an "
    "`Assembly` without `exports`. Use `--format safetensors`, which holds the tensors of any "
    "model."
)
NO_FORMAT = "`--format` must be one of safetensors, torch-export, onnx. Found 'tensorflow'."


@pytest.mark.parametrize(("chosen", "said"), [("onnx", NO_PARTS), ("tensorflow", NO_FORMAT)])
def test_what_cannot_be_is_said(tiny_export: Export, chosen: str, said: str) -> None:
    answer = tiny_export("--format", chosen, factory="support.tiny:build")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err.splitlines()[-1] == f"error: {said}"
    assert not Path("out").exists()


def test_a_part_that_cannot_be_traced_is_named(
    tiny_export: Export, monkeypatch: pytest.MonkeyPatch
) -> None:
    from support import programs as parts

    build = parts.build
    monkeypatch.setattr(parts, "build", lambda data: build(data, branching=True))
    answer = tiny_export("--format", "onnx")
    assert answer.code == 1
    assert "error: `sizes` must be one that torch.export can trace. Found " in answer.err
    assert "Nothing was written. Try another format." in answer.err


def test_a_destination_that_is_a_file_is_refused(tiny_export: Export) -> None:
    Path("out").write_text("mine")
    answer = tiny_export()
    assert answer.code == 2
    assert answer.err.splitlines()[-1] == (
        "error: out: the destination must be a folder that can be written. Found a file."
    )
    assert Path("out").read_text() == "mine"


def test_a_package_that_is_missing_is_named_with_the_way_to_get_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda name: None if "onnx" in name else object())
    assert main(CLIENT, ["export", "run", "out", "--format", "onnx"]) == 2
    assert capsys.readouterr().err == (
        "error: the packages of the format `onnx` must be installed. Found no onnx, onnxscript, "
        "onnxruntime. Run `pip install 'tiny[export]'`.\n"
    )
    (chosen,) = formats.chosen(["safetensors", "safetensors"], "tiny")
    assert chosen.suffix == ".safetensors"


ONE = torch.tensor([[1.0, float("nan")], [-200.0, 3.0]])


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ([ONE, ONE], "Found 2 outputs instead of 1"),
        ([ONE[:1]], r"Found `y` of shape \(1, 2\) instead of \(2, 2\)"),
        ([ONE.nan_to_num()], "Found `y` is not finite at other places"),
        ([ONE + 0.1], "Found `y` differs by 0.1, with values up to 200"),
    ],
)
def test_every_kind_of_mismatch_is_named(other: list[torch.Tensor], said: str) -> None:
    with pytest.raises(CurriculumError, match=rf"place: an export must say .*\. {said}"):
        largest_difference([ONE], other, ["y"], "place")


def test_rounding_is_no_mismatch() -> None:
    found = largest_difference([ONE], [ONE * (1 + 1e-6)], ["y"], "place")
    assert 5e-7 < found < 2e-6
    assert largest_difference([ONE[:0]], [ONE[:0]], ["y"], "place") == 0


def test_what_exporters_say_is_not_heard(capsys: pytest.CaptureFixture[str]) -> None:
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    with quiet():
        print("noise")  # noqa: T201
        warnings.warn("noise", stacklevel=1)
        logger.error("noise")
    assert capsys.readouterr() == ("", "")
    assert logger.level == before
