"""Bytes to text: UTF-8 of a sensible size, and nothing else."""

from __future__ import annotations

import difflib
from pathlib import Path

from curriculum.config.nodes import Mark, Source, printable
from curriculum.config.problems import Problems
from curriculum.errors import PlanError

MAX_BYTES = 64 * 1024
_BOMS = {
    b"\xef\xbb\xbf": "a byte order mark",
    b"\xff\xfe\0\0": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def read_source(path: Path) -> tuple[str, Source]:
    """The text of a plan's file, and what relative paths in it start at: the file's folder.

    Raises:
        PlanError: there is no such file, it cannot be read, or is not UTF-8 text of at most 64 KB.
    """
    source = Source(printable(str(path)), path.absolute().parent)
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        raise _unreadable(path, source, error) from None
    return decode(raw, source), source


def decode(raw: bytes, source: Source) -> str:
    """The text that bytes stand for.

    Raises:
        PlanError: they are too many, or not UTF-8, or hold a byte order mark or a NUL.
    """
    if len(raw) > MAX_BYTES:
        raise _refused(Mark(source), f"must be at most {MAX_BYTES // 1024} KB long, found more")
    must = "must be UTF-8 text without a byte order mark"
    for bom, name in _BOMS.items():
        if raw.startswith(bom):
            raise _refused(_mark(source, raw, 0), f"{must}, found {name}", "save it as plain UTF-8")
    if (nul := raw.find(0)) >= 0:
        what = "UTF-16 or UTF-32" if raw[:4].count(0) > 1 or raw[1:2] == b"\0" else "a NUL byte"
        raise _refused(_mark(source, raw, nul), f"{must}, found {what}", "save it as plain UTF-8")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        message = f"{must}, found the byte 0x{raw[error.start]:02x}"
        hint = "save it as plain UTF-8"
        raise _refused(_mark(source, raw, error.start), message, hint) from None


def _mark(source: Source, raw: bytes, offset: int) -> Mark:
    before = raw[:offset]
    return Mark(source, before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1) + 1)


def _refused(mark: Mark, message: str, hint: str | None = None) -> PlanError:
    problems = Problems()
    problems.add(mark, (), message, hint)
    return PlanError(problems.listed())


def _unreadable(path: Path, source: Source, error: OSError | ValueError) -> PlanError:
    mark = Mark(source)
    if isinstance(error, FileNotFoundError):
        return _refused(mark, "must be a plan's file, found no such file", _neighbour(path))
    if isinstance(error, IsADirectoryError):
        return _refused(mark, "must be a plan's file, found a folder", _neighbour(path / "_"))
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return _refused(mark, f"must be a file that can be read, found: {reason.lower()}")


def _neighbour(path: Path) -> str | None:
    """A plan in the same folder that may have been meant."""
    try:
        plans = sorted(p.name for pattern in ("*.yaml", "*.yml") for p in path.parent.glob(pattern))
    except OSError:
        return None
    near = difflib.get_close_matches(path.name, plans, n=1)
    if near:
        return f"did you mean `{path.with_name(near[0])}`?"
    return f"plans in that folder: {', '.join(plans[:10])}" if plans else None
