"""Training from Python, and what the package offers at its top."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from support import tiny
from support.runs import Recorder

import curriculum
from curriculum import events
from curriculum.errors import PlanError, UsageError
from curriculum.tasks import Assembly

PLAN = """\
experiment: mine
seed: 3
model: {kind: mine}
data: {kind: mine}
defaults: {global_batch: 12, schedule: {kind: constant}}
phases:
  - {name: first, turn_on: {shape: 1.0}, duration: 3 steps}
  - {name: second, turn_on: {kind: 0.5}, duration: 3 steps}
"""


def build() -> Assembly:
    return tiny.build(None)


def train(folder: Path, plan: str | Path = PLAN, **request: Any) -> list[dict[str, Any]]:
    request = {"build": build, "data": tiny.data(), "threads": 1, **request}
    return curriculum.train(plan, runs_dir=folder, **request)


def test_a_plan_in_a_text_trains_objects_of_the_caller(tmp_path: Path) -> None:
    recorder = Recorder()
    first, second = train(tmp_path, observers=[recorder])
    assert (first["name"], first["action"], first["steps"]) == ("first", "ran", 3)
    assert set(second["skill"]) == {"shape", "kind"}
    assert len(recorder.of(events.Step)) == 6
    assert (tmp_path / "mine" / "plan.yaml").read_text() == PLAN


@pytest.mark.parametrize("kind", [str, Path])
def test_a_plan_in_a_file_does_the_same(tmp_path: Path, kind: type) -> None:
    (tmp_path / "plan.yaml").write_text(PLAN)
    from_file = train(tmp_path / "file", kind(tmp_path / "plan.yaml"))
    assert from_file == train(tmp_path / "text")


def test_overrides_change_the_plan(tmp_path: Path) -> None:
    changed = train(tmp_path, overrides=["phases.first.duration=2 steps", "experiment=other"])
    assert [phase["steps"] for phase in changed] == [2, 3]
    assert (tmp_path / "other").is_dir()


def test_a_finished_run_is_reused(tmp_path: Path) -> None:
    first = train(tmp_path)
    assert [phase["action"] for phase in train(tmp_path)] == ["reused", "reused"]
    other = train(tmp_path, data=tiny.other_data())
    assert [phase["action"] for phase in other] == ["ran", "ran"]
    assert other[0]["key"] != first[0]["key"]


def _module(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("my_model", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_change_of_the_models_source_is_another_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    source = "from support import tiny\n\ndef build():\n    return tiny.build(None, {size})\n"
    path = tmp_path / "my_model.py"
    path.write_text(source.format(size=16))
    first = train(tmp_path / "runs", build=_module(path).build)
    assert train(tmp_path / "runs", build=_module(path).build)[0]["action"] == "reused"
    path.write_text(source.format(size=8) + "# changed\n")
    changed = train(tmp_path / "runs", build=_module(path).build)
    assert [phase["action"] for phase in changed] == ["ran", "ran"]
    assert changed[0]["key"] != first[0]["key"]


def test_a_callable_without_a_source_is_trained_and_announced(tmp_path: Path) -> None:
    made = train(
        tmp_path / "a",
        build=functools.partial(tiny.build, None),
        observers=[recorder := Recorder()],
    )
    assert [phase["steps"] for phase in made] == [3, 3]
    said = [warned.message for warned in recorder.of(events.Warned)]
    assert any("the source of `build` cannot be found" in message for message in said)
    train(tmp_path / "b", observers=[plain := Recorder()])
    assert not any("the source of" in warned.message for warned in plain.of(events.Warned))


def test_code_that_was_typed_has_no_source(tmp_path: Path) -> None:
    namespace: dict[str, Any] = {"made": tiny.build}
    exec("def build(): return made(None)", namespace)
    recorder = Recorder()
    train(tmp_path, build=namespace["build"], observers=[recorder])
    assert "the source of `build` cannot be found" in recorder.of(events.Warned)[0].message


@pytest.mark.parametrize("place", ["model", "data"])
def test_a_plan_for_the_command_line_is_refused(tmp_path: Path, place: str) -> None:
    named = PLAN.replace(f"{place}: {{kind: mine}}", f'{place}: {{kind: python, factory: "a:b"}}')
    must = rf"must say `{place}: {{kind: mine}}`\. Found `kind: python`"
    with pytest.raises(UsageError, match=must):
        train(tmp_path, named)
    with pytest.raises(PlanError, match=r"plan:3:15: model\.kind: .* found 'yours'"):
        train(tmp_path, PLAN.replace("model: {kind: mine}", "model: {kind: yours}"))
    assert list(tmp_path.iterdir()) == []


def test_every_name_of_the_package_is_there() -> None:
    for name in curriculum.__all__:
        assert getattr(curriculum, name).__name__ == name
    with pytest.raises(AttributeError, match="module 'curriculum' has no attribute 'nothing'"):
        curriculum.nothing  # noqa: B018
