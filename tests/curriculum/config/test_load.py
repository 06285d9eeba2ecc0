"""What a right plan becomes: defaults, inheritance, merging, options, paths."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from curriculum.config import Kinds, LoadedPlan, load_plan, load_plan_text
from curriculum.config.balances import Calibrated
from curriculum.config.schema import (
    AdamW,
    AfterDuration,
    AllOf,
    AnyOf,
    Choice,
    Constant,
    Cosine,
    Plan,
    Plateau,
    PlateauSchedule,
    PythonFactory,
    Reaches,
    Sgd,
    Training,
)
from curriculum.units import Duration

HEAD = "experiment: ears\nmodel: {kind: small}\ndata: {kind: synthetic}\n"
PHASE = "- {name: signal, turn_on: {signal: 1}, duration: 10 steps}\n"


def plan_of(text: str, kinds: Kinds, *overrides: str) -> Plan:
    return load_plan_text(text, "plan.yaml", kinds, overrides).plan


def settings_of(choice: Choice) -> Any:
    return choice.settings


def test_a_whole_plan(valid: str, kinds: Kinds) -> None:
    loaded = load_plan_text(valid, "plan.yaml", kinds)
    plan = loaded.plan
    assert (loaded.text, loaded.name, loaded.overrides) == (valid, "plan.yaml", ())
    assert loaded.warnings == ()
    assert (plan.experiment, plan.seed) == ("ears", 42)
    assert plan.model.kind == "small"
    assert settings_of(plan.model).width == 16
    assert plan.checkpoints.every == Duration(500, "steps")
    signal, classification, peaks = plan.phases
    assert signal.exit_rule == AfterDuration(duration=Duration(1200, "steps"))
    assert signal.training == plan.defaults
    assert classification.until == AnyOf(
        rules=(
            Plateau(metric="classification/macro_f1", patience=3),
            AfterDuration(duration=Duration(1500, "steps")),
        )
    )
    assert classification.ramp == Duration(200, "steps")
    assert classification.retain == {"signal": 0.05}
    assert peaks.turn_on == {"peak_existence": 0.1, "peak_latency": 0.05}
    assert isinstance(peaks.until, AllOf)
    assert peaks.until.rules[0] == Reaches(metric="peaks/skill", value=0.5)
    assert peaks.training.schedule == PlateauSchedule(metric="peaks/latency_mae_ms")


def test_what_is_not_written_has_its_default(kinds: Kinds) -> None:
    plan = plan_of(f"{HEAD}phases:\n{PHASE}", kinds)
    assert plan.defaults == Training()
    assert plan.phases[0].training == Training()
    assert plan.seed == 0
    assert plan.checkpoints.every_seconds == 60.0
    assert plan.phases[0].retain == {}


def test_a_phase_inherits_from_defaults_whatever_it_does_not_write(kinds: Kinds) -> None:
    plan = plan_of(
        f"""{HEAD}
defaults:
  global_batch: 48
  gradient_clip: null
  evaluate_every: 50 steps
  optimizer: {{learning_rate: 1e-2, betas: [0.8, 0.9]}}
  schedule: {{kind: constant, warmup: 5 steps}}
phases:
{PHASE}
- {{name: b, duration: 10 steps, global_batch: 12, optimizer: {{learning_rate: 1e-4}}}}
- {{name: c, duration: 10 steps, optimizer: {{kind: adamw, eps: 1e-6}}, gradient_clip: 2}}
""",
        kinds,
    )
    _, second, third = (phase.training for phase in plan.phases)
    assert plan.phases[0].training == plan.defaults
    assert (second.global_batch, second.gradient_clip) == (12, None)
    assert second.evaluate_every == Duration(50, "steps")
    assert second.optimizer == AdamW(learning_rate=1e-4, betas=(0.8, 0.9))
    assert second.schedule == Constant(warmup=Duration(5, "steps"))
    assert third.optimizer == AdamW(learning_rate=1e-2, betas=(0.8, 0.9), eps=1e-6)
    assert third.gradient_clip == 2.0


def test_another_kind_starts_from_its_own_defaults(kinds: Kinds) -> None:
    plan = plan_of(
        f"""{HEAD}
