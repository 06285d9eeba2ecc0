"""Text that users read, compared whole with a file; `REGENERATE_GOLDEN=1` writes the files anew."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path

_DIGEST = r"(?<!step-)\b([0-9a-f]{64}|[0-9a-f]{12}|[0-9a-f]{8})\b"
# What else differs from machine to machine, or from run to run.
_MEASURED = {
    r"-?\d+\.\d+(e[+-]\d+)?( \(worse than trivial\))?": "#",
    r"\d+ threads?, torch [^\s,]+": "<machine>",
    r"\b(\d+h )?(\d+m )?\d+ ?s (ago|left)": r"<time> \3",
    r"\d+ records": "# records",
}


def assert_golden(text: str, golden: Path) -> None:
    """The text is what is kept; or is written down where regenerating was asked for."""
    if os.environ.get("REGENERATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def assert_is_golden(folder: Path, name: str, case: str, text: str) -> None:
    """Compare a text with the one of its case in `folder/name.json`.

    With `REGENERATE_GOLDEN` set, write it there instead; look at the difference afterwards.
    """
    path = folder / f"{name}.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    if os.environ.get("REGENERATE_GOLDEN"):
        known[case] = text
        lines = json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False)
        path.write_text(lines + "\n", encoding="utf-8")
    assert known.get(case) == text


def assert_all_used(folder: Path, names: Iterable[str]) -> None:
    """Every golden text of a folder belongs to a test."""
    assert {path.stem for path in folder.glob("*.txt")} == set(names)


def without_digests(text: str) -> str:
    """The text without keys and weights, and without padding."""
    text = re.sub(_DIGEST, "<digest>", text)
    text = re.sub(r"─{3,}", "───", text)
    text = re.sub(r"(?<=\S) {2,}(?=\S)", "  ", text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


def masked(text: str) -> str:
    """The text without digests, and without the numbers and times of one run."""
    for pattern, name in _MEASURED.items():
        text = re.sub(pattern, name, text)
    return without_digests(text)
