"""Nodes to settings, strictly: nothing is guessed, nothing is dropped, and every problem is noted.

A phase's training settings are those of `defaults`, overlaid by the keys in the phase itself. A
block with a `kind` merges over the inherited one while its kind is the same, written or not;
another kind starts from that kind's own defaults. Paths in a plan start at the plan's folder;
paths given by `--set` start at the current folder, as on any command line.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, cast, get_args, get_origin

import attrs

from curriculum.config.fields import (
    SCALARS,
    Field,
    fields_of,
    homes_of,
    is_exit_rule,
    is_settings,
    item_of,
    names_of,
)
from curriculum.config.kinds import Kinds
from curriculum.config.nodes import Block, Entry, Items, Node, PathParts, Scalar, found, quote
from curriculum.config.options import Option
from curriculum.config.problems import Problems, closest, meant
from curriculum.config.scalars import MismatchError, read_scalar
from curriculum.config.schema import EXIT_RULES, Choice, ExitRule, PythonFactory
from curriculum.config.words import wanted
from curriculum.errors import CurriculumError
from curriculum.units import Duration


class Broken:
    """Stands in records for a value that has a problem, so that the rest can still be checked."""

    bounded: ClassVar[bool] = True  # whatever it was meant to be, nothing follows from it


BROKEN: Any = Broken()


@attrs.frozen
class Structurer:
    """Makes settings of nodes. What does not fit is noted, with BROKEN in its place."""

    kinds: Kinds
    problems: Problems
    _shared: dict[type, Any] = attrs.field(factory=dict, init=False)

    def settings(self, kind: type, node: Node, path: PathParts = (), base: Any = None) -> Any:
        """A settings class from a block. `base` gives what is not written, else the class does."""
        if not isinstance(node, Block):
            hint = "remove the key, or write `{}`" if found(node) == "nothing" else None
            return self._wrong(node, path, "a mapping of settings", hint)
        self._unknown_keys(kind, node, path)
        return self._fill(kind, node, path, base)

    def _wrong(self, node: Node, path: PathParts, must: str, hint: str | None = None) -> Any:
        self.problems.add(node.mark, path, f"must be {must}, found {found(node)}", hint)
        return BROKEN

    def _unknown_keys(
        self, kind: type, block: Block, path: PathParts, also: tuple[str, ...] = ()
    ) -> None:
        known = [*also, *names_of(kind)]
        for key, entry in block.entries.items():
            if key in known:
                continue
            message = f"must be a known key, found {quote(key)}"
            hint = None if self.problems.full else self._key_hint(kind, key, known)
            self.problems.add(entry.key, (*path, key), message, hint)

    def _key_hint(self, kind: type, key: str, known: list[str]) -> str:
        home = next(homes_of(kind, key), None) if closest(key, known) is None else None
        return f"did you mean {quote(home)}?" if home else meant(key, known)

    def _fill(self, kind: type, block: Block, path: PathParts, base: Any) -> Any:
        values: dict[str, Any] = {}
        before = self.problems.count
        for field in fields_of(kind):
            values[field.name] = value = self._field(field, block, path, base)
            if field.option.shared:
                self._shared[field.type] = value
        whole = self.problems.count == before and BROKEN not in values.values()
        return self._construct(kind, values, block, path) if whole else _partial(kind, values)

    def _field(self, field: Field, block: Block, path: PathParts, base: Any) -> Any:
        entry = block.entries.get(field.name)
        if base is not None:
            start = BROKEN if base is BROKEN else getattr(base, field.name)
        elif field.option.inline and field.type in self._shared:
            start = self._shared[field.type]
        else:
            start = None if field.required else field.default()
        if field.option.inline:
            return self._fill(field.type, block, path, start)
        here = (*path, field.name)
        if entry is not None:
            return self.value(field, entry.value, here, start)
        if field.required and base is None:
            help_text = field.option.help.rstrip(".")
            self.problems.add(block.mark, here, "must be given", help_text)
            return BROKEN
        return start

    def _construct(self, kind: type, values: dict[str, Any], block: Block, path: PathParts) -> Any:
        try:
            return kind(**values)
        except (CurriculumError, ValueError, TypeError) as error:  # from a validator of the class
            said = error.must if isinstance(error, CurriculumError) else str(error)
            hint = error.hint if isinstance(error, CurriculumError) else None
            self.problems.add(block.mark, path, said, hint)
            return BROKEN

    def value(self, field: Field, node: Node, path: PathParts, start: Any) -> Any:
        """The value of one field. `start` is what a block would be without what is written here."""
        if isinstance(node, Scalar) and node.value is None and field.nullable:
            return None
        option, suffix = field.option, " or null" if field.nullable else ""
        if option.kinds is not None:
            return self._kind_block(option.kinds, node, path, start)
        if option.registry is not None:
            return self._choice(option, node, path)
        return self._typed(field.type, option, node, path, start, suffix)

    def _typed(
        self, kind: Any, option: Option, node: Node, path: PathParts, start: Any, suffix: str
    ) -> Any:
        if kind in SCALARS:
            try:
                return read_scalar(kind, option, node)
            except MismatchError as wrong:
                must = wrong.must or wanted(kind, option)
                return self._wrong(node, path, must + suffix, wrong.hint)
        if kind is Any:
            return self._plain(node, path)
        if is_exit_rule(kind):
            return self._exit_rule(node, path)
        if is_settings(kind):
            return self.settings(kind, node, path, start)
        origin = get_origin(kind)
        if origin is tuple:
            return self._tuple(kind, option, node, path, suffix)
        if isinstance(origin, type) and issubclass(origin, Mapping):
            return self._mapping(kind, option, node, path, suffix)
        raise TypeError(f"settings of the type {kind} cannot be read from a plan")

    def _plain(self, node: Node, path: PathParts) -> Any:
        """Plain data, the business of the user's own code: whatever JSON can hold."""
        if isinstance(node, Block):
            return {
                key: self._plain(entry.value, (*path, key)) for key, entry in node.entries.items()
            }
        if isinstance(node, Items):
            return [self._plain(item, (*path, place)) for place, item in enumerate(node.items)]
        if isinstance(node.value, float) and not math.isfinite(node.value):
            return self._wrong(node, path, "a finite number")
        return node.value

    def _mapping(self, kind: Any, option: Option, node: Node, path: PathParts, suffix: str) -> Any:
        inner = get_args(kind)[1]
        if not isinstance(node, Block):
            hint = _weights_hint(node) if inner is float else None
            return self._wrong(node, path, wanted(kind, option) + suffix, hint)
        return {
            key: self._typed(inner, option, entry.value, (*path, key), None, "")
            for key, entry in node.entries.items()
        }

    def _tuple(self, kind: Any, option: Option, node: Node, path: PathParts, suffix: str) -> Any:
        inner, many = get_args(kind), item_of(kind)
        if not isinstance(node, Items) or (many is None and len(node.items) != len(inner)):
            return self._wrong(node, path, wanted(kind, option) + suffix)
        kinds = inner if many is None else (many,) * len(node.items)
        return tuple(
            self._typed(item_kind, option, item, (*path, place), None, "")
            for place, (item_kind, item) in enumerate(zip(kinds, node.items, strict=True))
        )

    def _kind_of(self, known: Mapping[str, Any], block: Block, path: PathParts) -> str | None:
        """The kind that a block names; None (and a problem noted) where there is no such kind."""
        entry = block.entries.get("kind")
        if entry is None:
            names = ", ".join(known)
            self.problems.add(block.mark, (*path, "kind"), f"must be given: one of {names}")
            return None
        node = entry.value
        if isinstance(node, Scalar) and node.text in known:
            return node.text
        near = closest(node.text, known) if isinstance(node, Scalar) else None
        hint = f"did you mean {quote(near)}?" if near else None
        self._wrong(node, (*path, "kind"), f"one of {', '.join(known)}", hint)
        return None

    def _not_a_block(self, known: Mapping[str, Any], node: Node, path: PathParts) -> Any:
        named = isinstance(node, Scalar) and node.text in known
        hint = f"write `{{kind: {node.text}}}`" if isinstance(node, Scalar) and named else None
        return self._wrong(node, path, "a mapping with a `kind`", hint)

    def _kind_block(
        self, known: Mapping[str, type], node: Node, path: PathParts, start: Any
    ) -> Any:
        if isinstance(node, Scalar) and node.text in known:  # its kind alone
            node = Block({"kind": Entry(node.mark, node)}, node.mark)
        if not isinstance(node, Block):
            return self._not_a_block(known, node, path)
        if "kind" in node.entries or start is None:
            name = self._kind_of(known, node, path)
            if name is None:
                return BROKEN
            kind = known[name]
        elif start is BROKEN:
            return BROKEN
        else:
            kind = start.__class__
        self._unknown_keys(kind, node, path, also=("kind",))
        return self._fill(kind, node, path, start if type(start) is kind else None)

    def _choice(self, option: Option, node: Node, path: PathParts) -> Any:
        registered = self.kinds.models if option.registry == "models" else self.kinds.data
        known: dict[str, type] = {name: kind.config for name, kind in registered.items()}
        known["python"] = PythonFactory
        if not isinstance(node, Block):
            return self._not_a_block(known, node, path)
        name = self._kind_of(known, node, path)
        if name is None:
            return BROKEN
        self._unknown_keys(known[name], node, path, also=("kind",))
        before = self.problems.count
        settings = self._fill(known[name], node, path, None)
        whole = self.problems.count == before  # a client's code is never given a broken record
        return Choice(kind=name, settings=settings) if whole else BROKEN

    def _exit_rule(self, node: Node, path: PathParts) -> Any:
        must = wanted(ExitRule, Option(help=""))
        if not isinstance(node, Block) or len(node.entries) != 1:
            return self._wrong(node, path, must, _rule_hint(node))
        name, entry = next(iter(node.entries.items()))
        here = (*path, name)
        if name not in EXIT_RULES:
            near = closest(name, EXIT_RULES)
            hint = f"did you mean {quote(near)}?" if near else None
            message = f"must be a rule, one of {', '.join(EXIT_RULES)}, found {quote(name)}"
            self.problems.add(entry.key, here, message, hint)
            return BROKEN
        rule = EXIT_RULES[name]
        field = fields_of(rule)[0]
        if name == "duration":
            length = self.value(field, entry.value, here, None)
            return BROKEN if length is BROKEN else rule(duration=length)
        if name not in ("any", "all"):
            return self.settings(rule, entry.value, here)
        if not isinstance(entry.value, Items) or not entry.value.items:
            return self._wrong(entry.value, here, "a list of at least one rule")
        return rule(rules=self.value(field, entry.value, here, None))


def _partial(kind: type, values: Mapping[str, Any]) -> Any:
    """A record with BROKEN in it, made past validators, which could not judge it."""
    partial = cast("Any", object.__new__(kind))
    for name, value in values.items():
        object.__setattr__(partial, name, value)
    return partial


def _weights_hint(node: Node) -> str | None:
    """Names alone were given where each needs a number."""
    names = node.items if isinstance(node, Items) else [node]
    texts = [name.value for name in names if isinstance(name, Scalar)]
    if not texts or not all(isinstance(text, str) for text in texts):
        return None
    return "for example `{" + ", ".join(f"{text}: 1.0" for text in texts[:5]) + "}`"


def _rule_hint(node: Node) -> str | None:
    if isinstance(node, Block) and len(node.entries) > 1:
        return "put several rules under `any` or `all`"
    if isinstance(node, Scalar) and node.value is not None:
        try:
            return f"write `{{duration: {Duration.parse(node.text)}}}`"
        except CurriculumError:
            return None
    return None