defaults: {{optimizer: {{weight_decay: 0.5}}, balance: {{decay: 0.5}}}}
phases:
{PHASE}
- {{name: b, duration: 10 steps, optimizer: {{kind: sgd, learning_rate: 0.1}}}}
- {{name: c, duration: 10 steps, balance: {{batches: 2}}}}
""",
        kinds,
    )
    assert plan.phases[1].training.optimizer == Sgd(learning_rate=0.1)
    assert plan.phases[2].training.optimizer == AdamW(weight_decay=0.5)
    assert plan.phases[2].training.balance == Calibrated(batches=2, decay=0.5)


def test_numbers_as_people_write_them(kinds: Kinds) -> None:
    text = f"{HEAD}seed: 1_000\ndefaults: {{optimizer: {{learning_rate: .5e-3, eps: 1E-9}}}}\n"
    plan = plan_of(f"{text}phases:\n{PHASE}", kinds)
    assert plan.seed == 1000
    assert plan.defaults.optimizer == AdamW(learning_rate=5e-4, eps=1e-9)
    whole = plan_of(f"{HEAD}phases:\n{PHASE}", kinds, "defaults.gradient_clip=2")
    assert type(whole.defaults.gradient_clip) is float


def test_text_that_looks_like_something_else_stays_text(kinds: Kinds) -> None:
    for name in ("2026-10-01", "no", "1e", "1.2.3"):
        assert plan_of(f"{HEAD}phases:\n{PHASE}", kinds, f"experiment={name}").experiment == name


def test_anchors_and_aliases_within_limits(kinds: Kinds) -> None:
    text = f"""{HEAD}
phases:
- {{name: a, turn_on: &on {{signal: 1}}, duration: &long 10 steps}}
- {{name: b, turn_on: *on, duration: *long}}
"""
    plan = plan_of(text, kinds, "phases.b.turn_on.signal=2")
    assert [phase.turn_on["signal"] for phase in plan.phases] == [1, 2]  # the other is not touched


@pytest.mark.parametrize(
    ("override", "found"),
    [
        ("phases.0.ramp=5 steps", Duration(5, "steps")),
        ("phases[0].ramp=5 steps", Duration(5, "steps")),
        ("phases.signal.ramp=5 steps", Duration(5, "steps")),
        ("phases.signal.ramp = 5 steps ", Duration(5, "steps")),
        ("phases.signal.ramp='5 steps'", Duration(5, "steps")),
    ],
)
def test_paths_of_options(override: str, found: Duration, valid: str, kinds: Kinds) -> None:
    assert plan_of(valid, kinds, override).phases[0].ramp == found


def test_options_make_what_the_file_does_not_have(valid: str, kinds: Kinds) -> None:
    plan = plan_of(
        valid,
        kinds,
        "phases.signal.optimizer.learning_rate=1e-4",
        "defaults.balance.batches=4",
        "phases.classification.until.any.0.plateau.patience=9",
        "model.gains.first=2",
    )
    assert plan.phases[0].training.optimizer == AdamW(learning_rate=1e-4, weight_decay=1e-5)
    assert plan.phases[1].training.balance == Calibrated(batches=4)
    assert settings_of(plan.model).gains == {"first": 2.0}
    rule = plan.phases[1].until
    assert isinstance(rule, AnyOf)
    assert rule.rules[0] == Plateau(metric="classification/macro_f1", patience=9)


def test_options_fill_a_block_that_was_left_empty(kinds: Kinds) -> None:
    text = f"{HEAD}defaults:\nphases:\n{PHASE}"
    assert plan_of(text, kinds, "defaults.global_batch=8").defaults.global_batch == 8


def test_options_replace_whole_blocks_and_the_last_one_counts(valid: str, kinds: Kinds) -> None:
    plan = plan_of(
        valid,
        kinds,
        "data={kind: synthetic, subjects: 100}",
        "seed=1",
        "seed=2",
        "phases.2={name: late, duration: 30 steps}",
        "phases.late.duration=40 steps",
        "phases.classification.until=null",
        "phases.classification.duration=1000 steps",
    )
    assert settings_of(plan.data).subjects == 100
    assert plan.seed == 2
    assert plan.phases[2].duration == Duration(40, "steps")
    assert plan.phases[1].duration == Duration(1000, "steps")


def test_an_index_goes_before_a_name_and_names_may_have_dots(kinds: Kinds) -> None:
    text = f"""{HEAD}
