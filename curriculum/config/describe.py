"""Every option that a plan can have: for the docs, and for the test that each of them is live."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from curriculum.config.fields import Field, fields_of, is_settings, item_of
from curriculum.config.kinds import Kinds
from curriculum.config.plain import to_plain
from curriculum.config.schema import EXIT_RULES, Plan, PythonFactory, Training
from curriculum.config.words import bounds_text, wanted

_LISTS = {"any", "all"}


@attrs.frozen(kw_only=True)
class OptionInfo:
    """One option.

    `path` is as for `--set`, with `*` for whichever item of a list; `given` are the kinds that it
    belongs to, as (path, kind); `default` is plain data, None where the option is required.
    """

    path: str
    given: tuple[tuple[str, str], ...]
    type: str
    required: bool
    default: Any
    bounds: str
    choices: tuple[str, ...] | None
    help: str


def options(kinds: Kinds) -> list[OptionInfo]:
    """Every option, in the order of the plan.

    What a phase can say of its training is listed once, under `defaults`.
    """
    return list(_settings(Plan, kinds, "", ()))


_Given = tuple[tuple[str, str], ...]


def _settings(settings: type, kinds: Kinds, prefix: str, given: _Given) -> Iterator[OptionInfo]:
    for field in fields_of(settings):
        if field.option.inline:
            if field.type is not Training:
                yield from _settings(field.type, kinds, prefix, given)
            continue
        path = f"{prefix}{field.name}"
        blocks = kinds_of(field, kinds)
        item = item_of(field.type)
        if blocks is not None:
            yield from _kind_blocks(field, blocks, kinds, path, given)
        elif is_settings(field.type):
            yield from _settings(field.type, kinds, f"{path}.", given)
        elif is_settings(item):
            yield from _settings(item, kinds, f"{path}.*.", given)
        else:
            yield _info(field, path, given)
        if field.is_exit_rule:
            yield from _exit_rules(kinds, path, given)


def kinds_of(field: Field, kinds: Kinds) -> Mapping[str, type] | None:
    """The settings classes of a field's block by `kind`; None where the field has no such block."""
    registry = field.option.registry
    if registry is None:
        return field.option.kinds
    known = kinds.models if registry == "models" else kinds.data
    return {**{name: kind.config for name, kind in known.items()}, "python": PythonFactory}


def _kind_blocks(
    field: Field, blocks: Mapping[str, type], kinds: Kinds, path: str, given: _Given
) -> Iterator[OptionInfo]:
    default = None if field.required else to_plain(field.default())["kind"]
    yield OptionInfo(
        path=f"{path}.kind",
        given=given,
        type=f"one of {', '.join(blocks)}",
        required=field.required,
        default=default,
        bounds="",
        choices=tuple(blocks),
        help=field.option.help,
    )
    for name, settings in blocks.items():
        yield from _settings(settings, kinds, f"{path}.", (*given, (f"{path}.kind", name)))


def _exit_rules(kinds: Kinds, path: str, given: _Given) -> Iterator[OptionInfo]:
    for name, rule in EXIT_RULES.items():
        here = (*given, (path, name))
        if name == "duration" or name in _LISTS:
            yield _info(fields_of(rule)[0], f"{path}.{name}", here)
        else:
            yield from _settings(rule, kinds, f"{path}.{name}.", here)


def _info(field: Field, path: str, given: _Given) -> OptionInfo:
    null = " or null" if field.nullable else ""
    return OptionInfo(
        path=path,
        given=given,
        type=wanted(field.type, field.option) + null,
        required=field.required,
        default=None if field.required else to_plain(field.default()),
        bounds=bounds_text(field.option),
        choices=field.option.choices,
        help=field.option.help,
    )
