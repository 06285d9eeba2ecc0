"""What a plan's data have to learn from, as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from curriculum.console import format as shown
from curriculum.console.tables import make_table

Document = Mapping[str, Any]


def targets(document: Document) -> RenderableType:
    """The answer of `plan --data`, after that of `plan`."""
    right = ("labels", "of samples", "zero", "scale")
    table = make_table("task", "target", *right, "", right=right)
    for target in document["targets"]:
        unit = shown.unit_of(target["name"])
        table.add_row(
            Text(target["task"]),
            Text(target["name"]),
            str(target["labels"]),
            _share(target["share"]),
            _with_unit(target["zero"], unit),
            _with_unit(target["scale"], unit),
            _remark(target),
        )
    caption = "learned as (target - zero) / scale: the median, and 1.4826 x the median deviation"
    parts: list[RenderableType] = [Text(), table, Text(caption, "dim")]
    classed = [target for target in document["targets"] if target["classes"]]
    if classed:
        parts += [Text(), _classes(classed)]
    return Group(*parts)


def _classes(classed: Sequence[Document]) -> RenderableType:
    rows = [(target, each) for target in classed for each in target["classes"]]
    batches = sorted({int(size) for _, each in rows for size in each["none_in_batch"]})
    missing = {str(size): f"none in a batch of {size}" for size in batches}
    right = ("samples", "of labels", *missing.values())
    table = make_table("target", "class", *right, right=right)
    for target, each in rows:
        chances = [each["none_in_batch"].get(size) for size in missing]
        table.add_row(
            Text(target["name"]),
            Text(each["name"]),
            str(each["samples"]),
            _share(each["share"]),
            *("–" if chance is None else _share(chance) for chance in chances),
        )
    return table


def _remark(target: Document) -> Text:
    if target["problem"] is not None:
        return Text(f"cannot be learned: {target['problem']}", "red")
    return Text(target["remark"])


def _share(share: float) -> str:
    """A share of one, with more places where it is small."""
    if 0 < share < 1e-4:
        return "< 0.01 %"
    return f"{100 * share:.2g} %" if 0 < share < 0.1 else f"{100 * share:.1f} %"


def _with_unit(value: float | None, unit: str) -> str:
    return shown.number(value) if value is None or not unit else f"{shown.number(value)} {unit}"
