"""What can go wrong, said so that the reader can act on it.

Every error follows one grammar: what must hold, what was found, where, and what to try. Library
code raises these and nothing else of its own; only the command line turns them into text and an
exit code.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

import attrs


@attrs.frozen(kw_only=True)
class Problem:
    """One thing that is wrong with what a person wrote.

    `source` is a file's name or an option (`--set seed=x`); `line` and `column` count from 1 and
    are None for options; `path` is the place in the plan (`phases[1].ramp`), empty for the whole
    file.
    """

    source: str
    path: str
    message: str
    line: int | None = None
    column: int | None = None
    hint: str | None = None

    def __str__(self) -> str:
        place = self.source
        if self.line is not None:
            place += f":{self.line}:{self.column}"
        parts = [place, self.path, self.message] if self.path else [place, self.message]
        text = ": ".join(parts)
        return f"{text} ({self.hint})" if self.hint else text

    def as_json(self) -> dict[str, str | int | None]:
        """The settled keys of `check --json`."""
        return {
            "file": self.source,
            "line": self.line,
            "column": self.column,
            "path": self.path,
            "message": self.message,
            "hint": self.hint,
        }


class CurriculumError(Exception):
    """Base of every error that this library raises on purpose.

    Args:
        must: what must hold, as a sentence without its full stop.
        found: what was found instead.
        where: the file, phase, step or record that it is about.
        hint: what to try.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        must: str,
        *,
        found: object | None = None,
        where: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.must, self.found, self.where, self.hint = must, found, where, hint
        text = f"{where}: {must}." if where else f"{must}."
        if found is not None:
            text += f" Found {found}."
        if hint is not None:
            text += f" {hint}" if hint.endswith((".", "?")) else f" {hint}."
        super().__init__(text)


class UsageError(CurriculumError):
    """The command line asks for something that does not exist or does not fit."""

    exit_code = 2


class PlanError(CurriculumError):
    """The plan is wrong; `problems` lists everything that is, not only the first."""

    exit_code = 2

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        Exception.__init__(self, "\n".join(str(problem) for problem in self.problems))


class DataError(CurriculumError):
    """Data that cannot be read, or that a task cannot be trained on."""

    exit_code = 2


class CheckpointError(CurriculumError):
    """A checkpoint is damaged or does not fit the plan."""

    exit_code = 3


class RunLocked(CurriculumError):
    """Another process holds the run's folder."""

    exit_code = 2


class PolicyStop(CurriculumError):
    """A policy ended the run: a loss that is not finite, or a task that was forgotten."""

    exit_code = 4


class Unsound(PolicyStop):
    """Numbers that training must not go on from: not finite, or a spike."""


class UnsoundEvaluation(Unsound):
    """Such numbers on a split that is only judged."""


class Interrupted(CurriculumError):
    """A signal ended the run; a checkpoint was saved where there was anything to save."""

    def __init__(self, signal_number: int, must: str, *, hint: str | None = None) -> None:
        super().__init__(must, hint=hint)
        self.signal_number = signal_number
        self.exit_code = 128 + signal_number  # type: ignore[misc]
