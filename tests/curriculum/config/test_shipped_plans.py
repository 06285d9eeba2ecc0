"""The shipped plans load without a warning, resolve completely, and survive JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from abr_model.config import AbrUnet, Mixed, RecordingsFolder, Synthetic
from curriculum.config import DataKind, Kinds, ModelKind, load_plan, load_plan_text, to_plain

PLANS = sorted((Path(__file__).parents[3] / "phases").glob("*.yaml"))


@pytest.fixture(scope="module")
def abr() -> Kinds:
    """The settings of the ABR model and its data; its tasks are not judged here."""
    data = {"synthetic": Synthetic, "recordings": RecordingsFolder, "mixed": Mixed}
    return Kinds(
        models={"abr_unet": ModelKind(config=AbrUnet, build="m:build", tasks=None)},
        data={name: DataKind(config=kind, load="d", summarize="d") for name, kind in data.items()},
    )


@pytest.mark.parametrize("path", PLANS, ids=lambda path: path.stem)
def test_a_shipped_plan(path: Path, abr: Kinds) -> None:
    loaded = load_plan(path, abr)
    assert loaded.warnings == ()
    assert loaded.text == path.read_text(encoding="utf-8")
    text = json.dumps(to_plain(loaded.plan), allow_nan=False)
    assert load_plan_text(text, "resolved.json", abr).plan == loaded.plan


def test_recordings_of_the_current_folder(
    abr: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    smartep = next(path for path in PLANS if path.stem == "smartep")
    loaded = load_plan(smartep, abr, ["data.recordings.path=human"])
    assert loaded.plan.data.settings.recordings.path == tmp_path / "human"
