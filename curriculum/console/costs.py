"""What a plan costs, as tables: parameters, memory and time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from curriculum.console import format as shown
from curriculum.console.tables import make_table


def costs(document: Mapping[str, Any]) -> RenderableType:
    """The answer of `plan --probe`, after that of `plan`."""
    size = Text(f"{document['parameters']:,} parameters", "bold")
    parts = (f"{part} {count:,}" for part, count in document["parameters_by_part"].items())
    size.append(f"  {', '.join(parts)}", "not bold dim")
    columns = ("step", "evaluation", "phase takes", "memory of a step", "kept", "checkpoint")
    table = make_table("phase", *columns, right=columns)
    for phase in document["phases"]:
        kept = phase["weights_bytes"] + phase["gradients_bytes"] + phase["optimizer_bytes"]
        table.add_row(
            Text(phase["name"]),
            brief(phase["step_seconds"]),
            brief(phase["evaluation_seconds"]),
            "no bound" if phase["seconds"] is None else brief(phase["seconds"]),
            memory(phase["step_memory_bytes"]),
            memory(kept),
            memory(phase["checkpoint_bytes"]),
        )
    seconds = document["seconds"]
    whole = "without a bound" if seconds is None else f"about {brief(seconds)}"
    peak = max(phase["peak_memory_bytes"] for phase in document["phases"])
    where = f"{document['device']}, {document['threads']} CPU thread(s)"
    lines = (
        f"the whole plan: {whole} on {where}; the process had {memory(peak)} at most",
        "memory of a step: on top of model and data; kept: weights, gradients, optimizer",
    )
    return Group(Text(), size, table, Text("\n".join(lines), "dim"))


def brief(seconds: float) -> str:
    """`12 ms`, `1.2 s`, `3m 20s`."""
    if seconds < 1:
        return f"{1000 * seconds:.3g} ms"
    return f"{seconds:.2g} s" if seconds < 10 else shown.duration(seconds)


def memory(size: int) -> str:
    """`640 KB`, `12 MB`, `1.2 GB`; powers of ten."""
    for unit, name in ((1e9, "GB"), (1e6, "MB")):
        if size >= unit:
            return f"{size / unit:.3g} {name}"
    return f"{size / 1e3:.3g} KB"
