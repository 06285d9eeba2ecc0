"""Results and answers as tables, from the same plain data that `--json` prints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from curriculum.console import format as shown

Document = Mapping[str, Any]


def make_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """A table with these columns; `right`: those that are aligned to the right."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return table


def scores(
    metrics: Document,
    trivial: Document,
    skill: Mapping[str, float],
    intervals: Mapping[str, Sequence[float]] | None = None,
) -> RenderableType:
    """Every metric beside what the trivial predictors score, then skill by task and group."""
    between = {"95 %": intervals} if intervals else {}
    beside = make_table("metric", "model", *between, "trivial", right=("model",))
    for name, value in metrics.items():
        others = [f"{shown.metric(name, v)} ({by})" for by, v in trivial.get(name, {}).items()]
        within = [shown.interval(known.get(name)) for known in between.values()]
        beside.add_row(Text(name), shown.metric(name, value), *within, Text(", ".join(others)))
    skills = make_table("task", "skill", *between, right=("skill",))
    for name, value in skill.items():
        style = "red" if value < 0 else "green"
        within = [shown.interval(known.get(f"{name}/skill")) for known in between.values()]
        skills.add_row(Text(name), Text(shown.skill(value), style), *within)
    caption = Text("skill = 1 - error / best trivial error", "dim")
    return Group(beside, Text(), skills, caption) if skill else Group(beside)


def results(document: Document) -> RenderableType:
    """What a run has come to: its phases, and the last one's scores."""
    phases = make_table("phase", "", "steps", "ended by", "weights", right=("steps",))
    for phase in document["phases"]:
        digest = phase["weights_sha256"] or ""
        phases.add_row(
            Text(phase["name"]),
            phase["action"],
            str(phase["steps"] if phase["steps"] is not None else "–"),
            Text(phase["reason"] or "–"),
            digest[:12],
        )
    last = document["phases"][-1]
    return Group(phases, Text(), scores(last["metrics"], last["trivial"], last["skill"]))


def plan(document: Document) -> RenderableType:
    """What a run would do."""
    title = Text(f"{document['experiment']}", "bold")
    title.append(
        f"  {document['train_samples']} training samples, {document['folder']}", "not bold dim"
    )
    table = make_table(
        "phase", "", "why", "steps", "heads", "learning rate", "key", right=("steps",)
    )
    for phase in document["phases"]:
        settings = phase["settings"]
        optimizer, schedule = settings["optimizer"], settings["schedule"]
        heads = ", ".join(f"{task} {weight:g}" for task, weight in phase["heads"].items())
        table.add_row(
            Text(phase["name"]),
            phase["action"],
            Text(phase["why"]),
            "no bound" if phase["steps"] is None else str(phase["steps"]),
            Text(heads),
            f"{optimizer['kind']} {optimizer['learning_rate']:g}, {schedule['kind']}",
            phase["key"][:8],
        )
    return Group(title, table)


def status(document: Document) -> RenderableType:
    """How a run stands."""
    of = "" if document["of"] is None else f" of {document['of']}"
    head = Text(document["experiment"], "bold").append(f": {document['state']}", "not bold")
    if document["phase"] is not None:
        head.append(f", phase {document['phase']}, step {document['step']}{of}", "not bold")
    table = make_table("phase", "state", "steps", "ended by", "skill", right=("steps",))
    for phase in document["phases"]:
        skills = ", ".join(f"{name} {value:.3f}" for name, value in phase["skill"].items())
        steps = "–" if phase["steps"] is None else str(phase["steps"])
        reason = Text(phase["reason"] or "–")
        table.add_row(Text(phase["name"]), phase["state"], steps, reason, Text(skills))
    parts: list[RenderableType] = [head, table]
    if document["held_by"]:
        parts.append(Text(f"held by {document['held_by']}"))
    if document["failure"]:
        parts.append(Text(document["failure"], "red"))
    if document["saved"]["path"]:
        saved = document["saved"]
        parts.append(Text(f"last checkpoint: {saved['path']}"))
    return Group(*parts)


def verification(document: Document) -> RenderableType:
    """What a run has on disk, and what is wrong with it."""
    table = make_table("checkpoint", "step", "weights", "", right=("step",))
    for found in document["checkpoints"]:
        table.add_row(
            Text(found["path"]),
            str(found["step"]),
            (found["weights_sha256"] or "–")[:12],
            Text("valid", "green") if found["valid"] else Text(found["problem"], "red"),
        )
    journal = document["journal"]
    good = Text(f"{journal['path']}: {journal['records']} records, all whole")
    line = good if journal["problem"] is None else Text(journal["problem"], "red")
    return Group(table, line)


def evaluation(document: Document) -> RenderableType:
    """A model judged on a split."""
    title = Text(document["experiment"], "bold")
    place = f"phase {document['phase']}, step {document['step']}"
    title.append(f"  {place}, on `{document['split']}` of {document['data']}", "not bold dim")
    if not document["metrics"]:
        return Group(title, Text("Nothing can be judged: the split lacks what it takes."))
    parts = (document["metrics"], document["trivial"], document["skill"], document["intervals"])
    return Group(title, scores(*parts))
