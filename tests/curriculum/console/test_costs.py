"""The tables of `plan --probe`."""

from __future__ import annotations

import io
from typing import Any

from curriculum.console.costs import brief, costs, memory
from curriculum.console.output import console_on

PHASE: dict[str, Any] = {
    "name": "signal",
    "step_seconds": 0.0123,
    "evaluation_seconds": 1.26,
    "seconds": 83.4,
    "step_memory_bytes": 640_000,
    "peak_memory_bytes": 2_350_000_000,
    "weights_bytes": 1_000_000,
    "gradients_bytes": 900_000,
    "optimizer_bytes": 1_900_000,
    "checkpoint_bytes": 2_950_000,
}
DOCUMENT: dict[str, Any] = {
    "parameters": 251_234,
    "parameters_by_part": {"trunk": 251_000, "heads.signal": 234},
    "device": "cpu",
    "threads": 2,
    "seconds": 83.4,
    "phases": [PHASE],
}
EXPECTED = """
251,234 parameters  trunk 251,000, heads.signal 234
phase       step   evaluation   phase takes   memory of a step     kept   checkpoint
────────────────────────────────────────────────────────────────────────────────────
signal   12.3 ms        1.3 s        1m 23s             640 KB   3.8 MB      2.95 MB
the whole plan: about 1m 23s on cpu, 2 CPU thread(s); the process had 2.35 GB at most
memory of a step: on top of model and data; kept: weights, gradients, optimizer
"""


def drawn(document: dict[str, Any]) -> str:
    stream = io.StringIO()
    console_on(stream).print(costs(document))
    return "\n".join(line.rstrip() for line in stream.getvalue().split("\n"))


def test_the_table() -> None:
    assert drawn(DOCUMENT) == EXPECTED


def test_a_plan_without_a_bound_says_so() -> None:
    found = drawn({**DOCUMENT, "seconds": None, "phases": [{**PHASE, "seconds": None}]})
    assert "1.3 s      no bound " in found
    assert "the whole plan: without a bound on cpu" in found


def test_numbers_as_people_read_them() -> None:
    assert [brief(s) for s in (0.0004, 0.25, 1.26, 42.4, 200)] == [
        "0.4 ms",
        "250 ms",
        "1.3 s",
        "42 s",
        "3m 20s",
    ]
    sizes = [memory(n) for n in (900, 640_000, 12_000_000, 1_234_000_000)]
    assert sizes == ["0.9 KB", "640 KB", "12 MB", "1.23 GB"]
