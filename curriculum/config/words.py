"""What a value must be, in words: the same in messages, in the schema and in the docs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args, get_origin

from curriculum.config.fields import is_exit_rule, is_settings
from curriculum.config.options import Option
from curriculum.config.schema import EXIT_RULES
from curriculum.units import Duration

_SCALARS: dict[Any, str] = {
    bool: "`true` or `false`",
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    Duration: "a duration with its unit, like `2000 steps` or `10 epochs`",
    Any: "plain data",
}


def bounds_text(option: Option) -> str:
    """Bounds in words: `>= 0 and < 1`; empty without any."""
    bounds = {
        ">=": option.at_least,
        ">": option.above,
        "<=": option.at_most,
        "<": option.below,
    }
    return " and ".join(f"{sign} {limit}" for sign, limit in bounds.items() if limit is not None)


def wanted(kind: Any, option: Option) -> str:
    """What a value of a type must be, within a field's limits: `a whole number >= 1`."""
    if kind in _SCALARS:
        return _scalar(kind, option)
    if is_exit_rule(kind):
        return f"a mapping with one of {', '.join(EXIT_RULES)}"
    if is_settings(kind):
        return "a mapping of settings"
    inner = get_args(kind)
    if get_origin(kind) is tuple:
        length = "" if inner[-1] is Ellipsis else f" of {len(inner)}"
        return f"a list{length}, each {wanted(inner[0], option)}"
    return f"a mapping of names, each to {wanted(inner[1], option)}"


def _scalar(kind: Any, option: Option) -> str:
    if kind is str and option.choices is not None:
        return f"one of {', '.join(option.choices)}"
    if kind is str and option.pattern is not None:
        return option.pattern_help or f"text like `{option.pattern}`"
    bounds = bounds_text(option) if kind in (int, float) else ""
    return f"{_SCALARS[kind]} {bounds}".rstrip()
