"""Law 4: an option of the schema whose change changes nothing is a defect.

Each option is changed from its default in a plan in which it can matter, and what the run does must
differ beyond rounding: what it trains, when it evaluates or saves, or how it ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import attrs
import pytest
from support.behaviour import differ, what_happened
from support.runs import Recorder, run_tiny

from curriculum.config.balances import BALANCES, Watch
from curriculum.config.class_settings import CLASS_LOSSES, SAMPLERS
from curriculum.config.options import option_of
from curriculum.config.protection import HAND_OFFS, ON_NON_FINITE, ON_VIOLATION
from curriculum.config.schema import (
    EXIT_RULES,
    OPTIMIZERS,
    SCHEDULES,
    Checkpoints,
    Phase,
    Plan,
    PythonFactory,
    Training,
)
from curriculum.errors import CurriculumError, PlanError

SHORT = ["phases.0.duration=12 steps"]
SGD = "defaults.optimizer={{kind: sgd, learning_rate: 0.05, {}}}"
PLATEAU = (
    "defaults.schedule={{kind: plateau, {}}}",
    "defaults.evaluate_every=1 step",
    "defaults.optimizer={{kind: sgd, learning_rate: 2.0}}",
    "phases.0.duration=30 steps",
)
UNTIL = "phases.0={{name: first, turn_on: {{shape: 1.0}}, until: {{{}}}}}"
CONSTANT = "defaults.schedule={kind: constant}"
CONSTANT_3 = "phases.third.until={duration: 9 steps}"  # every phase has a bound
SECOND = "phases.1={{name: second, turn_on: {{kind: 1.0}}, until: {{plateau: {{metric: {}}}}}}}"
EVERY = "defaults.evaluate_every=1 step"
THREE = "phases.0.turn_on={shape: 1.0, kind: 1.0, size: 1.0}"
LONGER = ["phases.0.duration=30 steps"]  # a ratio of epochs needs two
KIND = "phases.0.turn_on={kind: 1.0}"
CLASS_LOSS = "defaults.class_loss={{kind: {}}}"
TEMPERED = "defaults.sampler={{kind: tempered, task: {}, temperature: {}}}"


@attrs.frozen
class Change:
    """The plan with an option as it is by default, and with another value."""

    plain: Sequence[str]
    changed: Sequence[str]
    until: str = "first"


def pair(plain: str, changed: str, *common: str, until: str = "first") -> Change:
    return Change([*SHORT, *common, plain], [*SHORT, *common, changed], until)


HARM = ("phases.1.turn_on={kind: 1000.0}", "phases.1.optimizer.learning_rate=0.3")
EARLY = (*SHORT, *HARM, "defaults.evaluate_every=4 steps")
BEST = "phases.1.hand_off={{kind: best, metric: {}}}"


TRAP = 'model={{kind: python, factory: "support.tiny:build_trapped", args: {{{}}}}}'
JUMPS = TRAP.format("chance: 0.004, factor: 1000.0")


def violation(plain: str, changed: str) -> Change:
    """A second phase that damages the task of the first, and what follows."""
    before = [*SHORT, *HARM, "phases.1.retain={shape: 0}"]
    answers = [[*before, f"phases.1.on_violation={answer}"] for answer in (plain, changed)]
    return Change(*answers, "second")


def trapped(plain: str, changed: str) -> Change:
    """Losses that are not finite in a few steps, and what follows."""
    model = TRAP.format("chance: 0.004")
    answers = [[model, "seed=4", f"defaults.on_non_finite={a}"] for a in (plain, changed)]
    return Change(*answers, "third")


def balance(kind: str, plain: str, changed: str, *common: str) -> Change:
    """Of a balance's option, with three tasks to balance."""
    blocks = [f"defaults.balance={{kind: {kind}, {each}}}" for each in (plain, changed)]
    return pair(*blocks, THREE, "defaults.gradient_clip=null", *common)


def plateau(plain: str, changed: str) -> Change:
    fill = [line.format(plain) for line in PLATEAU], [line.format(changed) for line in PLATEAU]
    return Change(*fill)


def until(plain: str, changed: str, *common: str) -> Change:
    always = [EVERY, CONSTANT, *common]
    return Change([*always, UNTIL.format(plain)], [*always, UNTIL.format(changed)])


