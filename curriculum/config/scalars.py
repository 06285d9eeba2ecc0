"""Single values: what was written to what a field's type asks for, and never by guessing.

Each reader returns the value, or raises `MismatchError` with what to try.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from curriculum.config.nodes import Mark, Node, Scalar, quote
from curriculum.config.options import Option
from curriculum.config.problems import closest
from curriculum.config.words import bounds_text
from curriculum.errors import CurriculumError
from curriculum.units import Duration

_Number = TypeVar("_Number", int, float)
_TRUE: tuple[str, ...] = ("yes", "on", "y", "true")
_FALSE: tuple[str, ...] = ("no", "off", "n", "false")
_MAX_INT = 2**63 - 1


class MismatchError(Exception):
    """A value does not fit. `must` replaces the field's own words where they would not be true."""

    def __init__(self, hint: str | None = None, *, must: str | None = None) -> None:
        super().__init__(hint)
        self.hint, self.must = hint, must


def read_scalar(kind: type, option: Option, node: Node) -> Any:
    """A value of `kind` from what was written.

    Raises:
        MismatchError: it is no such value.
    """
    if not isinstance(node, Scalar):
        raise MismatchError
    return _READERS[kind](option, node)


def _read_bool(_: Option, node: Scalar) -> bool:
    if isinstance(node.value, bool):
        return node.value
    if isinstance(node.value, str) and node.text in ("true", "false"):
        raise MismatchError("remove the quotes")
    if isinstance(node.value, str) and node.text.lower() in _TRUE + _FALSE:
        raise MismatchError(f"write `{'true' if node.text.lower() in _TRUE else 'false'}`")
    raise MismatchError


def _unquoted(node: Scalar, pattern: str) -> str | None:
    """A hint where a string would be right without its quotes."""
    fits = node.quoted and re.fullmatch(pattern, node.text) is not None
    return "remove the quotes" if fits else None


def _read_int(option: Option, node: Scalar) -> int:
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        if abs(node.value) > _MAX_INT:
            raise MismatchError(must=f"a whole number of at most {_MAX_INT}")
        return _within(option, node.value)
    if isinstance(node.value, float) and node.value.is_integer() and abs(node.value) < 2**53:
        raise MismatchError(f"write `{int(node.value)}`")
    raise MismatchError(_unquoted(node, r"[-+]?[0-9]+"))


def _read_float(option: Option, node: Scalar) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise MismatchError(_unquoted(node, r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"))
    try:
        value = float(node.value)
    except OverflowError:  # a whole number of hundreds of digits
        value = math.inf
    if not math.isfinite(value):
        raise MismatchError(must=f"a finite number {bounds_text(option)}".rstrip())
    return _within(option, value)


def _within(option: Option, value: _Number) -> _Number:
    inside = (
        (option.at_least is None or value >= option.at_least)
        and (option.above is None or value > option.above)
        and (option.at_most is None or value <= option.at_most)
        and (option.below is None or value < option.below)
    )
    if not inside:
        raise MismatchError
    return value


def _read_str(option: Option, node: Scalar) -> str:
    if not isinstance(node.value, str):
        fits = node.value is not None and option.choices is None
        raise MismatchError(f'put it in quotes: `"{node.text}"`' if fits else None)
    if option.choices is not None and node.value not in option.choices:
        near = closest(node.value, option.choices)
        raise MismatchError(f"did you mean {quote(near)}?" if near else None)
    if option.pattern is not None and re.fullmatch(option.pattern, node.value) is None:
        raise MismatchError
    return node.value


def _read_path(_: Option, node: Scalar) -> Path:
    if not isinstance(node.value, str) or not node.value.strip():
        fits = node.value is not None and not isinstance(node.value, str)
        raise MismatchError(f'put it in quotes: `"{node.text}"`' if fits else None)
    return resolve_path(node.value, node.mark)


def resolve_path(text: str, mark: Mark) -> Path:
    """An absolute path; a relative one starts at the plan's folder, or from `--set` at the cwd."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # `~name` of a user that there is not
        raise MismatchError("there is no such user; write the path out") from None
    return Path(os.path.normpath(mark.source.folder / path))


def _read_duration(_: Option, node: Scalar) -> Duration:
    if node.value is None or isinstance(node.value, bool):
        raise MismatchError
    try:
        return Duration.parse(node.text)
    except CurriculumError as error:
        hint = None if error.hint is None else error.hint.rstrip(".")
        raise MismatchError(hint, must=error.must.removeprefix("must be ")) from None


_READERS: dict[type, Callable[[Option, Scalar], Any]] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    Path: _read_path,
    Duration: _read_duration,
}
