"""Durations that carry their unit: `2000 steps`, `10 epochs`."""

from __future__ import annotations

import re
from typing import Literal

import attrs

from curriculum.errors import CurriculumError

Unit = Literal["steps", "epochs"]
_PATTERN = re.compile(r"(?P<count>[0-9][0-9_]*) *(?P<unit>steps?|epochs?)")
MAX_COUNT = 10**12


@attrs.frozen(order=False)
class Duration:
    """A length of training: `count` optimizer steps, or `count` passes over the training split."""

    count: int
    unit: Unit

    @classmethod
    def parse(cls, text: str) -> Duration:
        """Read `2000 steps`, `1 step`, `10 epochs`.

        Raises:
            CurriculumError: the text is no whole number followed by `steps` or `epochs`.
        """
        match = _PATTERN.fullmatch(text.strip())
        must = "must be a duration with its unit, like `2000 steps` or `10 epochs`"
        if match is None:
            bare = (
                text.strip().replace("_", "").isascii() and text.strip().replace("_", "").isdigit()
            )
            hint = f"did you mean `{text.strip()} steps`?" if bare else None
            raise CurriculumError(must, found=repr(text), hint=hint)
        count = int(match["count"].replace("_", "")[:40])
        if count > MAX_COUNT:
            raise CurriculumError(f"must be at most {MAX_COUNT} {match['unit']}", found=repr(text))
        return cls(count, "steps" if match["unit"].startswith("step") else "epochs")

    def steps(self, *, epoch_samples: int, step_samples: int) -> int:
        """The same length in optimizer steps, rounded up; samples of an epoch and of a step."""
        if self.unit == "steps":
            return self.count
        return -(-self.count * epoch_samples // step_samples)

    def __str__(self) -> str:
        return f"{self.count} {self.unit[:-1] if self.count == 1 else self.unit}"
