"""The benchmark of rare classes: its plans, its ears, and what its tables say."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.imbalance import DEFAULT, OPTIONS, plan_of
from benchmarks.imbalance_judged import Decided, TestEars
from benchmarks.imbalance_tables import Found, paired, report, verdicts
from curriculum.class_losses import Frequencies, make_class_loss
from curriculum.config.class_settings import (
    CLASS_LOSSES,
    CrossEntropy,
    LogitAdjusted,
    TemperedSampler,
)


@pytest.fixture(scope="module")
def test_ears() -> TestEars:
    return TestEars.make(300, 6000)


def decided(test: TestEars, seed: int = 0) -> Decided:
    """Logits that know the class, but for some noise."""
    label = test.labels["hearing_class"]
    noise = torch.randn(len(label), 5, generator=torch.Generator().manual_seed(seed))
    logits = 2.0 * torch.nn.functional.one_hot(label, 5) + noise
    loss = make_class_loss(CrossEntropy(), Frequencies.of((797, 8, 106, 33, 56)))
    facts = {"cpu_s": 1.0, "train": [10, 5], "train_rare": [2, 1]}
    return Decided(logits_NK=logits, loss=loss, facts=facts)


def test_the_options_are_every_loss_deferred_weights_and_the_sampler() -> None:
    plans = {name: plan_of(name, 1, []).plan for name in OPTIONS}
    losses = {plan.defaults.class_loss.kind for plan in plans.values()}
    assert losses == CLASS_LOSSES.keys()
    assert plans[DEFAULT].defaults.class_loss == LogitAdjusted()
    later = [phase.training.class_loss.kind for phase in plans["deferred-re-weighting"].phases]
    assert later == ["cross_entropy", "class_balanced"]
    sampled = {n for n, p in plans.items() if isinstance(p.defaults.sampler, TemperedSampler)}
    assert sampled == {"tempered-cross-entropy", "tempered-logit-adjusted"}
    steps = {tuple(str(phase.duration) for phase in plan.phases) for plan in plans.values()}
    assert steps == {("900 steps", "300 steps")}


def test_rare_ears_stand_behind_those_as_they_come(test_ears: TestEars) -> None:
    label, common = test_ears.labels["hearing_class"], test_ears.common
    assert len(test_ears.split) == len(label) > common == 300
    assert (label[common:] == test_ears.rare).all()
    assert 46 <= int(test_ears.is_rare.sum()) <= 50  # 0.8 % of 6,000
    assert 0 < int(test_ears.answers.sum()) < int(test_ears.is_rare.sum())
    assert test_ears.labels["subject"].unique().numel() == len(label)


def test_what_was_said_is_kept(test_ears: TestEars, tmp_path: Path) -> None:
    place = tmp_path / "judged" / "cross-entropy-1"
    assert Decided.read(place) is None
    one = decided(test_ears)
    one.write(place)
    again = Decided.read(place)
    assert again is not None
    assert again.facts == one.facts
    assert again.as_trained(test_ears) == one.as_trained(test_ears)


def test_a_prior_moves_decisions_to_frequent_classes(test_ears: TestEars) -> None:
    one = decided(test_ears)
    found = [one.with_prior(test_ears, power) for power in (0.0, 0.5, 1.0)]
    recalls = [each["recall"] for each in found]
    assert recalls[0] > recalls[1] > recalls[2]
    whole = one.as_trained(test_ears)  # of cross entropy: the classes as they come
    assert {key: whole[key] for key in found[2]} == pytest.approx(found[2])


def numbers(*values: float) -> dict[int, dict[str, float]]:
    keys = ("macro_f1", "balanced_accuracy", "recall", "recall_there", "calibration_error")
    return {seed: dict.fromkeys(keys, value) for seed, value in enumerate(values)}


def test_whoever_is_ahead_is_named_with_its_spread() -> None:
    found: Found = {
        DEFAULT: numbers(0.5, 0.6, 0.4),
        "sure": numbers(0.6, 0.71, 0.49),
        "worse": numbers(0.1, 0.1, 0.1),
    }
    mean, half = paired(found, "sure", DEFAULT, "recall")
    assert mean == pytest.approx(0.1)
    assert half == pytest.approx(4.3027 * 0.01 / 3**0.5, rel=1e-4)  # t of two degrees of freedom
    for line in verdicts(found, DEFAULT):
        assert "`sure` is ahead of the default by 0.100, **beyond the spread**" in line
    close: Found = {DEFAULT: numbers(0.5, 0.6, 0.4), "luck": numbers(0.5, 0.7, 0.4)}
    assert all("within the spread" in line for line in verdicts(close, DEFAULT))
    best: Found = {DEFAULT: numbers(0.5, 0.6), "worse": numbers(0.1, 0.1)}
    assert all("the default is the best" in line for line in verdicts(best, DEFAULT))


def test_the_report_says_what_is_missing(test_ears: TestEars) -> None:
    runs = {DEFAULT: {1: decided(test_ears), 2: decided(test_ears, 1)}}
    text = report(runs, DEFAULT, "Head.", ["focal of seed 1"], test_ears)
    assert "**Not done yet:** focal of seed 1." in text
    assert f"| **{DEFAULT}** (default) |" in text
    assert "Nothing is done yet" in report({}, DEFAULT, "Head.", [], test_ears)