CHANGES: dict[str, Change] = {
    "plan.experiment": pair("experiment=tiny", "experiment=other"),
    "plan.seed": pair("seed=7", "seed=8"),
    "plan.model": pair("model.args={}", "model.args={hidden: 8}"),
    "plan.data": pair("data.args={}", "data.args={samples: 90}"),
    "plan.checkpoints": pair("checkpoints={every: null}", "checkpoints={every: 5 steps}"),
    "plan.defaults": pair("defaults.global_batch=12", "defaults.global_batch=6"),
    "plan.phases": pair("phases.0.duration=12 steps", "phases.0.duration=11 steps"),
    "python.factory": pair(
        "data.factory=support.tiny:data", "data.factory=support.tiny:other_data"
    ),
    "python.args": pair("model.args={dropout: 0.1}", "model.args={dropout: 0.5}"),
    "checkpoints.every": pair("checkpoints.every=7 steps", "checkpoints.every=3 steps"),
    "checkpoints.every_seconds": pair(
        "checkpoints.every_seconds=null", "checkpoints.every_seconds=1e-9"
    ),
    "phase.name": pair("phases.0.name=first", "phases.0.name=start", until="*"),
    "phase.turn_on": pair("phases.0.turn_on={shape: 1.0}", "phases.0.turn_on={size: 1.0}"),
    "phase.ramp": pair("phases.0.ramp=0 steps", "phases.0.ramp=6 steps"),
    "phase.duration": pair("phases.0.duration=12 steps", "phases.0.duration=9 steps"),
    "phase.until": until("duration: 12 steps", "reaches: {metric: shape/mse, value: 1e9}"),
    "phase.retain": Change(
        ["phases.1.turn_on={kind: 1000.0}", "phases.1.optimizer.learning_rate=0.3"],
        [
            "phases.1.turn_on={kind: 1000.0}",
            "phases.1.optimizer.learning_rate=0.3",
            "phases.1.retain={shape: 0}",
        ],
        "second",
    ),
    "phase.head_warmup": Change(SHORT, [*SHORT, "phases.1.head_warmup=4 steps"], "second"),
    "phase.hold": Change(SHORT, [*SHORT, "phases.1.hold={shape: 1.0}"], "second"),
    "phase.turn_off": Change(SHORT, [*SHORT, "phases.1.turn_off=[shape]"], "second"),
    "phase.on_violation": violation("stop", "rehearse"),
    "phase.hand_off": Change([*EARLY], [*EARLY, BEST.format("shape/skill")], "second"),
    "training.trunk_rate": pair("defaults.trunk_rate=1.0", "defaults.trunk_rate=0.5"),
    "training.on_non_finite": trapped("stop", "skip"),
    "training.spike_above": Change(
        [JUMPS, "seed=1"], [JUMPS, "seed=1", "defaults.spike_above=30"], "third"
    ),
    "non_finite.skip.times": trapped("{kind: skip, times: 2}", "{kind: skip, times: 9}"),
    "non_finite.rollback.times": trapped(
        "{kind: rollback, times: 1}", "{kind: rollback, times: 9}"
    ),
    "non_finite.rollback.rate_factor": trapped(
        "{kind: rollback, rate_factor: 0.5}", "{kind: rollback, rate_factor: 0.2}"
    ),
    "violation.extend.by": violation("{kind: extend}", "{kind: extend, by: 5 steps}"),
    "violation.extend.times": violation("{kind: extend}", "{kind: extend, times: 2}"),
    "violation.extend.rate_factor": violation("{kind: extend}", "{kind: extend, rate_factor: 0.1}"),
    "violation.rehearse.by": violation("{kind: rehearse}", "{kind: rehearse, by: 5 steps}"),
    "violation.rehearse.times": violation("{kind: rehearse}", "{kind: rehearse, times: 2}"),
    "violation.rehearse.rate_factor": violation(
        "{kind: rehearse}", "{kind: rehearse, rate_factor: 0.1}"
    ),
    "violation.rehearse.weight": violation("{kind: rehearse}", "{kind: rehearse, weight: 9}"),
    "violation.rollback.times": violation(
        "{kind: rollback, rate_factor: 1, times: 1}",
        "{kind: rollback, rate_factor: 1, times: 2}",
    ),
    "violation.rollback.rate_factor": violation(
        "{kind: rollback, times: 1}", "{kind: rollback, times: 1, rate_factor: 0.1}"
    ),
    "hand_off.best.metric": Change(
        [*EARLY, BEST.format("shape/skill")], [*EARLY, BEST.format("kind/skill")], "second"
    ),
    "training.global_batch": pair("defaults.global_batch=12", "defaults.global_batch=18"),
    "training.accumulation_steps": pair(
        "defaults.accumulation_steps=1", "defaults.accumulation_steps=3"
    ),
    "training.gradient_clip": pair("defaults.gradient_clip=1.0", "defaults.gradient_clip=0.01"),
    "training.evaluate_every": pair(
        "defaults.evaluate_every=1 epoch", "defaults.evaluate_every=4 steps"
    ),
    "training.optimizer": pair(
        "defaults.optimizer={kind: adamw}", "defaults.optimizer={kind: sgd, learning_rate: 1e-3}"
    ),
    "training.schedule": pair(
        "defaults.schedule={kind: cosine}", "defaults.schedule={kind: constant}"
    ),
    "training.balance": pair(
        "defaults.balance={kind: calibrated}", "defaults.balance={kind: fixed}"
    ),
    "training.class_loss": pair(
        CLASS_LOSS.format("logit_adjusted"), CLASS_LOSS.format("cross_entropy"), KIND
    ),
    "training.sampler": pair("defaults.sampler={kind: uniform}", TEMPERED.format("kind", 1), KIND),
    "logit_adjusted.tau": pair(
        CLASS_LOSS.format("logit_adjusted, tau: 1.0"),
        CLASS_LOSS.format("logit_adjusted, tau: 1.5"),
        KIND,
    ),
    "class_balanced.beta": pair(
        CLASS_LOSS.format("class_balanced, beta: 0.9999"),
        CLASS_LOSS.format("class_balanced, beta: 0.9"),
        KIND,
    ),
    "focal.gamma": pair(
        CLASS_LOSS.format("focal, gamma: 2.0"), CLASS_LOSS.format("focal, gamma: 1.0"), KIND
    ),
    "tempered.task": pair(
        TEMPERED.format("kind", 0.5), TEMPERED.format("sign", 0.5), "model.args={signs: true}"
    ),
    "tempered.temperature": pair(TEMPERED.format("kind", 0.5), TEMPERED.format("kind", 0.0)),
    "adamw.learning_rate": pair(
        "defaults.optimizer.learning_rate=1e-3", "defaults.optimizer.learning_rate=2e-3"
    ),
    "adamw.betas": pair(
        "defaults.optimizer.betas=[0.9, 0.999]", "defaults.optimizer.betas=[0.8, 0.999]"
    ),
    "adamw.eps": pair("defaults.optimizer.eps=1e-8", "defaults.optimizer.eps=1e-2"),
    "adamw.weight_decay": pair(
        "defaults.optimizer.weight_decay=0", "defaults.optimizer.weight_decay=0.5"
    ),
    "sgd.learning_rate": pair(
        "defaults.optimizer={kind: sgd, learning_rate: 0.01}",
        "defaults.optimizer={kind: sgd, learning_rate: 0.02}",
    ),
    "sgd.momentum": pair(SGD.format("momentum: 0.0"), SGD.format("momentum: 0.9")),
    "sgd.nesterov": pair(
        SGD.format("momentum: 0.9, nesterov: false"), SGD.format("momentum: 0.9, nesterov: true")
    ),
    "sgd.weight_decay": pair(SGD.format("weight_decay: 0"), SGD.format("weight_decay: 0.1")),
    "cosine.span": pair(
        "defaults.schedule={kind: cosine}",
        "defaults.schedule={kind: cosine, span: run}",
        CONSTANT_3,
    ),
    "cosine.warmup": pair(
        "defaults.schedule={kind: cosine}", "defaults.schedule={kind: cosine, warmup: 5 steps}"
    ),
    "cosine.final": pair(
        "defaults.schedule={kind: cosine}", "defaults.schedule={kind: cosine, final: 0.5}"
    ),
    "constant.warmup": pair(
        "defaults.schedule={kind: constant}", "defaults.schedule={kind: constant, warmup: 5 steps}"
    ),
    "plateau.warmup": plateau("patience: 1", "patience: 1, warmup: 5 steps"),
    "plateau.metric": plateau("patience: 1", "patience: 1, metric: total"),
    "plateau.patience": plateau("patience: 1", "patience: 2"),
    "plateau.factor": plateau("patience: 1, factor: 0.5", "patience: 1, factor: 0.2"),
    "plateau.floor": plateau("patience: 1, factor: 0.1", "patience: 1, factor: 0.1, floor: 0.5"),
    "calibrated.batches": pair(
        "defaults.balance.batches=8", "defaults.balance.batches=2", "defaults.gradient_clip=null"
    ),
    "calibrated.decay": pair(
        "defaults.balance.decay=0.99", "defaults.balance.decay=0.5", "defaults.gradient_clip=null"
    ),
    "uncertainty.batches": balance("uncertainty", "batches: 8", "batches: 2"),
    "uncertainty.rate": balance("uncertainty", "rate: 0.02", "rate: 0.2"),
    "dwa.batches": balance("dwa", "batches: 8", "batches: 2"),
    "dwa.temperature": balance("dwa", "temperature: 2.0", "temperature: 0.1", *LONGER),
    "dwa.normalize": balance("dwa", "normalize: true", "normalize: false"),
    "gradnorm.batches": balance("gradnorm", "batches: 8", "batches: 2"),
    "gradnorm.alpha": balance("gradnorm", "alpha: 1.5", "alpha: 0.1"),
    "gradnorm.rate": balance("gradnorm", "rate: 0.025", "rate: 0.1"),
    "gradnorm.measure_every": balance(
        "gradnorm", "measure_every: 10 steps", "measure_every: 3 steps"
    ),
    "gradnorm.normalize": balance("gradnorm", "normalize: false", "normalize: true"),
    "torchjd.aggregator": balance("torchjd", "aggregator: upgrad", "aggregator: mgda"),
    "torchjd.batches": balance("torchjd", "batches: 8", "batches: 2"),
    "torchjd.decay": balance("torchjd", "decay: 0.99", "decay: 0.5"),
    "watch.watch_every": balance("fixed", "watch_every: 200 steps", "watch_every: 3 steps"),
    "watch.stop_above": balance("fixed", "stop_above: null", "stop_above: 1.01"),
    "rule.duration.duration": until("duration: 12 steps", "duration: 9 steps"),
    "rule.plateau.metric": Change(
        [EVERY, CONSTANT, SECOND.format("shape/skill")],
        [EVERY, CONSTANT, SECOND.format("kind/skill")],
        "second",
    ),
    "rule.plateau.patience": until(
        "any: [{plateau: {metric: shape/mse, min_delta: 9, patience: 3}}, {duration: 40 steps}]",
        "any: [{plateau: {metric: shape/mse, min_delta: 9, patience: 5}}, {duration: 40 steps}]",
    ),
    "rule.plateau.min_delta": until(
        "any: [{plateau: {metric: shape/mse, patience: 3}}, {duration: 20 steps}]",
        "any: [{plateau: {metric: shape/mse, patience: 3, min_delta: 9}}, {duration: 20 steps}]",
    ),
    "rule.reaches.metric": until(
        "any: [{reaches: {metric: shape/mse, value: 0.0}}, {duration: 12 steps}]",
        "any: [{reaches: {metric: shape/skill, value: -99.0}}, {duration: 12 steps}]",
    ),
    "rule.reaches.value": until(
        "any: [{reaches: {metric: shape/mse, value: 0.0}}, {duration: 12 steps}]",
        "any: [{reaches: {metric: shape/mse, value: 99.0}}, {duration: 12 steps}]",
    ),
    "rule.any.rules": until(
        "any: [{duration: 12 steps}]", "any: [{duration: 12 steps}, {duration: 9 steps}]"
    ),
    "rule.all.rules": until(
        "all: [{duration: 12 steps}]", "all: [{duration: 12 steps}, {duration: 15 steps}]"
    ),
}


