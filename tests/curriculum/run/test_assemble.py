"""From names in a plan to objects, and what is said of those that do not fit."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import attrs
import pytest
from support import tiny

from curriculum.config import DataKind, Kinds, ModelKind
from curriculum.config.schema import Choice, PythonFactory
from curriculum.errors import CurriculumError, DataError, UsageError
from curriculum.run.assemble import build, check_labels, directions, load_data, named, task_specs
from curriculum.run.machine import require_machine
from curriculum.supervised import TensorSplit


@attrs.frozen(kw_only=True)
class Settings:
    size: int = 1


def build_from_settings(settings: Settings, data: object) -> object:
    return tiny.build(data, hidden=settings.size)


KINDS = Kinds(
    models={"mine": ModelKind(config=Settings, build=build_from_settings, tasks=None)},
    data={
        "mine": DataKind(
            config=Settings,
            load=lambda settings, seed: tiny.data(settings.size, seed),
            summarize="",
        )
    },
)


def test_a_kind_is_built_from_its_settings_and_the_seed() -> None:
    choice = Choice(kind="mine", settings=Settings(size=13))
    data = load_data(choice, KINDS, seed=3)
    assert len(data.splits["train"]) == 13
    assert data.fingerprint == tiny.data(13, 3).fingerprint
    model = build(choice, KINDS, data).model
    assert isinstance(model, tiny.TinyModel)
    assert model.decoder.in_features == 13


def test_a_python_kind_gets_its_arguments() -> None:
    place = PythonFactory(factory="support.tiny:data", args={"samples": 17})
    assert len(load_data(Choice(kind="python", settings=place), Kinds(), 0).splits["train"]) == 17


@attrs.frozen
class HeldOut:
    """Data with the splits that it is told to have."""

    splits: Mapping[str, TensorSplit]
    held_out: str = "test"
    fingerprint: str = ""
    notices: tuple[str, ...] = ()


def loaded(*names: str, empty: str | None = None, trained_on: bool = True) -> object:
    some, none = TensorSplit(tiny.data(4).train), TensorSplit(tiny.data(0).train)
    source = HeldOut({name: none if name == empty else some for name in names})
    kinds = Kinds(data={"mine": DataKind(config=Settings, load=lambda *_: source, summarize="")})
    return load_data(Choice(kind="mine", settings=Settings()), kinds, 0, trained_on=trained_on)


@pytest.mark.parametrize("missing", ["train", "validation", "test"])
def test_data_needs_samples_in_three_splits(missing: str) -> None:
    names = ["train", "validation", "test"]
    must = f"the data must have samples in its `{missing}` split. Found splits "
    with pytest.raises(DataError, match=must):
        loaded(*(name for name in names if name != missing))
    with pytest.raises(DataError, match=must + "train, validation, test"):
        loaded(*names, empty=missing)


def test_data_that_is_only_judged_needs_what_is_judged() -> None:
    assert loaded("test", trained_on=False) is not None
    with pytest.raises(DataError, match=r"samples in its `test` split\. Found splits none"):
        loaded(trained_on=False)


def test_one_head_for_each_task() -> None:
    whole = tiny.build(None)
    twice = attrs.evolve(whole, tasks=(*whole.tasks, whole.tasks[0]))
    kinds = Kinds(models={"mine": ModelKind(config=Settings, build=lambda *_: twice, tasks=None)})
    with pytest.raises(CurriculumError, match="TinyModel: each task must have one head of its nam"):
        build(Choice(kind="mine", settings=Settings()), kinds, tiny.data())


def test_a_label_that_a_head_cannot_learn_is_found_before_training() -> None:
    whole = tiny.data()
    size = whole.train["size"].clone()
    size[-1] = float("inf")
    data = attrs.evolve(whole, train={**whole.train, "size": size})
    must = (
        r"^the train split: every label must be one that the head of `size` can learn\. Found `si"
    )
    with pytest.raises(DataError, match=must):
        check_labels(tiny.build(None), {"size"}, data)
    check_labels(tiny.build(None), {"shape", "kind"}, data)  # that task is off
    check_labels(tiny.build(None), {"size"}, whole)


def test_what_a_plan_may_name_follows_from_the_tasks() -> None:
    assembly = tiny.build(None)
    assert [(spec.name, spec.metrics[0].name) for spec in task_specs(assembly)] == [
        ("shape", "shape/mse"),
        ("kind", "kind/kind_balanced_accuracy"),
        ("size", "size/size_mae"),
    ]
    assert directions(assembly) == {
        "shape/mse": "lower",
        "kind/kind_balanced_accuracy": "higher",
        "size/size_mae": "lower",
    }


def test_a_function_is_itself() -> None:
    assert named(tiny.build) is tiny.build


def test_a_module_that_lacks_something_says_what_it_lacks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lacking.py").write_text("import no_such_package\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'"):
        named("lacking:build")
    assert "lacking" not in sys.modules


def test_a_package_that_is_not_there() -> None:
    with pytest.raises(UsageError, match=r"Found 'no_such\.package:build'\. Run in the folder"):
        named("no_such.package:build")


@pytest.mark.parametrize(
    ("device", "threads", "match"),
    [
        ("cpu", 0, r"`--threads` must be at least 1\. Found 0"),
        ("warp", None, r"`--device` must be one that this torch can compute on\. Found 'warp': "),
        ("cuda:99", None, r"`--device` must be one .* Found 'cuda:99': "),
    ],
)
def test_the_machine_must_be_there(device: str, threads: int | None, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        require_machine(device, threads)
