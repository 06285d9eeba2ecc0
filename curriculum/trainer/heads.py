"""Law 1: a head that is off keeps its bytes, and a run proves it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from torch import nn

from curriculum.errors import CurriculumError
from curriculum.plan import PlannedPhase
from curriculum.state import tensors_sha256
from curriculum.tasks import SharedModel


def heads_off(model: nn.Module, phase: PlannedPhase) -> dict[str, str]:
    """The sha256 of each head that is off in a phase: its parameters and buffers."""
    heads = cast("SharedModel", model).heads
    return {
        name: tensors_sha256(head.state_dict())
        for name, head in heads.items()
        if name not in phase.weights
    }


def prove_unchanged(before: Mapping[str, str], now: Mapping[str, str], phase: str) -> None:
    """Compare heads that are off with what they were at the phase's start.

    Raises:
        CurriculumError: one has changed; names it.
    """
    changed = [name for name, digest in before.items() if now[name] != digest]
    if changed:
        raise CurriculumError(
            "a head that is off must keep its bytes",
            found=f"changes in {', '.join(f'`{name}`' for name in changed)}",
            where=f"phase `{phase}`",
            hint="Does the trunk, or another head, write into it or share a buffer with it?",
        )
