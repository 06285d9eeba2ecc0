"""Fixtures of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """A folder of human recordings, where there is one."""
    folder = os.environ.get("ABR_REAL_DATA")
    if not folder:
        pytest.skip("ABR_REAL_DATA names no folder of human recordings")
    return Path(folder)
