"""How a settings class says what each of its fields means and allows.

    @attrs.frozen(kw_only=True)
    class Sgd:
        learning_rate: float = option(above=0, help="Step size.")

The loader, `abr-curriculum schema` and the tests all read this one description.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

_KEY = "curriculum.option"


@attrs.frozen(kw_only=True)
class Option:
    """What a plan may write in one field. Bounds are for numbers, and for each number of a list."""

    help: str
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] | None = None
    pattern: str | None = None  # regular expression that a string matches whole
    pattern_help: str | None = None  # the pattern in words, for the message
    kinds: Mapping[str, type] | None = None  # a block whose `kind` picks the class of the rest
    registry: Literal["models", "data"] | None = None  # a block whose `kind` is one of the client's
    inline: bool = False  # the fields of this block are written in the enclosing block
    shared: bool = False  # inline blocks of this class, read after it, start from this one
    numerics: bool = True  # False: changes no byte that is trained, so it is no part of a key


def option(
    *,
    help: str,
    default: Any = attrs.NOTHING,
    factory: Any = None,
    **limits: Any,
) -> Any:
    """An attrs field with its description: one line with the unit and the effect, and its bounds.

    `limits` are the other fields of `Option`. Without `default` or `factory` the field is required.
    """
    metadata = {_KEY: Option(help=help, **limits)}
    if factory is not None:
        return attrs.field(factory=factory, metadata=metadata)
    return attrs.field(default=default, metadata=metadata)


def option_of(field: attrs.Attribute[Any]) -> Option:
    """The description of a settings field.

    Raises:
        TypeError: the field was not made by `option`; a mistake in a settings class, not in a plan.
    """
    found: Option | None = field.metadata.get(_KEY)
    if found is None:
        raise TypeError(f"the settings field `{field.name}` must be made by `option(...)`")
    return found
