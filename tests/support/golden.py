"""Text that users read, compared whole with a golden file."""

from __future__ import annotations

import json
import os
from pathlib import Path


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