phases:
- {{name: "1", turn_on: {{signal: 1}}, duration: 10 steps}}
- {{name: v1.0.x, duration: 10 steps}}
- {{name: "7", duration: 10 steps}}
"""
    plan = plan_of(
        text,
        kinds,
        "phases.1.duration=20 steps",
        "phases.v1.0.x.global_batch=8",
        "phases.7.duration=70 steps",
    )
    assert [phase.duration.count for phase in plan.phases if phase.duration] == [10, 20, 70]
    assert plan.phases[1].training.global_batch == 8


def test_paths_start_at_the_plan_or_for_options_at_the_current_folder(
    kinds: Kinds, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, plans = tmp_path / "here", tmp_path / "plans"
    here.mkdir()
    plans.mkdir()
    file = plans / "real.yaml"
    file.write_text(
        "experiment: ears\nmodel: {kind: small}\n"
        "data: {kind: mixed, recordings: {path: ../data/human}}\n"
        f"phases:\n{PHASE}"
    )
    monkeypatch.chdir(here)

    def path_of(loaded: LoadedPlan) -> Path:
        return settings_of(loaded.plan.data).recordings.path

    assert path_of(load_plan(file, kinds)) == tmp_path / "data" / "human"
    assert path_of(load_plan("../plans/real.yaml", kinds)) == tmp_path / "data" / "human"
    given = load_plan(file, kinds, ["data.recordings.path=mine"])
    assert path_of(given) == here / "mine"
    absolute = load_plan(file, kinds, [f"data.recordings.path={tmp_path}/x"])
    assert path_of(absolute) == tmp_path / "x"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert path_of(load_plan(file, kinds, ["data.recordings.path=~/y"])) == tmp_path / "y"
    text = file.read_text()
    assert path_of(load_plan_text(text, "p", kinds)) == tmp_path / "data" / "human"
    moved = load_plan_text(text, "p", kinds, folder=tmp_path / "a" / "b")
    assert path_of(moved) == tmp_path / "a" / "data" / "human"


def test_a_plan_that_names_code_is_loaded_without_importing_it(kinds: Kinds) -> None:
    text = f"""
experiment: ears
model: {{kind: python, factory: "no_such_package.model:build", args: {{a: [1, {{b: null}}], d: x}}}}
data: {{kind: python, factory: "no_such_package:data"}}
phases:
{PHASE}
"""
    plan = plan_of(text, kinds)
    assert plan.model.settings == PythonFactory(
        factory="no_such_package.model:build", args={"a": [1, {"b": None}], "d": "x"}
    )


def test_kinds_of_the_client_keep_every_sort_of_setting(kinds: Kinds) -> None:
    block = (
        "{kind: small, norm: batch, activation: gelu, skips: false, kernels: [3, 5], gains: {a: 1}}"
    )
    settings = settings_of(plan_of(f"{HEAD}phases:\n{PHASE}", kinds, f"model={block}").model)
    assert (settings.norm, settings.activation, settings.skips) == ("batch", "gelu", False)
    assert (settings.kernels, settings.gains) == ((3, 5), {"a": 1.0})


def test_the_inherited_schedule_may_span_a_bounded_rule(kinds: Kinds) -> None:
    text = f"""{HEAD}
phases:
- name: a
  turn_on: {{signal: 1}}
  schedule: {{warmup: 10 steps}}
  until: {{any: [{{plateau: {{metric: signal/mse}}}}, {{all: [{{duration: 10 steps}}]}}]}}
"""
    assert plan_of(text, kinds).phases[0].training.schedule == Cosine(warmup=Duration(10, "steps"))


def test_no_torch_is_imported() -> None:
    code = "import sys, curriculum.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
