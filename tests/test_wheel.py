"""A wheel carries both packages, their types and the shipped plans."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_a_wheel_has_the_packages_and_the_plans(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    for name in ("curriculum", "abr_model", "phases"):
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=ignore)
    build = [
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--wheel-dir",
        "out",
        ".",
    ]
    subprocess.run([sys.executable, "-m", *build], cwd=source, check=True)
    (wheel,) = (source / "out").glob("abr_curriculum-*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    for name in ("curriculum", "abr_model"):
        modules = {path.relative_to(ROOT).as_posix() for path in (ROOT / name).rglob("*.py")}
        assert modules <= held
        assert f"{name}/py.typed" in held
    plans = {f"abr_model/plans/{path.name}" for path in (ROOT / "phases").glob("*.yaml")}
    assert plans == {name for name in held if name.endswith(".yaml")}
    assert not any(name.startswith(("tests/", "benchmarks/")) for name in held)
