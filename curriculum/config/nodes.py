"""What a person wrote, as a tree of values that know where they stand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import attrs

PathParts = tuple[str | int, ...]  # ("phases", 1, "ramp"), shown as `phases[1].ramp`
_PLAIN_KEY = re.compile(r"[\w-]+")
_LONGEST_FOUND = 60


@attrs.frozen
class Source:
    """Where text comes from: a file or an option, and where its relative paths start."""

    name: str
    folder: Path
    is_file: bool = True


@attrs.frozen
class Mark:
    """A place in a source. Lines and columns count from 1; None for options."""

    source: Source
    line: int | None = None
    column: int | None = None


@attrs.frozen
class Scalar:
    """A single value, with the text that was written for it."""

    value: str | int | float | bool | None
    text: str
    quoted: bool
    mark: Mark


@attrs.frozen
class Entry:
    """A value in a block, and where its key stands."""

    key: Mark
    value: Node


@attrs.frozen
class Block:
    """A mapping."""

    entries: dict[str, Entry]
    mark: Mark


@attrs.frozen
class Items:
    """A list."""

    items: tuple[Node, ...]
    mark: Mark


Node = Scalar | Block | Items


def printable(text: str) -> str:
    """Text that a terminal shows as it is: what is not printable is escaped."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def quote(text: str) -> str:
    """Text in quotes, on one line, escaped and cut where it is long."""
    cut = text if len(text) <= _LONGEST_FOUND else text[: _LONGEST_FOUND - 1] + "…"
    return printable(repr(cut))


def found(node: Node) -> str:
    """What was written, for a message's end: `'fast'`, `3.7`, `true`, `a list of 2`, `nothing`."""
    if isinstance(node, Block):
        return "a mapping"
    if isinstance(node, Items):
        return f"a list of {len(node.items)}"
    if node.value is None:
        return "nothing"
    if isinstance(node.value, str):
        return quote(node.value)
    return node.text if len(node.text) <= _LONGEST_FOUND else quote(node.text)


def show_path(parts: PathParts) -> str:
    """A path as people write it: `phases[1].turn_on.signal`."""
    text = ""
    for part in parts:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            shown = (
                part if _PLAIN_KEY.fullmatch(part) and len(part) <= _LONGEST_FOUND else quote(part)
            )
            text += f".{shown}" if text else shown
    return text


def _steps(root: Node, parts: PathParts) -> Iterator[tuple[Mark, Node]]:
    """The places on the way along a path, as far as it has been written."""
    node = root
    for part in parts:
        if isinstance(node, Block) and part in node.entries:
            entry = node.entries[str(part)]
            yield entry.key, (node := entry.value)
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            yield node.mark, node
        else:
            return


def written(root: Node, parts: PathParts) -> bool:
    """Whether the plan itself says something at a path (and does not leave it to a default)."""
    return sum(1 for _ in _steps(root, parts)) == len(parts)


def locate(root: Node, parts: PathParts, *, key: bool = False) -> Mark:
    """Where a path stands: its value (or its key), or the nearest block that was written."""
    mark = root.mark
    for step, (key_mark, node) in enumerate(_steps(root, parts), start=1):
        mark = key_mark if key and step == len(parts) else node.mark
    return mark
