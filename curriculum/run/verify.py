"""Is what a run has on disk what it wrote? No torch; nothing is changed."""

from __future__ import annotations

from typing import Any

from curriculum import journal as journals
from curriculum.errors import CheckpointError
from curriculum.run.folder import RunFolder


def verify_run(folder: RunFolder) -> dict[str, Any]:
    """What `verify --json` says: each checkpoint and the journal, with their problems."""
    found = [each.as_json(folder.path) for each in folder.store.all(contents=True)]
    problem, records = None, 0
    try:
        records = len(journals.read(folder.journal))
    except CheckpointError as error:
        problem = str(error)
    return {
        "ok": problem is None and all(each["valid"] for each in found),
        "checkpoints": found,
        "journal": {"path": folder.journal.name, "records": records, "problem": problem},
    }
