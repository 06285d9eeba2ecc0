"""Every command and snippet of docs/data.md does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from support.joblib_set import document, write
from support.smartep import export_text

from abr_model.cli import CLIENT
from abr_model.config import ABR_KINDS
from abr_model.data.readers.mapping import FIELDS
from abr_model.data.readers.registry import READERS
from curriculum.cli import main

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
FORMATS = Path(__file__).parent / "data" / "readers" / "golden"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files that the page speaks of."""
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "a.TXT").write_text(export_text(), encoding="utf-8")
    for name in ("tdt.csv", "ABR-52-3", "table.csv"):
        shutil.copy(FORMATS / name, tmp_path / name)
    shutil.copytree(ROOT / "phases", tmp_path / "phases")
    write(tmp_path / "set.pkl", document(60))
    (tmp_path / "table.yaml").write_text(next(b for b in blocks("yaml") if "period_us" in b))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_works(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [line for block in blocks("console") for line in block.splitlines()]
    assert len(lines) == 9
    for line in lines:
        program, *words = shlex.split(line)
        assert program == "abr-curriculum"
        assert main(CLIENT, words) == 0, f"{line}\n{capsys.readouterr().err}"
    assert (folder / "clinic.png").stat().st_size > 10_000
    exec(blocks("python")[0], names := {})
    assert names["recordings_uv"].shape == (2, 240)
    assert isinstance(names["recordings_uv"], np.memmap)


def test_the_data_of_plans_are_what_the_settings_know() -> None:
    found = [YAML(typ="safe").load(block)["data"] for block in blocks("yaml") if "data:" in block]
    found.append(YAML(typ="safe").load("{kind: mixed, recordings: {path: clinic}}"))
    for data in found:
        kind = data.pop("kind")
        known = {field.name for field in ABR_KINDS.data[kind].config.__attrs_attrs__}
        assert set(data) <= known


def test_the_page_names_every_field_and_format() -> None:
    for field in FIELDS:
        name = re.sub(r"wave_(i|iii)_", "wave_v_", field)
        assert f"`{name}`" in TEXT, field
    words = {"smartep": "SmartEP", "tdt": "TDT", "biosig": "BioSigRZ", "epl": "EPL", "eeg": "EDF"}
    for name in READERS:
        assert words.get(name, name) in TEXT