def options() -> Iterator[str]:
    """Every option of the schema, `<block>.<field>`; those of inline blocks as the block's own."""
    blocks: list[tuple[str, type]] = [
        ("plan", Plan),
        ("python", PythonFactory),
        ("checkpoints", Checkpoints),
        ("phase", Phase),
        ("training", Training),
        *(
            (kind, cls)
            for kinds in (OPTIMIZERS, SCHEDULES, BALANCES, CLASS_LOSSES, SAMPLERS)
            for kind, cls in kinds.items()
        ),
        *((f"non_finite.{kind}", cls) for kind, cls in ON_NON_FINITE.items()),
        *((f"violation.{kind}", cls) for kind, cls in ON_VIOLATION.items()),
        *((f"hand_off.{kind}", cls) for kind, cls in HAND_OFFS.items()),
        ("watch", Watch),
        *((f"rule.{kind}", cls) for kind, cls in EXIT_RULES.items()),
    ]
    for block, cls in blocks:
        for field in attrs.fields(cls):
            if not option_of(field).inline:
                yield f"{block}.{field.name}"


def test_every_option_has_its_change() -> None:
    assert set(options()) == set(CHANGES)


@pytest.mark.parametrize("name", CHANGES)
def test_changing_it_changes_what_the_run_does(name: str, tmp_path: Path) -> None:
    change = CHANGES[name]
    plain = behaviour(tmp_path / "plain", change.plain, change.until)
    changed = behaviour(tmp_path / "changed", change.changed, change.until)
    assert differ(plain, changed), f"{name}: {change.changed} did the same as {change.plain}"


def test_the_comparison_itself_finds_no_difference_where_there_is_none(tmp_path: Path) -> None:
    one, two = behaviour(tmp_path / "a", SHORT, "first"), behaviour(tmp_path / "b", SHORT, "first")
    assert not differ(one, two)


def behaviour(folder: Path, overrides: Sequence[str], until: str) -> list[Any]:
    recorder = Recorder()
    end: object = "done"
    try:
        run_tiny(
            folder, overrides=overrides, observer=recorder, until=None if until == "*" else until
        )
    except PlanError:
        raise  # a change that the loader refuses shows nothing
    except CurriculumError as error:
        end = type(error).__name__
    return [end, *what_happened(recorder)]
