"""The machine that a run computes on, and what of it exactness depends on."""

from __future__ import annotations

import platform
from typing import Any

import numpy as np
import torch

import curriculum
from curriculum.errors import UsageError


def require_machine(device: str, threads: int | None) -> None:
    """Check that torch can compute where, and with as many threads, as it was told to.

    Raises:
        UsageError: it cannot.
    """
    if threads is not None and threads < 1:
        raise UsageError("`--threads` must be at least 1", found=threads)
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch asserts that it was built with CUDA
        raise UsageError(
            "`--device` must be one that this torch can compute on",
            found=f"{device!r}: {str(error).splitlines()[0]}",
        ) from error


def environment(device: str) -> dict[str, Any]:
    """What exactness depends on besides the plan: versions, threads, device."""
    return {
        "python": platform.python_version(),
        "torch": str(torch.__version__),
        "numpy": np.__version__,
        "curriculum": curriculum.__version__,
        "platform": platform.platform(),
        "threads": torch.get_num_threads(),
        "device": device,
    }
