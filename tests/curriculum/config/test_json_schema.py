"""The schema for editors accepts what the loader accepts and draws red lines where it can."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from curriculum.config import Kinds, json_schema, load_plan_text, to_plain
from curriculum.units import Duration

Schema = dict[str, Any]
ANNOTATIONS = {"$schema", "$defs", "title", "description", "default"}
BOUNDS = {
    "minimum": lambda value, limit: value >= limit,
    "maximum": lambda value, limit: value <= limit,
    "exclusiveMinimum": lambda value, limit: value > limit,
    "exclusiveMaximum": lambda value, limit: value < limit,
}
TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "null": type(None),
}


def is_of_type(value: Any, name: str) -> bool:
    if name in ("integer", "number"):
        kinds = int if name == "integer" else (int, float)
        return isinstance(value, kinds) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def fits(value: Any, schema: Schema, root: Schema) -> bool:
    """As much of JSON Schema as the schema uses; a keyword that is not known here is an error."""
    return all(_keyword(value, word, said, schema, root) for word, said in schema.items())


def _keyword(value: Any, word: str, said: Any, schema: Schema, root: Schema) -> bool:
    if word in ANNOTATIONS:
        return True
    if word in BOUNDS:
        return not is_of_type(value, "number") or BOUNDS[word](value, said)
    match word:
        case "type":
            return is_of_type(value, said)
        case "const" | "enum":
            return value in (said if word == "enum" else [said])
        case "anyOf":
            return any(fits(value, inner, root) for inner in said)
        case "$ref":
            return fits(value, root["$defs"][said.removeprefix("#/$defs/")], root)
        case "pattern":
            return not isinstance(value, str) or re.search(said, value) is not None
        case "required":
            return not isinstance(value, dict) or all(key in value for key in said)
        case "items":
            return not isinstance(value, list) or all(fits(item, said, root) for item in value)
        case "minItems":
            return not isinstance(value, list) or len(value) >= said
        case "maxItems":
            return not isinstance(value, list) or len(value) <= said
        case "minLength":
            return not isinstance(value, str) or len(value) >= said
        case "properties" | "additionalProperties":
            return not isinstance(value, dict) or _object(value, word, said, schema, root)
        case _:
            raise AssertionError(f"unknown keyword {word}")


def _object(value: dict[str, Any], word: str, said: Any, schema: Schema, root: Schema) -> bool:
    if word == "properties":
        return all(fits(value[key], inner, root) for key, inner in said.items() if key in value)
    others = [value[key] for key in value if key not in schema.get("properties", {})]
    return not others if said is False else all(fits(item, said, root) for item in others)


def subschemas(schema: Any) -> Iterator[Schema]:
    if isinstance(schema, dict):
        yield schema
    for inner in schema.values() if isinstance(schema, dict) else schema:
        if isinstance(inner, (dict, list)):
            yield from subschemas(inner)


@pytest.fixture(scope="module")
def schema(kinds: Kinds) -> Schema:
    return json.loads(json.dumps(json_schema(kinds), allow_nan=False))


@pytest.fixture
def plain(valid: str, kinds: Kinds) -> dict[str, Any]:
    return to_plain(load_plan_text(valid, "p.yaml", kinds).plan)


def test_a_resolved_plan_fits(plain: dict[str, Any], schema: Schema) -> None:
    assert fits(plain, schema, schema)


def test_a_plan_as_it_is_written_fits(schema: Schema) -> None:
    plan = {
        "experiment": "ears",
        "model": {"kind": "python", "factory": "m:f", "args": {"any": [1, None]}},
        "data": {"kind": "mixed", "recordings": {"path": "human"}},
        "defaults": {"optimizer": {"learning_rate": 1e-3}, "gradient_clip": None},
        "phases": [
            {"name": "a", "turn_on": {"x": 1}, "duration": "1_000 steps"},
            {
                "name": "b",
                "until": {"any": [{"all": [{"duration": "1 epoch"}]}]},
                "optimizer": {"kind": "sgd"},  # what it lacks may be inherited
            },
        ],
    }
    assert fits(plan, schema, schema)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sead", 1),
        ("seed", "1"),
        ("seed", -1),
        ("seed", 1.5),
        ("experiment", "my ears"),
        ("model", "small"),
        ("model", {"width": 8}),
        ("model.kind", "tiny"),
        ("model.skips", "yes"),
        ("model.activation", "tanh"),
        ("model.norm", "group"),
        ("model.gains", {"a": 0}),
        ("data", {"kind": "recordings"}),
        ("defaults.global_batch", 0),
        ("defaults.global_bach", 8),
        ("defaults.optimizer.betas", [0.9]),
        ("defaults.optimizer.betas", [0.9, 1.0]),
        ("defaults.evaluate_every", 500),
        ("defaults.evaluate_every", "500"),
        ("phases", []),
        ("phases.0", {"duration": "10 steps"}),
        ("phases.0.training", {}),
        ("phases.0.turn_on", ["signal"]),
        ("phases.0.until", {"plateau": {"patience": 3}}),
        ("phases.0.until", {"duration": "1 epoch", "any": []}),
    ],
)
def test_red_lines(path: str, value: Any, plain: dict[str, Any], schema: Schema) -> None:
    *steps, last = path.split(".")
    place: Any = plain
    for step in steps:
        place = place[int(step)] if step.isdigit() else place[step]
    place[int(last) if last.isdigit() else last] = value
    assert not fits(plain, schema, schema)


def test_defaults_fit_and_blocks_are_closed_and_described(schema: Schema) -> None:
    seen = 0
    for inner in subschemas(schema):
        if "default" in inner:
            assert fits(inner["default"], inner, schema)
            seen += 1
        if isinstance(inner.get("properties"), dict) and inner.get("type") == "object":
            assert inner["additionalProperties"] is False
    assert seen > 50
    assert schema["$schema"].endswith("2020-12/schema")


def test_durations_are_those_that_the_loader_reads(schema: Schema) -> None:
    pattern = schema["properties"]["defaults"]["properties"]["evaluate_every"]["pattern"]
    for text in ("10 epochs", "1 step", "1_000steps", "1 epoch"):
        assert re.search(pattern, text)
        assert Duration.parse(text).count
    assert not re.search(pattern, "10 minutes")
