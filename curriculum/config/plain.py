"""Settings to plain data that JSON can hold, and that loads as the same settings again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cattrs

from curriculum.config.fields import fields_of, is_settings
from curriculum.config.schema import EXIT_RULES, AfterDuration, AllOf, AnyOf, Choice
from curriculum.units import Duration

_RULE_NAMES = {rule: name for name, rule in EXIT_RULES.items()}


def to_plain(value: Any) -> Any:
    """Settings as mappings, lists, strings and numbers, keyed as in a plan.

    Durations are their strings, paths strings, blocks with a kind have their `kind`, and a phase
    has all of its training settings, inherited ones too.
    """
    return _CONVERTER.unstructure(value)


def to_numerics(value: Any) -> Any:
    """As `to_plain`, without options that change no byte that is trained: what makes a key."""
    whole = not is_settings(value.__class__) or type(value) in _RULE_NAMES
    return to_plain(value) if whole else _settings(value, to_numerics, idle=False)


def _settings(
    value: Any, convert: Callable[[Any], Any] = to_plain, *, idle: bool = True
) -> dict[str, Any]:
    name = getattr(value, "kind", None)
    plain: dict[str, Any] = {} if name is None else {"kind": name}
    for field in fields_of(value.__class__):
        if idle or field.option.numerics:
            inner = convert(getattr(value, field.name))
            plain |= inner if field.option.inline else {field.name: inner}
    return plain


def _choice(value: Choice) -> dict[str, Any]:
    return {"kind": value.kind, **to_plain(value.settings)}


def _rule(value: Any) -> dict[str, Any]:
    name = _RULE_NAMES[type(value)]
    if isinstance(value, AfterDuration):
        return {name: str(value.duration)}
    if isinstance(value, (AnyOf, AllOf)):
        return {name: [to_plain(rule) for rule in value.rules]}
    return {name: _settings(value)}


def _mapping(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: to_plain(inner) for key, inner in value.items()}


def _is_path(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Path)


_CONVERTER = cattrs.Converter()
_CONVERTER.register_unstructure_hook_func(is_settings, lambda value: _settings(value))
_CONVERTER.register_unstructure_hook_func(lambda kind: kind in _RULE_NAMES, _rule)
_CONVERTER.register_unstructure_hook_func(_is_path, str)
_CONVERTER.register_unstructure_hook_func(lambda kind: kind is dict, _mapping)
_CONVERTER.register_unstructure_hook(Duration, str)
_CONVERTER.register_unstructure_hook(Choice, _choice)
_CONVERTER.register_unstructure_hook(tuple, lambda value: [to_plain(item) for item in value])
