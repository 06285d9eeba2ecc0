"""Every option of a plan as a page of Markdown, for the docs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby

from curriculum.config.describe import OptionInfo, options
from curriculum.config.kinds import Kinds

_HEAD = """\
# Every option of a plan

Written by `abr-curriculum schema --markdown`. Paths are those of `--set`; `*` is any item of a
list, by its index or, for phases, its name. What `defaults` can say, each phase can say for itself.
"""


def options_page(kinds: Kinds) -> str:
    """The page: a table for each block, and for each kind that a block can be."""
    return "\n".join([_HEAD, *_sections(options(kinds))])


def _sections(infos: list[OptionInfo]) -> Iterator[str]:
    for block, members in groupby(infos, _block):
        yield f"## {block}\n"
        yield "| option | is | default | effect |\n|---|---|---|---|"
        for info in members:
            yield f"| `{info.path}` | {_cell(info.type)} | {_default(info)} | {_cell(info.help)} |"
        yield ""


def _block(info: OptionInfo) -> str:
    if info.given:
        path, kind = info.given[-1]
        return f"`{path}: {kind}`" if path.endswith(".kind") else f"`{path}.{kind}`"
    head = info.path.partition(".")[0]
    return f"`{head}`" if "." in info.path else "The plan"


def _default(info: OptionInfo) -> str:
    return "required" if info.required else f"`{_cell(json.dumps(info.default))}`"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
