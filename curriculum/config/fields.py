"""The fields of settings classes, their types resolved: what loader, schema and docs walk over."""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import attrs

from curriculum.config.options import Option, option_of
from curriculum.config.schema import Choice, ExitRule
from curriculum.units import Duration

SCALARS: tuple[type, ...] = (bool, int, float, str, Path, Duration)
_EXIT_RULE = frozenset(get_args(ExitRule))


@attrs.frozen
class Field:
    """One field of a settings class. `type` is without `| None`, which `nullable` says."""

    name: str
    type: Any
    nullable: bool
    option: Option
    required: bool
    _default: Any

    def default(self) -> Any:
        """A fresh default value; only for fields that are not required."""
        made = self._default
        return made.factory() if isinstance(made, attrs.Factory) else made  # type: ignore[arg-type]

    @property
    def is_exit_rule(self) -> bool:
        """Whether the field holds the rule by which a phase ends."""
        return is_exit_rule(self.type)

    def blocks(self) -> Mapping[str, type]:
        """The settings classes that the field's block may be: by kind, or the only one as `''`."""
        if self.option.kinds is not None:
            return self.option.kinds
        return {"": self.type} if is_settings(self.type) else {}


def is_settings(kind: Any) -> bool:
    """Whether a type is a settings class, whose fields a plan may write."""
    return isinstance(kind, type) and attrs.has(kind) and kind not in (Duration, Choice)


def is_exit_rule(kind: Any) -> bool:
    """Whether a type is that of exit rules."""
    return frozenset(get_args(kind)) == _EXIT_RULE


def item_of(kind: Any) -> Any:
    """The type of a list's items, where a list may be of any length; else None."""
    inner = get_args(kind)
    many = get_origin(kind) is tuple and len(inner) == 2 and inner[1] is Ellipsis
    return inner[0] if many else None


def split_null(kind: Any) -> tuple[Any, bool]:
    """A type without `| None`, and whether it had that."""
    if get_origin(kind) not in (Union, types.UnionType):
        return kind, False
    parts = get_args(kind)
    rest = tuple(part for part in parts if part is not types.NoneType)
    joined: Any = Union[rest]  # noqa: UP007 - of a tuple made at run time
    return joined, len(rest) < len(parts)


@functools.cache
def fields_of(settings: type) -> tuple[Field, ...]:
    """The fields of a settings class, in order.

    Raises:
        TypeError: a field was not made by `option`.
    """
    hints = get_type_hints(settings)
    fields: list[Field] = []
    for attribute in attrs.fields(settings):
        kind, nullable = split_null(hints[attribute.name])
        described = option_of(attribute)
        if get_origin(kind) is Literal:
            described = attrs.evolve(described, choices=tuple(map(str, get_args(kind))))
            kind = str
        required = attribute.default is attrs.NOTHING
        fields.append(Field(attribute.name, kind, nullable, described, required, attribute.default))
    return tuple(fields)


def names_of(settings: type) -> list[str]:
    """The keys that a block of a settings class may have, those of inline blocks too."""
    names: list[str] = []
    for field in fields_of(settings):
        names += names_of(field.type) if field.option.inline else [field.name]
    return names


def homes_of(settings: type, key: str) -> Iterator[str]:
    """The blocks below one of a settings class in which a key would be right, as dotted paths."""
    for field in fields_of(settings):
        place = "" if field.option.inline else f"{field.name}."
        for block in field.blocks().values():
            if key in names_of(block) and place:
                yield place + key
            yield from (place + deeper for deeper in homes_of(block, key))
