"""Fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

# One thread for each process that tests start, before torch is imported: the workers of a suite
# share the cores, and two threads that wait for each other on busy cores take many times as long.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder of human recordings, where there is one."""
    folder = os.environ.get("ABR_REAL_DATA")
    if not folder:
        pytest.skip("ABR_REAL_DATA names no folder of human recordings")
    return Path(folder)
