"""Plans as JSON Schema (draft 2020-12), for the completion and the red lines of editors.

It is made of the same description as the loader, and allows a little more: rules between settings
are the loader's alone, and a block in a phase may leave out what it inherits.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args, get_origin

import attrs

from curriculum.config.describe import kinds_of
from curriculum.config.fields import Field, fields_of, is_exit_rule, is_settings
from curriculum.config.kinds import Kinds
from curriculum.config.options import Option
from curriculum.config.plain import to_plain
from curriculum.config.schema import EXIT_RULES, Plan
from curriculum.units import Duration

Schema = dict[str, Any]
_DURATION: Schema = {"type": "string", "pattern": "^[0-9][0-9_]* *(steps?|epochs?)$"}
_TYPES: dict[Any, Schema] = {
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Path: {"type": "string", "minLength": 1},
    Duration: _DURATION,
    Any: {},
}
_LIMITS = {
    "at_least": "minimum",
    "above": "exclusiveMinimum",
    "at_most": "maximum",
    "below": "exclusiveMaximum",
}


def json_schema(kinds: Kinds) -> Schema:
    """The schema of plans with these kinds of models and data."""
    writer = _Writer(kinds)
    plan = writer.settings(Plan)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Plan of abr-curriculum",
        **plan,
        "$defs": writer.definitions,
    }


@attrs.frozen
class _Writer:
    kinds: Kinds
    definitions: dict[str, Schema] = attrs.field(factory=dict[str, Schema], init=False)

    def settings(self, settings: type, kind: str | None = None, *, whole: bool = True) -> Schema:
        """A block of a settings class; with `whole` false it may leave out what is required."""
        properties: dict[str, Schema] = {}
        required: list[str] = []
        if kind is not None:
            properties["kind"] = {"const": kind}
        self._add(settings, properties, required)
        schema: Schema = {
            "type": "object",
            "description": str(settings.__doc__).partition("\n")[0],
            "properties": properties,
            "additionalProperties": False,
        }
        return schema | ({"required": required} if whole and required else {})

    def _add(self, settings: type, properties: dict[str, Schema], required: list[str]) -> None:
        for field in fields_of(settings):
            if field.option.inline:
                self._add(field.type, properties, required)
                continue
            properties[field.name] = self._field(field)
            if field.required:
                required.append(field.name)

    def _field(self, field: Field) -> Schema:
        schema = self._type(field)
        if field.nullable:
            schema = {"anyOf": [schema, {"type": "null"}]}
        schema = {"description": field.option.help, **schema}
        return schema if field.required else {**schema, "default": to_plain(field.default())}

    def _type(self, field: Field) -> Schema:
        blocks = kinds_of(field, self.kinds)
        if blocks is None:
            return self._of(field.type, field.option)
        return self._kind_blocks(blocks, chosen=field.option.registry is not None)

    def _kind_blocks(self, blocks: Mapping[str, type], *, chosen: bool) -> Schema:
        """One of several kinds; unless it has to be `chosen`, a block may inherit its kind."""
        kinds: list[Schema] = []
        for name, settings in blocks.items():
            block = self.settings(settings, name, whole=chosen)
            if chosen:
                block["required"] = ["kind", *block.get("required", [])]
            kinds.append(block)
        return {"anyOf": kinds if chosen else [{"enum": list(blocks)}, *kinds]}

    def _of(self, kind: Any, option: Option) -> Schema:
        if kind in _TYPES:
            return _TYPES[kind] | (_limits(option) if kind in (int, float, str) else {})
        if is_exit_rule(kind):
            return self._exit_rule()
        if is_settings(kind):
            return self.settings(kind)
        inner = get_args(kind)
        if get_origin(kind) is not tuple:
            return {"type": "object", "additionalProperties": self._of(inner[1], option)}
        items = self._of(inner[0], option)
        if inner[-1] is Ellipsis:
            least = 0 if inner[0] in _TYPES else 1  # a plan without phases is none
            return {"type": "array", "items": items, "minItems": least}
        return {"type": "array", "items": items, "minItems": len(inner), "maxItems": len(inner)}

    def _exit_rule(self) -> Schema:
        reference: Schema = {"$ref": "#/$defs/exit_rule"}
        if "exit_rule" not in self.definitions:
            self.definitions["exit_rule"] = {}  # the rules within rules refer to it
            rules: list[Schema] = []
            for name, rule in EXIT_RULES.items():
                field = fields_of(rule)[0]
                single = name in ("duration", "any", "all")
                value = self._field(field) if single else self.settings(rule)
                shape = {"type": "object", "properties": {name: value}, "required": [name]}
                rules.append(shape | {"additionalProperties": False})
            self.definitions["exit_rule"] = {"anyOf": rules}
        return reference


def _limits(option: Option) -> Schema:
    limits = {
        word: getattr(option, name)
        for name, word in _LIMITS.items()
        if getattr(option, name) is not None
    }
    if option.choices is not None:
        limits["enum"] = list(option.choices)
    if option.pattern is not None:
        limits["pattern"] = f"^({option.pattern})$"
    return limits
