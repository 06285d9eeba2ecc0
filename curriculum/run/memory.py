"""How much memory this process has, and the most that it had over some stretch of work."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import resource
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import attrs
import torch

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@attrs.define
class Memory:
    """Bytes of a stretch of work: the most that there were at once, and how far above the start."""

    peak: int = 0
    growth: int = 0


@contextmanager
def measured(device: torch.device) -> Generator[Memory]:
    """Measure what the block inside needs; the numbers are there once it has ended.

    On a CUDA device: what torch has allocated there. Else resident memory, whose mark is set back
    first where the system can do that (Linux); where it cannot, the growth is what exceeds the
    process's peak so far, a lower bound.
    """
    found = Memory()
    gc.collect()
    before = _start(device)
    try:
        yield found
    finally:
        found.peak = _peak(device)
        found.growth = max(0, found.peak - before)


def _start(device: torch.device) -> int:
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return torch.cuda.memory_allocated(device)
    _give_back()
    with contextlib.suppress(OSError):
        _RESET.write_text("5", encoding="ascii")  # sets the peak back to what there is now
    return _status("VmRSS") or _peak(device)


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    unit = 1 if sys.platform == "darwin" else 1024
    return _status("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _status(name: str) -> int | None:
    """A line of the process's status in bytes; None where the system has none."""
    try:
        lines = _STATUS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    values = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
    return int(values[0]) * 1024 if values else None


def _give_back() -> None:
    """Let the C library return what is free, or the next stretch would seem to need less."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
