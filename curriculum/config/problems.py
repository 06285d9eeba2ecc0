"""Problems of a plan while they are gathered, with the names that may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

import attrs

from curriculum.config.nodes import Mark, PathParts, printable, quote, show_path
from curriculum.errors import Problem

MAX_PROBLEMS = 100  # more are counted, not listed
_LONGEST_NAME = 64


@attrs.define
class Problems:
    """Everything that is wrong so far, each problem once."""

    found: list[Problem] = attrs.field(factory=list)
    left_out: int = 0

    @property
    def count(self) -> int:
        """How many problems there are so far."""
        return len(self.found) + self.left_out

    @property
    def full(self) -> bool:
        """Whether more problems are only counted; hints are costly to make for nothing."""
        return len(self.found) >= MAX_PROBLEMS

    def add(self, mark: Mark, path: PathParts, message: str, hint: str | None = None) -> None:
        """Note a problem at a place."""
        problem = Problem(
            source=mark.source.name,
            line=mark.line,
            column=mark.column,
            path=show_path(path),
            message=printable(message),
            hint=None if hint is None else printable(hint),
        )
        self.keep(problem)

    def keep(self, problem: Problem) -> None:
        """Note a problem that was found elsewhere."""
        if problem in self.found:
            return
        if self.full:
            self.left_out += 1
        else:
            self.found.append(problem)

    def listed(self) -> list[Problem]:
        """The problems in reading order, with a last line for those that were only counted."""
        ordered = sorted(self.found, key=lambda p: (p.line is None, p.line or 0, p.column or 0))
        if self.left_out:
            rest = Problem(source=ordered[-1].source, path="", message=f"and {self.left_out} more")
            ordered.append(rest)
        return ordered


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, if any is near."""
    if len(name) > _LONGEST_NAME:
        return None
    by_folded = {other.lower().replace("-", "_"): other for other in known}
    near = difflib.get_close_matches(name.lower().replace("-", "_"), by_folded, n=1, cutoff=0.65)
    return by_folded[near[0]] if near else None


def meant(name: str, known: Iterable[str], *, what: str = "known") -> str:
    """A hint: `did you mean 'signal'?`, or all the names that there are."""
    names = list(known)
    near = closest(name, names)
    if near is not None:
        return f"did you mean {quote(near)}?"
    if not names:
        return f"{what}: none"
    shown = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return f"{what}: {shown}"
