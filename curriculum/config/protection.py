"""What a plan says of losses that are not finite, of forgotten tasks, and of what is handed on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from curriculum.config.options import option
from curriculum.units import Duration

_AGAIN = "Share of the learning rate from which it falls again."
_TIMES = "How often in a phase, before the run stops."
_BY = "How long the phase goes on."


@attrs.frozen(kw_only=True)
class Stop:
    """The run stops, with exit code 4."""

    kind: ClassVar[str] = "stop"


@attrs.frozen(kw_only=True)
class Skip:
    """The batch is left out: its step makes no update."""

    kind: ClassVar[str] = "skip"
    times: int = option(default=10, at_least=1, help=_TIMES)


@attrs.frozen(kw_only=True)
class RollBack:
    """Training goes back, and on from there with other draws and a lower learning rate.

    After a loss that is not finite to the last evaluation, after a task was forgotten to the start
    of the phase.
    """

    kind: ClassVar[str] = "rollback"
    times: int = option(default=3, at_least=1, help=_TIMES)
    rate_factor: float = option(
        default=0.5, above=0, at_most=1, help="What the learning rate is multiplied by each time."
    )


@attrs.frozen(kw_only=True)
class Extend:
    """The phase goes on, with a learning rate that falls once more."""

    kind: ClassVar[str] = "extend"
    by: Duration = option(default=Duration(1, "epochs"), help=_BY)
    times: int = option(default=1, at_least=1, help=_TIMES)
    rate_factor: float = option(default=0.3, above=0, at_most=1, help=_AGAIN)


@attrs.frozen(kw_only=True)
class Rehearse:
    """The phase goes on, with more weight for the tasks that were forgotten."""

    kind: ClassVar[str] = "rehearse"
    by: Duration = option(default=Duration(1, "epochs"), help=_BY)
    times: int = option(default=1, at_least=1, help=_TIMES)
    rate_factor: float = option(default=0.3, above=0, at_most=1, help=_AGAIN)
    weight: float = option(
        default=4.0, above=1, help="What the weights of those tasks are multiplied by."
    )


@attrs.frozen(kw_only=True)
class Last:
    """The model as it is when the phase ends."""

    kind: ClassVar[str] = "last"


@attrs.frozen(kw_only=True)
class Best:
    """The model as it was at the phase's best evaluation."""

    kind: ClassVar[str] = "best"
    metric: str = option(
        default="skill", help="What is best; `skill` is the mean of the tasks that are on."
    )


OnNonFinite = Stop | Skip | RollBack
OnViolation = Stop | Extend | Rehearse | RollBack
HandOff = Last | Best

ON_NON_FINITE: Mapping[str, type] = {kind.kind: kind for kind in (Stop, Skip, RollBack)}
ON_VIOLATION: Mapping[str, type] = {kind.kind: kind for kind in (Stop, Extend, Rehearse, RollBack)}
HAND_OFFS: Mapping[str, type] = {kind.kind: kind for kind in (Last, Best)}
