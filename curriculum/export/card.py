"""The model card (Mitchell et al. 2019, arXiv 1810.03993): what a model is and how good it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import curriculum
from curriculum.config import LoadedPlan, to_plain
from curriculum.run.probe import parameters_by_part
from curriculum.run.restored import Restored
from curriculum.tasks import Exportable


def model_card(
    run: Restored,
    loaded: LoadedPlan,
    files: Sequence[Mapping[str, Any]],
    parts: Sequence[Exportable],
    scores: Mapping[str, Any],
) -> str:
    """The card as Markdown."""
    exports = run.assembly.exports
    sections = [
        f"# {loaded.plan.experiment}",
        exports.description if exports else "A model of several tasks on one trunk.",
        _what_it_is(run, loaded),
        _files(files, parts),
        _data(run, loaded),
        _scores(scores),
    ]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _what_it_is(run: Restored, loaded: LoadedPlan) -> str:
    sizes = parameters_by_part(run.assembly.model)
    lines = [
        "## Model",
        "",
        f"- {sum(sizes.values()):,} parameters: "
        + ", ".join(f"`{part}` {count:,}" for part, count in sizes.items()),
        f"- tasks that were trained: {', '.join(f'`{task.name}`' for task in run.tasks)}",
        f"- state: phase `{run.state.phase}`, step {run.state.step}",
        f"- settings: `{_json(to_plain(loaded.plan.model))}`",
        f"- seed {loaded.plan.seed}, curriculum {curriculum.__version__}",
    ]
    return "\n".join(lines)


def _files(files: Sequence[Mapping[str, Any]], parts: Sequence[Exportable]) -> str:
    rows = [
        f"| `{each['file']}` | {each['format']} | {each['bytes']:,} | "
        f"{each['largest_difference']:.1e} | `{each['sha256']}` |"
        for each in files
    ]
    head = [
        "## Files",
        "",
        "Each was loaded back and compared with the model on held-out samples.",
        "",
        "| file | format | bytes | largest relative difference | sha256 |",
        "|---|---|---|---|---|",
    ]
    return "\n".join([*head, *rows, *(line for part in parts for line in _part(part))])


def _part(part: Exportable) -> list[str]:
    lines = ["", f"### `{part.name}`", "", "B is the number of samples, any number.", ""]
    for kind, names in (("input", part.inputs), ("output", part.outputs)):
        lines += [f"- {kind} `{name}`: {text}" for name, text in names.items()]
    return lines


def _data(run: Restored, loaded: LoadedPlan) -> str:
    lines = [
        "## Data",
        "",
        f"- `{_json(to_plain(loaded.plan.data))}`",
        *(f"- {len(split):,} samples in `{name}`" for name, split in run.data.splits.items()),
        f"- fingerprint `{run.data.fingerprint}`",
        *(f"- {notice}" for notice in run.data.notices),
    ]
    return "\n".join(lines)


def _scores(scores: Mapping[str, Any]) -> str:
    said = (
        f"On `{scores['split']}`, the split held out, beside predictors that need no model. "
        "Skill is 1 - error / (best trivial error): 0 is no better than a constant."
    )
    lines = ["## Scores", "", said, "", "| metric | model | trivial |", "|---|---|---|"]
    for name, value in scores["metrics"].items():
        beside = scores["trivial"].get(name, {})
        trivial = ", ".join(f"{_number(each)} ({by})" for by, each in beside.items())
        lines.append(f"| {name} | {_number(value)} | {trivial} |")
    lines += ["", "| task | skill |", "|---|---|"]
    lines += [f"| {task} | {value:.3f} |" for task, value in scores["skill"].items()]
    return "\n".join(lines)


def _number(value: float) -> str:
    return np.format_float_positional(value, precision=4, fractional=False, trim="-")


def _json(content: object) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)
