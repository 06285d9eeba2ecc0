"""Single values: what was written to what a field's type asks for, and never by guessing.

Each reader returns the value, or raises `Mismatch` with what to try. The words for what must hold are
made here as well, so that a message and the schema say the same.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from curriculum.config.nodes import Block, Items, Mark, Node, Scalar, quote
from curriculum.config.options import Option
from curriculum.config.problems import closest
from curriculum.errors import CurriculumError
from curriculum.units import Duration

_Number = TypeVar("_Number", int, float)
_BOOLEANS = {"yes": "true", "on": "true", "y": "true", "true": "true"}
_BOOLEANS |= {"no": "false", "off": "false", "n": "false", "false": "false"}
_DURATION = "a duration with its unit, like `2000 steps` or `10 epochs`"


class Mismatch(Exception):
    """A value does not fit. `must` replaces the field's own words where they would not be true."""

    def __init__(self, hint: str | None = None, *, must: str | None = None) -> None:
        super().__init__(hint)
        self.hint, self.must = hint, must


def wanted(kind: type, option: Option) -> str:
    """What a value of a field must be, in words: `a whole number >= 1`."""
    if option.choices is not None:
        return f"one of {', '.join(option.choices)}"
    if option.pattern is not None:
        return option.pattern_help or f"text like `{option.pattern}`"
    words = {
        bool: "`true` or `false`",
        int: "a whole number",
        float: "a number",
        str: "text",
        Path: "a path",
        Duration: _DURATION,
    }
    bounds = bounds_text(option) if kind in (int, float) else ""
    return f"{words[kind]} {bounds}".rstrip()


def bounds_text(option: Option) -> str:
    """Bounds in words: `>= 0 and < 1`; empty without any."""
    bounds = {
        ">=": option.at_least,
        ">": option.above,
        "<=": option.at_most,
        "<": option.below,
    }
    return " and ".join(f"{sign} {limit}" for sign, limit in bounds.items() if limit is not None)


def read_scalar(kind: type, option: Option, node: Node) -> Any:
    """A value of `kind` from what was written.

    Raises:
        Mismatch: it is no such value.
    """
    if not isinstance(node, Scalar):
        raise Mismatch
    return _READERS[kind](option, node)


def _read_bool(_: Option, node: Scalar) -> bool:
    if isinstance(node.value, bool):
        return node.value
    meant = _BOOLEANS.get(node.text.lower()) if isinstance(node.value, str) else None
    if meant == node.text:
        raise Mismatch("remove the quotes")
    raise Mismatch(f"write `{meant}`" if meant else None)


def _unquoted(node: Scalar, pattern: str) -> str | None:
    """A hint where a string would be right without its quotes."""
    fits = node.quoted and re.fullmatch(pattern, node.text) is not None
    return "remove the quotes" if fits else None


def _read_int(option: Option, node: Scalar) -> int:
    if isinstance(node.value, int) and not isinstance(node.value, bool):
        return _within(option, node.value)
    if isinstance(node.value, float) and node.value.is_integer() and abs(node.value) < 2**53:
        raise Mismatch(f"write `{int(node.value)}`")
    raise Mismatch(_unquoted(node, r"[-+]?[0-9]+"))


def _read_float(option: Option, node: Scalar) -> float:
    if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
        raise Mismatch(_unquoted(node, r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?"))
    try:
        value = float(node.value)
    except OverflowError:  # a whole number of hundreds of digits
        value = math.inf
    if not math.isfinite(value):
        raise Mismatch(must=f"a finite number {bounds_text(option)}".rstrip())
    return _within(option, value)


def _within(option: Option, value: _Number) -> _Number:
    inside = (
        (option.at_least is None or value >= option.at_least)
        and (option.above is None or value > option.above)
        and (option.at_most is None or value <= option.at_most)
        and (option.below is None or value < option.below)
    )
    if not inside:
        raise Mismatch
    return value


def _read_str(option: Option, node: Scalar) -> str:
    if not isinstance(node.value, str):
        fits = node.value is not None and option.choices is None
        raise Mismatch(f'put it in quotes: `"{node.text}"`' if fits else None)
    if option.choices is not None and node.value not in option.choices:
        near = closest(node.value, option.choices)
        raise Mismatch(f"did you mean {quote(near)}?" if near else None)
    if option.pattern is not None and re.fullmatch(option.pattern, node.value) is None:
        raise Mismatch
    return node.value


def _read_path(_: Option, node: Scalar) -> Path:
    if not isinstance(node.value, str) or not node.value.strip():
        fits = node.value is not None and not isinstance(node.value, str)
        raise Mismatch(f'put it in quotes: `"{node.text}"`' if fits else None)
    return resolve_path(node.value, node.mark)


def resolve_path(text: str, mark: Mark) -> Path:
    """An absolute path, from one that starts at the plan's folder (or, from `--set`, at the cwd)."""
    try:
        path = Path(text).expanduser()
    except RuntimeError:  # `~name` of a user that there is not
        raise Mismatch("there is no such user; write the path out") from None
    return Path(os.path.normpath(mark.source.folder / path))


def _read_duration(_: Option, node: Scalar) -> Duration:
    if node.value is None or isinstance(node.value, bool):
        raise Mismatch
    try:
        return Duration.parse(node.text)
    except CurriculumError as error:
        hint = None if error.hint is None else error.hint.rstrip(".")
        raise Mismatch(hint, must=error.must.removeprefix("must be ")) from None


def check_plain(node: Node) -> Any:
    """Plain data for settings that are the user's own code's business: what JSON can hold.

    Raises:
        Mismatch: a number is not finite.
    """
    if isinstance(node, Block):
        return {key: check_plain(entry.value) for key, entry in node.entries.items()}
    if isinstance(node, Items):
        return [check_plain(item) for item in node.items]
    if isinstance(node.value, float) and not math.isfinite(node.value):
        raise Mismatch(must="plain data with finite numbers")
    return node.value


_READERS: dict[type, Callable[[Option, Scalar], Any]] = {
    bool: _read_bool,
    int: _read_int,
    float: _read_float,
    str: _read_str,
    Path: _read_path,
    Duration: _read_duration,
}
