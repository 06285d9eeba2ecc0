"""The pure decisions of a phase: weights, learning rate, exit, retention."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from support.runs import TINY

from curriculum import exits, gate, retention
from curriculum.config import DataSummary, Kinds, load_plan_text
from curriculum.errors import CurriculumError
from curriculum.events import Evaluated
from curriculum.plan import PlannedPhase, differences, resolve, shorten
from curriculum.trainer.schedule import learning_rate_at

BETTER = {"size/size_mae": "lower", "kind/kind_balanced_accuracy": "higher"}


def phases(*overrides: str, size: int = 120) -> tuple[PlannedPhase, ...]:
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds(), overrides)
    return resolve(loaded.plan, DataSummary(fingerprint="f", train_size=size))


def evaluations(metric: str, values: Sequence[float], total: float = 1.0) -> list[Evaluated]:
    return [
        Evaluated(
            phase="third",
            step=10 * place,
            split="validation",
            losses={},
            total=value if metric == "total" else total,
            metrics={} if metric.endswith("/skill") else {metric: value},
            trivial={},
            skill={metric.removesuffix("/skill"): value} if metric.endswith("/skill") else {},
        )
        for place, value in enumerate(values, 1)
    ]


# --- the gate ---------------------------------------------------------------------------------
def test_a_ramp_grows_from_its_first_part_to_the_whole() -> None:
    second = phases("phases.second.ramp=5 steps")[1]
    ramp = [gate.weights_at(second, step)["kind"] for step in range(1, 8)]
    assert ramp == pytest.approx([0.1, 0.2, 0.3, 0.4, 0.5, 0.5, 0.5])
    assert all(gate.weights_at(second, step)["shape"] == 1.0 for step in range(1, 8))


def test_a_task_that_is_off_is_absent() -> None:
    assert set(gate.weights_at(phases()[0], 1)) == {"shape"}
    assert set(gate.weights_at(phases()[2], 1)) == {"shape", "kind", "size"}


def test_a_weight_named_again_ramps_from_what_it_was() -> None:
    third = phases("phases.third.turn_on={size: 0.5, shape: 3.0}", "phases.third.ramp=4 steps")[2]
    assert [gate.weights_at(third, step)["shape"] for step in (1, 2, 4, 9)] == [1.5, 2.0, 3.0, 3.0]
    assert third.turned_on == ("size",)


def test_without_a_ramp_the_weight_is_whole_at_once() -> None:
    assert gate.weights_at(phases()[0], 1) == {"shape": 1.0}


# --- lengths ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("rule", "longest"),
    [
        ("{duration: 25 steps}", 25),
        ("{duration: 3 epochs}", 30),
        ("{any: [{duration: 25 steps}, {duration: 1 epoch}]}", 10),
        ("{all: [{duration: 25 steps}, {duration: 1 epoch}]}", 25),
        ("{any: [{plateau: {metric: size/skill}}, {duration: 7 steps}]}", 7),
        ("{all: [{plateau: {metric: size/skill}}, {duration: 7 steps}]}", None),
        ("{reaches: {metric: size/skill, value: 0.5}}", None),
    ],
)
def test_the_longest_that_a_rule_allows(rule: str, longest: int | None) -> None:
    assert phases(f"phases.third.until={rule}")[2].longest == longest


def test_epochs_become_steps_by_the_phases_own_batch() -> None:
    first, second, third = phases("phases.second.global_batch=50")
    assert (first.steps_per_epoch, second.steps_per_epoch, third.steps_per_epoch) == (10, 3, 10)
    assert second.longest == 5


# --- exits ------------------------------------------------------------------------------------
def decide(rule: str, step: int, history: Sequence[Evaluated]) -> exits.Decision:
    return exits.decide(phases(f"phases.third.until={rule}")[2], step, history, BETTER)


def test_duration_ends_at_its_step() -> None:
    assert not decide("{duration: 25 steps}", 24, []).ends
    assert decide("{duration: 25 steps}", 25, []) == exits.Decision(True, "duration of 25 steps")


@pytest.mark.parametrize(
    ("metric", "values", "ends"),
    [
        ("size/size_mae", [3.0, 2.0, 1.0], False),
        ("size/size_mae", [3.0, 1.0, 2.0], False),
        ("size/size_mae", [3.0, 1.0, 2.0, 1.0], True),
        ("kind/kind_balanced_accuracy", [0.3, 0.2, 0.1], True),
        ("kind/kind_balanced_accuracy", [0.3, 0.2, 0.4], False),
        ("size/skill", [0.5, 0.4, 0.5], True),
        ("size/skill", [], False),
    ],
)
def test_plateau_counts_evaluations_without_improvement(
    metric: str, values: list[float], ends: bool
) -> None:
    rule = f"{{plateau: {{metric: {metric}, patience: 2}}}}"
    assert decide(rule, 30, evaluations(metric, values)).ends is ends


def test_plateau_asks_for_more_than_min_delta() -> None:
    history = evaluations("size/skill", [0.5, 0.55, 0.59])
    assert decide("{plateau: {metric: size/skill, patience: 2, min_delta: 0.1}}", 30, history).ends
    assert not decide("{plateau: {metric: size/skill, patience: 2}}", 30, history).ends


@pytest.mark.parametrize(
    ("metric", "asked", "value", "ends"),
    [
        ("size/size_mae", 2.0, 1.9, True),
        ("size/size_mae", 2.0, 2.1, False),
        ("kind/kind_balanced_accuracy", 0.5, 0.6, True),
        ("kind/kind_balanced_accuracy", 0.5, 0.4, False),
    ],
)
def test_reaches_knows_which_way_is_better(
    metric: str, asked: float, value: float, ends: bool
) -> None:
    rule = f"{{reaches: {{metric: {metric}, value: {asked}}}}}"
    assert decide(rule, 10, evaluations(metric, [value])).ends is ends
    assert not decide(rule, 0, []).ends


def test_any_ends_with_the_first_and_all_with_the_last() -> None:
    rules = "[{duration: 25 steps}, {reaches: {metric: size/skill, value: 0.5}}]"
    good, bad = evaluations("size/skill", [0.6]), evaluations("size/skill", [0.4])
    assert decide(f"{{any: {rules}}}", 10, good).reason.startswith("size/skill reached 0.6")
    assert not decide(f"{{any: {rules}}}", 10, bad).ends
    assert not decide(f"{{all: {rules}}}", 25, bad).ends
    assert decide(f"{{all: {rules}}}", 25, good).ends
    assert " and " in decide(f"{{all: {rules}}}", 25, good).reason


def test_a_metric_that_cannot_be_judged_stops_the_run_with_its_name() -> None:
    with pytest.raises(CurriculumError, match="`size/size_mae` can be judged"):
        decide("{reaches: {metric: size/size_mae, value: 1}}", 10, evaluations("size/skill", [1.0]))


def test_what_may_be_forgotten() -> None:
    retain, reference = {"shape": 0.1, "new": 0.1}, {"shape": 0.6}
    groups = {"shape": "shape", "new": "new"}
    assert retention.forgotten(retain, reference, {"shape": 0.51, "new": 0.0}, groups) == ()
    (lost,) = retention.forgotten(retain, reference, {"shape": 0.49}, groups)
    assert str(lost) == (
        "`shape` fell to skill 0.490 from 0.600 at the end of its own phase; "
        "`retain` allows a loss of 0.1"
    )


def test_a_group_is_compared_by_the_tasks_that_had_a_phase() -> None:
    groups = {"when": "peaks", "high": "peaks"}
    skill = {"when": 0.9, "high": 0.2, "peaks": 0.55}
    assert retention.forgotten({"peaks": 0.05}, {"when": 0.91}, skill, groups) == ()
    (lost,) = retention.forgotten({"peaks": 0.05}, {"when": 0.91, "high": 0.4}, skill, groups)
    assert (lost.task, lost.skill, lost.reference) == ("peaks", pytest.approx(0.55), 0.655)


# --- the learning rate ------------------------------------------------------------------------
def rates(schedule: str, steps: Sequence[int], *more: str) -> list[float]:
    third = phases(f"phases.third.schedule={schedule}", *more)[2]
    return [learning_rate_at(third, step, [], BETTER) / 1e-2 for step in steps]


def test_warmup_is_linear_and_the_cosine_spans_the_rest() -> None:
    found = rates("{kind: cosine, warmup: 5 steps}", [1, 5, 6, 16, 25])
    assert found[:3] == pytest.approx([0.2, 1.0, 1.0])
    assert found[3] == pytest.approx(0.5)
    assert found[4] == pytest.approx(0.5 * (1 + math.cos(math.pi * 19 / 20)))


def test_a_cosine_over_the_run_goes_on_from_phase_to_phase() -> None:
    made = phases(
        "defaults.schedule={kind: cosine, span: run, warmup: 4 steps}",
        "phases.third.schedule={kind: cosine, span: run, warmup: 0 steps}",
    )
    assert [(phase.begins, phase.run_length) for phase in made] == [(0, 61), (16, 61), (36, 61)]

    def at(place: int, step: int) -> float:
        return learning_rate_at(made[place], step, [], {}) / 1e-2

    def cosine(step: int) -> float:
        return 0.5 * (1 + math.cos(math.pi * step / 61))

    assert at(0, 1) == pytest.approx(0.25 * cosine(0))
    assert at(0, 16) == pytest.approx(cosine(15))
    assert at(1, 2) == pytest.approx(0.5 * cosine(17))  # its own warm-up leads up to the curve
    assert at(2, 1) == pytest.approx(cosine(36))
    assert at(2, 25) == pytest.approx(cosine(60))


def test_a_cosine_over_the_run_makes_every_key_depend_on_every_length() -> None:
    over_run = "defaults.schedule={kind: cosine, span: run}"
    plain = phases("phases.third.schedule={kind: cosine}")
    longer = phases(
        "phases.third.schedule={kind: cosine}", "phases.third.until={duration: 30 steps}"
    )
    assert plain[0].key == longer[0].key
    spanned = phases(over_run)
    spanned_longer = phases(over_run, "phases.third.until={duration: 30 steps}")
    assert spanned[0].key != spanned_longer[0].key


def test_the_cosine_goes_down_to_final() -> None:
    (last,) = rates("{kind: cosine, final: 0.5}", [25])
    assert 0.5 < last < 0.503


def test_constant_stays() -> None:
    assert rates("{kind: constant, warmup: 2 steps}", [1, 2, 3, 999]) == [0.5, 1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    ("metric", "values", "expected"),
    [
        ("total", [3.0, 2.0, 2.0, 2.0], 0.5),
        ("total", [3.0, 2.0, 2.0, 2.0, 2.0, 2.0], 0.25),
        ("total", [3.0] * 20, 0.2),
        ("size/skill", [0.1, 0.2, 0.3], 1.0),
        ("size/skill", [0.3, 0.2, 0.1], 0.5),
    ],
)
def test_the_plateau_schedule_falls_when_nothing_improves(
    metric: str, values: list[float], expected: float
) -> None:
    schedule = f"{{kind: plateau, patience: 2, factor: 0.5, floor: 0.2, metric: {metric}}}"
    third = phases(f"phases.third.schedule={schedule}")[2]
    history = evaluations(metric, values)
    assert learning_rate_at(third, 99, history, BETTER) == pytest.approx(expected * 1e-2)


# --- keys -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "first_changed"),
    [
        (["seed=8"], 0),
        (["model.args={hidden: 8}"], 0),
        (["phases.0.turn_on.shape=2.0"], 0),
        (["defaults.global_batch=6"], 0),
        (["phases.second.ramp=6 steps"], 1),
        (["phases.third.retain={shape: 0.1}"], 2),
        (["experiment=other"], 3),
        (["checkpoints.every=3 steps"], 3),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_key_covers_what_can_change_the_result_and_nothing_else(
    change: list[str], first_changed: int
) -> None:
    before, after = phases(), phases(*change)
    same = [a.key == b.key for a, b in zip(before, after, strict=True)]
    assert same == [place < first_changed for place in range(3)]


def test_the_data_is_part_of_every_key() -> None:
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds())
    one, two = (
        resolve(loaded.plan, DataSummary(fingerprint=print_, train_size=9)) for print_ in "ab"
    )
    assert all(a.key != b.key for a, b in zip(one, two, strict=True))


def test_a_shortened_phase_is_not_the_phase() -> None:
    second = phases()[1]
    short = shorten(second, 3)
    assert (short.longest, short.ramp_steps) == (3, 3)
    assert short.key != second.key


def test_differences_are_said_by_path() -> None:
    before = {"seed": 1, "phases": [{"name": "a", "ramp": "2 steps"}], "old": 1}
    after = {"seed": 1, "phases": [{"name": "a", "ramp": "3 steps"}], "new": True}
    assert differences(before, after) == [
        "`phases.a.ramp` changed from 2 steps to 3 steps",
        "`new` is new: True",
        "`old` is gone (it was 1)",
    ]
