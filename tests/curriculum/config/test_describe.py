"""The list of all options, and what a settings class must say of its fields."""

from __future__ import annotations

import json

import attrs
import pytest

from curriculum.config import Kinds, ModelKind, OptionInfo, load_plan_text, options
from curriculum.config.options import option

HEAD = "experiment: ears\nmodel: {kind: small}\ndata: {kind: synthetic}\n"
PHASES = "phases: [{name: a, turn_on: {signal: 1}, duration: 9 steps}]\n"


@pytest.fixture(scope="module")
def listed(kinds: Kinds) -> dict[tuple[str, str], OptionInfo]:
    return {(info.path, info.given[-1][1] if info.given else ""): info for info in options(kinds)}


def test_paths_are_unique_and_described(
    listed: dict[tuple[str, str], OptionInfo], kinds: Kinds
) -> None:
    assert len(listed) == len(options(kinds)) > 60
    for info in listed.values():
        assert info.help.endswith("."), info.path
        assert info.type, info.path
        assert not (info.required and info.default is not None), info.path


def test_some_of_them(listed: dict[tuple[str, str], OptionInfo]) -> None:
    assert listed["defaults.optimizer.learning_rate", "sgd"] == OptionInfo(
        path="defaults.optimizer.learning_rate",
        given=(("defaults.optimizer.kind", "sgd"),),
        type="a number > 0",
        required=True,
        default=None,
        bounds="> 0",
        choices=None,
        help="Step size after warm-up.",
    )
    assert listed["defaults.optimizer.kind", ""].default == "adamw"
    assert listed["model.kind", ""].choices == ("small", "strict", "python")
    assert listed["model.kind", ""].required
    assert listed["model.activation", "small"].choices == ("relu", "gelu")
    assert listed["data.recordings.path", "mixed"].type == "a path"
    assert listed["phases.*.ramp", ""].default == "0 steps"
    assert listed["phases.*.until.plateau.patience", "plateau"].default == 3
    assert listed["checkpoints.every", ""].type.endswith(" or null")
    assert ("phases.*.global_batch", "") not in listed


# What a block of these kinds cannot do without.
NEEDS = {
    "sgd": "learning_rate: 0.5",
    "python": '"factory": "m:f"',
    "recordings": "path: x",
    "mixed": "recordings: {path: x}",
    "tempered": "task: classification",
}


def test_every_default_may_be_written(
    listed: dict[tuple[str, str], OptionInfo], kinds: Kinds
) -> None:
    """A default given by `--set` is accepted, and changes nothing."""
    tried = 0
    for info in listed.values():
        if info.default is None or "*" in info.path:
            continue
        blocks = [
            f"{path.removesuffix('.kind')}={{kind: {kind}, {NEEDS.get(kind, '')}}}"
            for path, kind in info.given
        ]
        option_text = f"{info.path}={json.dumps(info.default)}"
        before, after = (
            load_plan_text(HEAD + PHASES, "p.yaml", kinds, given).plan
            for given in (blocks, [*blocks, option_text])
        )
        assert after == before, info.path
        tried += 1
    assert tried > 30


def test_a_field_without_a_description_is_a_mistake_of_the_class(kinds: Kinds) -> None:
    @attrs.frozen
    class Bare:
        width: int = 3

    bare = attrs.evolve(kinds, models={"bare": ModelKind(config=Bare, build="m:f", tasks=None)})
    with pytest.raises(TypeError, match=r"`width` must be made by `option"):
        options(bare)


def test_a_type_that_no_plan_can_hold_is_a_mistake_of_the_class(kinds: Kinds) -> None:
    @attrs.frozen
    class Odd:
        data: bytes = option(default=b"", help="Bytes.")

    odd = attrs.evolve(kinds, models={"odd": ModelKind(config=Odd, build="m:f", tasks=None)})
    with pytest.raises(TypeError, match=r"bytes.*cannot be read from a plan"):
        load_plan_text(HEAD + PHASES, "p.yaml", odd, ["model={kind: odd, data: x}"])
