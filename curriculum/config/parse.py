"""Text to nodes: YAML 1.2 without tags, anchors that explode, or a second document.

The events of ruamel's parser are composed here, so that each limit is checked before the thing
that it limits is built, and each value keeps its line and column.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Any

import attrs
from ruamel.yaml import YAML
from ruamel.yaml import events as yaml_events
from ruamel.yaml.error import MarkedYAMLError
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.reader import ReaderError

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
from curriculum.config.problems import Problems
from curriculum.errors import PlanError

MAX_ALIASES = 50
MAX_DEPTH = 30
MAX_NODES = 5_000  # keys and values, an anchor's counted wherever it is used


class _FatalError(Exception):
    """Nothing after this place can be made sense of."""

    def __init__(self, mark: Mark, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.mark, self.message, self.hint = mark, message, hint


def parse(text: str, source: Source, problems: Problems) -> Node | None:
    """The tree of values that a YAML text stands for; None where it is empty.

    Problems that leave the rest readable (keys written twice, tags, merge keys) are only noted.

    Raises:
        PlanError: the text is no YAML, or breaks a limit; with the problems noted so far.
    """
    composer = _Composer(text, source, problems)
    try:
        return composer.document()
    except _FatalError as fatal:
        problems.add(fatal.mark, (), fatal.message, fatal.hint)
        raise PlanError(problems.listed()) from None


@attrs.define
class _Size:
    """How much a node is with its anchors written out."""

    nodes: int = 1
    depth: int = 0


class _Composer:
    def __init__(self, text: str, source: Source, problems: Problems) -> None:
        # typed Any: ruamel leaves its resolver, constructor and events without types
        self._yaml: Any = YAML(typ="safe", pure=True)
        self._text, self._source, self._problems = text, source, problems
        self._events = self._read_events()
        self._anchors: dict[str, tuple[Node, _Size]] = {}
        self._open_anchors: set[str] = set()
        self._aliases = self._nodes = 0

    def _read_events(self) -> Iterator[Any]:
        """The parser's events, its errors put in our words."""
        try:
            yield from self._yaml.parse(self._text)
        except ReaderError as error:
            raise self._character_error(error) from None
        except MarkedYAMLError as error:
            raise self._syntax_error(error) from None
        except Exception as error:
            # The parser fails on some malformed input (an escape beyond Unicode) with whatever
            # Python raised; to the reader all of it is text that is not YAML.
            message = f"must be YAML, found what its parser cannot read: {printable(str(error))}"
            raise _FatalError(Mark(self._source), message) from None

    def _character_error(self, error: Any) -> _FatalError:
        character = error.character
        name = quote(character if isinstance(character, str) else chr(character))
        before = self._text[: error.position]
        column = len(before) - (before.rfind("\n") + 1) + 1
        message = f"must be text without control characters, found {name}"
        return _FatalError(self._at(before.count("\n") + 1, column), message)

    def _syntax_error(self, error: Any) -> _FatalError:
        said = " ".join(str(error.problem or error.context).split())
        said = printable(said.replace(r"'\x00'", "the end of the text"))
        mark = error.problem_mark or error.context_mark
        hint = None
        if "\\t" in said:
            hint = "indent with spaces, not tabs"
        elif "mapping values are not allowed" in said:
            hint = "put the value in quotes if the `:` belongs to it, or check the indentation"
        return _FatalError(self._mark(mark), f"must be YAML, found an error: {said}", hint)

    def _at(self, line: int, column: int) -> Mark:
        return Mark(self._source, line, column) if self._source.is_file else Mark(self._source)

    def _mark(self, mark: Any) -> Mark:
        return self._at(mark.line + 1, mark.column + 1) if mark is not None else Mark(self._source)

    def document(self) -> Node | None:
        """The only document of the text."""
        root: Node | None = None
        for event in self._events:
            if isinstance(event, yaml_events.DocumentStartEvent):
                mark = self._mark(event.start_mark)
                if root is not None:
                    raise _FatalError(mark, "must be one document, found a second one after `---`")
                self._check_version(event, mark)
                root, _ = self._node(next(self._events), 0)
        empty = isinstance(root, Scalar) and root.value is None and not root.text
        return None if empty else root

    def _check_version(self, event: Any, mark: Mark) -> None:
        version = event.version
        if version is not None and tuple(version) != (1, 2):
            shown = ".".join(str(part) for part in version)
            message = f"must be YAML 1.2, found a `%YAML {shown}` directive"
            raise _FatalError(mark, message, "remove the directive")

    def _node(self, event: Any, depth: int) -> tuple[Node, _Size]:
        mark = self._mark(event.start_mark)
        anchor = event.anchor
        if isinstance(event, yaml_events.AliasEvent):
            return self._alias(anchor, mark, depth)
        self._count(1, depth, mark)
        if anchor is not None:
            self._open_anchors.add(anchor)
        if event.tag is not None:
            message = f"must be a plain value, found the tag {quote(str(event.tag))}"
            self._problems.add(mark, (), message, "remove the tag")
        if isinstance(event, yaml_events.SequenceStartEvent):
            made = self._items(mark, depth)
        elif isinstance(event, yaml_events.MappingStartEvent):
            made = self._block(mark, depth)
        else:
            made = self._scalar(event, mark), _Size()
        if anchor is not None:
            self._open_anchors.discard(anchor)
            self._anchors[anchor] = made
        return made

    def _count(self, nodes: int, depth: int, mark: Mark) -> None:
        self._nodes += nodes
        if self._nodes > MAX_NODES:
            raise _FatalError(mark, f"must have at most {MAX_NODES} keys and values, found more")
        if depth > MAX_DEPTH:
            raise _FatalError(mark, f"must be at most {MAX_DEPTH} levels deep, found more")

    def _alias(self, name: str, mark: Mark, depth: int) -> tuple[Node, _Size]:
        self._aliases += 1
        if self._aliases > MAX_ALIASES:
            raise _FatalError(mark, f"must use at most {MAX_ALIASES} aliases, found more")
        if name in self._open_anchors:
            raise _FatalError(mark, f"must not contain itself, found the alias {quote('*' + name)}")
        if name not in self._anchors:
            raise _FatalError(
                mark, f"must name an anchor above it, found the alias {quote('*' + name)}"
            )
        node, size = self._anchors[name]
        self._count(size.nodes, depth + size.depth, mark)
        return node, size

    def _items(self, mark: Mark, depth: int) -> tuple[Node, _Size]:
        items: list[Node] = []
        size = _Size()
        while not isinstance(event := next(self._events), yaml_events.SequenceEndEvent):
            items.append(self._grow(size, event, depth))
        return Items(tuple(items), mark), size

    def _grow(self, size: _Size, event: Any, depth: int) -> Node:
        node, inner = self._node(event, depth + 1)
        size.nodes += inner.nodes
        size.depth = max(size.depth, inner.depth + 1)
        return node

    def _block(self, mark: Mark, depth: int) -> tuple[Node, _Size]:
        entries: dict[str, Entry] = {}
        size = _Size()
        while not isinstance(event := next(self._events), yaml_events.MappingEndEvent):
            place = self._mark(event.start_mark)
            key = self._grow(size, event, depth)
            value = self._grow(size, next(self._events), depth)
            if isinstance(value, Scalar) and not value.text and not value.quoted:
                value = attrs.evolve(value, mark=place)  # else that of whatever comes next
            self._enter(entries, key, place, value)
        return Block(entries, mark), size

    def _enter(self, entries: dict[str, Entry], key: Node, place: Mark, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._problems.add(place, (), f"must have a name as its key, found {found(key)}")
        elif key.text == "<<" and not key.quoted:
            hint = "what phases share goes under `defaults`"
            self._problems.add(place, (), "must be written out, found a merge key `<<`", hint)
        elif key.text in entries:
            first = entries[key.text].key
            hint = f"it was first written in line {first.line}" if first.line else None
            message = f"must be written once, found the key {quote(key.text)} again"
            self._problems.add(place, (), message, hint)
        else:
            entries[key.text] = Entry(place, value)

    def _scalar(self, event: Any, mark: Mark) -> Scalar:
        text: str = event.value
        for character in text:
            if character == "\0" or unicodedata.category(character) == "Cs":
                raise _FatalError(mark, f"must be printable text, found {quote(character)}")
        quoted = event.style is not None
        value = text if quoted or event.tag is not None else self._plain(text, mark)
        return Scalar(value, text, quoted, mark)

    def _plain(self, text: str, mark: Mark) -> str | int | float | bool | None:
        """What an unquoted scalar stands for; dates and the rest stay text."""
        tag: Any = self._yaml.resolver.resolve(ScalarNode, text, (True, False))
        kind = str(tag).rpartition(":")[2]
        if kind not in {"int", "float", "bool", "null"}:
            return text
        try:
            value: Any = self._yaml.constructor.construct_object(ScalarNode(tag, text), deep=True)
        except ValueError:  # `0x_`, or thousands of digits
            raise _FatalError(
                mark, f"must be a number that can be read, found {quote(text)}"
            ) from None
        return value
