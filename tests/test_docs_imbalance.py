"""Every snippet of docs/imbalance.md does what it says, and its numbers are the benchmark's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from abr_model.config import ABR_KINDS
from curriculum.config import load_plan_text
from curriculum.config.class_settings import (
    CLASS_LOSSES,
    ClassBalanced,
    CrossEntropy,
    TemperedSampler,
)

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "imbalance.md").read_text(encoding="utf-8")
RESULTS = (ROOT / "benchmarks" / "results" / "imbalance.md").read_text(encoding="utf-8")
HEAD = "experiment: e\nmodel: {kind: abr_unet}\ndata: {kind: synthetic}\n"


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_the_plans_are_plans() -> None:
    deferred, tempered = (load_plan_text(HEAD + each, "p", ABR_KINDS) for each in blocks("yaml"))
    losses = [phase.training.class_loss for phase in deferred.plan.phases]
    assert losses == [CrossEntropy(), ClassBalanced()]
    assert isinstance(tempered.plan.phases[0].training.sampler, TemperedSampler)


@pytest.mark.parametrize("kind", CLASS_LOSSES)
def test_every_loss_is_there_with_its_default(kind: str) -> None:
    (row,) = re.findall(
        rf"`(\{{kind: {kind}[^`]*)`", TEXT.partition("## Which")[0].split("**Def")[0]
    )
    one = HEAD + f"defaults: {{class_loss: {row}}}\n"
    one += "phases: [{name: a, turn_on: {classification: 1}, duration: 1 step}]\n"
    plan = load_plan_text(one, "p", ABR_KINDS).plan
    assert plan.defaults.class_loss == CLASS_LOSSES[kind]()


def test_the_snippet_gives_probabilities() -> None:
    (snippet,) = blocks("python")
    names: dict[str, Any] = {}
    exec(snippet, names)
    torch.testing.assert_close(names["natural"], names["logits"].softmax(1))
    assert names["natural"][0, 1] < 0.05 < names["balanced"][0, 1]


def test_the_table_is_the_benchmarks() -> None:
    def cells(text: str) -> list[str]:
        rows = [line for line in text.splitlines() if line.startswith("| ")]
        return [row for row in rows if " ± " in row]

    assert cells(TEXT) == cells(RESULTS) != []
