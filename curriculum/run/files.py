"""Writing a result's file whole, or not at all. No torch."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from curriculum.errors import UsageError


@contextmanager
def written_whole(path: Path) -> Generator[Path]:
    """A place beside `path` to write to, which becomes `path` when the block ends without an error.

    What was at `path` is replaced then, and not before. The folder is made where there is none.

    Raises:
        UsageError: the file cannot be written; says why.
    """
    beside = path.with_name(f".{path.name}.partial-{os.getpid():x}")
    try:
        if path.is_dir():
            raise IsADirectoryError(21, "it is a folder", str(path))
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise UsageError(
            "the file must be one that can be written",
            found=error.strerror or str(error),
            where=str(path),
        ) from error
    finally:
        beside.unlink(missing_ok=True)
