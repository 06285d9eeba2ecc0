"""Every way in which a plan can be wrong, with the whole text that its author gets to read.

`broken/NAME.yaml` is a plan (its first lines `# --set "path=value"` are options, quoted as in
JSON), `broken/NAME.txt` what is said of it. `REGENERATE_GOLDEN=1 pytest tests/curriculum/config`
writes the texts anew.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

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


def assert_golden(text: str, golden: Path) -> None:
    """The text is what is kept; or is written down where regenerating was asked for."""
    if os.environ.get("REGENERATE_GOLDEN"):
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


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


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_that_may_not_be_read(kinds: Kinds, tmp_path: Path) -> None:
    path = tmp_path / "plan.yaml"
    path.write_text(_PLAIN)
    path.chmod(0)
    with pytest.raises(PlanError, match="must be a file that can be read, found: permission"):
        load_plan(path, kinds)


def test_every_golden_text_belongs_to_a_test() -> None:
    expected = {*PLANS, *(f"bytes_{name}" for name in BYTES), "file_missing"}
    assert {path.stem for path in BROKEN.glob("*.txt")} == expected
    assert len(expected) >= 100
