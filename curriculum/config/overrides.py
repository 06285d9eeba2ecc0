"""`--set path.to.key=value`: changes to a plan's nodes, before anything is checked.

A list takes an index or the name of one of its blocks: `phases.3.ramp`, `phases.threshold.ramp`;
paths as error messages show them (`phases[3].ramp`) are understood as well. An index that exists
goes before a name. Keys that the plan does not have are made, with the blocks around them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import attrs

from curriculum.config.nodes import (
    Block,
    Entry,
    Items,
    Mark,
    Node,
    Scalar,
    Source,
    found,
    printable,
    quote,
)
from curriculum.config.parse import MAX_DEPTH, parse
from curriculum.config.problems import Problems, meant
from curriculum.config.source import decode
from curriculum.errors import PlanError

_INDEX = re.compile(r"\[([0-9]+)\]")
_LONGEST_NAME = 120


class _PlaceError(Exception):
    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.message, self.hint = message, hint


def apply_overrides(root: Node, overrides: Sequence[str], problems: Problems) -> Node:
    """The plan's nodes with each `path=value` put in, in order; what cannot be put in is noted."""
    for override in overrides:
        root = _apply(root, override, problems)
    return root


def _apply(root: Node, override: str, problems: Problems) -> Node:
    name = override if len(override) <= _LONGEST_NAME else override[: _LONGEST_NAME - 1] + "…"
    mark = Mark(Source(f"--set {printable(name)}", Path.cwd(), is_file=False))
    path, equals, text = override.partition("=")
    parts = _INDEX.sub(r".\1", path.strip()).split(".")
    if not equals or not all(parts):
        hint = "for example `--set seed=1`"
        problems.add(mark, (), "must be `path.to.key=value`", hint)
        return root
    if len(parts) > MAX_DEPTH:
        problems.add(mark, (), f"must be at most {MAX_DEPTH} levels deep, found {len(parts)}")
        return root
    try:
        value = _value(text, mark, problems)
        return _put(root, parts, [], value, mark)
    except _PlaceError as error:
        problems.add(mark, (), error.message, error.hint)
    except PlanError as error:
        for problem in error.problems:
            problems.keep(problem)
    return root


def _value(text: str, mark: Mark, problems: Problems) -> Node:
    """The value after `=`, read as a plan's file is."""
    decoded = decode(text.encode("utf-8", errors="surrogatepass"), mark.source)
    own = Problems()
    value = parse(decoded, mark.source, own)
    for problem in own.found:
        problems.keep(problem)
    return Scalar(None, "", quoted=False, mark=mark) if value is None else value


def _put(node: Node | None, parts: list[str], before: list[str], value: Node, mark: Mark) -> Node:
    """A copy of `node` with the value at a path; what is not on the path is shared, not copied."""
    if not parts:
        return value
    if node is None or (isinstance(node, Scalar) and node.value is None):
        node = Block({}, mark)
    if isinstance(node, Block):
        old = node.entries.get(parts[0])
        new = _put(old.value if old else None, parts[1:], [*before, parts[0]], value, mark)
        key = old.key if old else mark
        return attrs.evolve(node, entries={**node.entries, parts[0]: Entry(key, new)})
    if isinstance(node, Items):
        place, used = _place(node, parts, before)
        walked = before + parts[:used]
        items = list(node.items)
        items[place] = _put(items[place], parts[used:], walked, value, mark)
        return attrs.evolve(node, items=tuple(items))
    here = ".".join(before)
    raise _PlaceError(f"must name a block's key, but `{here}` is {found(node)}")


def _place(node: Items, parts: list[str], before: list[str]) -> tuple[int, int]:
    """Which item a path names next, and how many parts that takes (names may have dots)."""
    first = parts[0]
    if first.isascii() and first.isdigit() and len(first) < 6 and int(first) < len(node.items):
        return int(first), 1
    names = [_name(item) for item in node.items]
    for used in range(len(parts), 0, -1):
        name = ".".join(parts[:used])
        if name in names:
            return names.index(name), used
    here = ".".join(before)
    known = [name for name in names if name is not None]
    last = len(node.items) - 1
    must = (
        f"must name an item of `{here}`, by its name or 0 to {last}"
        if last >= 0
        else (f"must name an item of `{here}`, which is an empty list")
    )
    hint = meant(first, known) if known else None
    raise _PlaceError(f"{must}, found {quote(first)}", hint)


def _name(item: Node) -> str | None:
    entry = item.entries.get("name") if isinstance(item, Block) else None
    return entry.value.text if entry is not None and isinstance(entry.value, Scalar) else None
