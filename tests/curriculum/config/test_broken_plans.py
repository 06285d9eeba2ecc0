"""Every way in which a plan can be wrong, with the whole text that its author gets to read.

`broken/NAME.yaml` is a plan (its first lines `# --set "path=value"` are options, quoted as in
JSON), `broken/NAME.txt` what is said of it. `REGENERATE_GOLDEN=1 pytest tests/curriculum/config`
writes the texts anew.
"""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import BinaryIO

import pytest
from support.golden import assert_all_used, assert_golden

from curriculum.config import Kinds, load_plan
from curriculum.errors import PlanError

BROKEN = Path(__file__).parent / "broken"
PLANS = sorted(path.stem for path in BROKEN.glob("*.yaml"))
_PLAIN = "experiment: ears\n"
_OPTION = "# --set "

# What cannot be kept as a text file, or is too large to keep.
BYTES = {
    "utf_16": _PLAIN.encode("utf-16"),
    "utf_16_without_mark": _PLAIN.encode("utf-16-le"),
    "utf_16_big_endian": _PLAIN.encode("utf-16-be"),
    "utf_32": _PLAIN.encode("utf-32"),
    "utf_8_with_mark": _PLAIN.encode("utf-8-sig"),
    "latin_1": b"experiment: ears\nmodel: {kind: small}  # gr\xf6\xdfe\n",
    "nul": b"experiment: ears\nseed: \x001\n",
    "binary": bytes(range(256)),
    "too_large": _PLAIN.encode() + b"# a long comment\n" * 5000,
    "too_many_values": b"experiment: [" + b"1," * 20000 + b"]\n",
    "too_deep_to_recurse": b"[" * 60000,
}


def complaint(name: str, kinds: Kinds, overrides: list[str]) -> str:
    with pytest.raises(PlanError, match=r".") as caught:
        load_plan(name, kinds, overrides)
    assert "\n".join(str(problem) for problem in caught.value.problems) == str(caught.value)
    return f"{caught.value}\n"


@pytest.mark.parametrize("name", PLANS)
def test_broken_plan(name: str, kinds: Kinds, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(BROKEN)
    lines = Path(f"{name}.yaml").read_text(encoding="utf-8").splitlines()
    options = [json.loads(li.removeprefix(_OPTION)) for li in lines if li.startswith(_OPTION)]
    assert_golden(complaint(f"{name}.yaml", kinds, options), BROKEN / f"{name}.txt")


@pytest.mark.parametrize("name", sorted(BYTES))
def test_broken_bytes(
    name: str, kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("plan.yaml").write_bytes(BYTES[name])
    assert_golden(complaint("plan.yaml", kinds, []), BROKEN / f"bytes_{name}.txt")


def test_no_such_file(kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("default.yaml").write_text(_PLAIN)
    Path("plans").mkdir()
    names = [
        "defualt.yaml",
        "plans",
        "plans/other.yaml",
        "nowhere/at/all.yaml",
        "zz\0\x1b[31m",
        "zz",
    ]
    texts = [complaint(name, kinds, []) for name in names]
    assert_golden("".join(texts), BROKEN / "file_missing.txt")


def test_file_that_may_not_be_read(
    kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(self: Path, mode: str) -> BinaryIO:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(PlanError, match="must be a file that can be read, found: permission denie"):
        load_plan(tmp_path / "plan.yaml", kinds)


def test_folder_that_may_not_be_searched(
    kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The search for a neighbour that may have been meant must not hide what is wrong."""

    def refuse(self: Path, pattern: str) -> list[Path]:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "glob", refuse)
    with pytest.raises(PlanError, match=r"must be a plan's file, found no such file$"):
        load_plan(tmp_path / "plan.yaml", kinds)


def test_every_golden_text_belongs_to_a_test() -> None:
    expected = {*PLANS, *(f"bytes_{name}" for name in BYTES), "file_missing"}
    assert_all_used(BROKEN, expected)
    assert len(expected) >= 100
