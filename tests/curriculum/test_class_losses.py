"""Class losses against what they are by hand, and what their logits mean where Bayes is known."""

from __future__ import annotations

import io
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from curriculum.class_losses import (
    ClassLoss,
    Frequencies,
    as_plain,
    from_plain,
    make_class_loss,
)
from curriculum.config.class_settings import (
    ClassBalanced,
    ClassLossSettings,
    CrossEntropy,
    Focal,
    LogitAdjusted,
)

COUNTS = (797, 8, 106, 33, 56)
LABEL = torch.tensor([0, 1, 2, 3, 4, 0, -1, -1])
KINDS = [LogitAdjusted(tau=1.3), ClassBalanced(beta=0.99), Focal(gamma=1.5), CrossEntropy()]
NAMES = [each.kind for each in KINDS]


def logits() -> Tensor:
    return torch.randn(8, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def by_hand(score: Callable[[list[float], int], float]) -> float:
    rows = zip(logits().tolist(), LABEL.tolist(), strict=True)
    return math.fsum(score(row, label) for row, label in rows if label >= 0)


def minus_log_p(row: list[float], label: int) -> float:
    return math.log(math.fsum(math.exp(each) for each in row)) - row[label]


def found(settings: ClassLossSettings, counts: tuple[int, ...] = COUNTS) -> float:
    return make_class_loss(settings, Frequencies.of(counts)).loss_sum(logits(), LABEL).item()


# --- the formulas -------------------------------------------------------------------------------
def test_logit_adjustment_adds_the_priors_logarithm_to_the_logits() -> None:
    def score(row: list[float], label: int) -> float:
        adjusted = [z + 1.3 * math.log(n / 1000) for z, n in zip(row, COUNTS, strict=True)]
        return minus_log_p(adjusted, label)

    assert found(LogitAdjusted(tau=1.3)) == pytest.approx(by_hand(score), rel=1e-6)


def test_class_balanced_weighs_by_the_effective_number_of_samples() -> None:
    effective = [(1 - 0.99**n) / (1 - 0.99) for n in COUNTS]
    scale = 1000 / math.fsum(n / e for n, e in zip(COUNTS, effective, strict=True))

    def score(row: list[float], label: int) -> float:
        return scale / effective[label] * minus_log_p(row, label)

    assert found(ClassBalanced(beta=0.99)) == pytest.approx(by_hand(score), rel=1e-6)


def test_class_balanced_weights_are_known_for_few_samples() -> None:
    loss = make_class_loss(ClassBalanced(beta=0.5), Frequencies.of((2, 1, 0)))
    assert loss.weight_K is not None
    # Effective numbers 1.5 and 1; 2/1.5 + 1 = 7/3 over 3 samples. The class without any has 1.
    assert loss.weight_K.tolist() == pytest.approx([6 / 7, 9 / 7, 1.0])


def test_focal_counts_less_what_is_right_already() -> None:
    def score(row: list[float], label: int) -> float:
        cost = minus_log_p(row, label)
        return (1 - math.exp(-cost)) ** 1.5 * cost

    assert found(Focal(gamma=1.5)) == pytest.approx(by_hand(score), rel=1e-9)


@pytest.mark.parametrize(
    "same", [LogitAdjusted(tau=0), ClassBalanced(beta=0), Focal(gamma=0)], ids=lambda s: s.kind
)
def test_at_one_end_each_is_plain_cross_entropy(same: ClassLossSettings) -> None:
    plain = F.cross_entropy(logits(), LABEL, ignore_index=-1, reduction="sum").item()
    assert found(CrossEntropy()) == plain
    assert found(same) == pytest.approx(plain, rel=1e-6)


@pytest.mark.parametrize("gamma", [0.3, 1.0, 2.0])
def test_focal_has_a_gradient_where_a_sample_is_sure(gamma: float) -> None:
    sure = torch.tensor([[200.0, 0.0], [0.0, 200.0], [16.7, 0.0]], requires_grad=True)
    loss = make_class_loss(Focal(gamma=gamma), Frequencies.of((1, 1)))
    loss.loss_sum(sure, torch.tensor([0, 0, 0])).backward()
    assert sure.grad is not None
    assert sure.grad.isfinite().all()
    assert sure.grad[0].abs().max() == 0
    assert sure.grad[1].tolist() == pytest.approx([-1.0, 1.0])


@pytest.mark.parametrize("settings", KINDS, ids=NAMES)
def test_a_label_of_minus_one_costs_nothing(settings: ClassLossSettings) -> None:
    loss, nobody = make_class_loss(settings, Frequencies.of(COUNTS)), torch.full((8,), -1)
    assert loss.loss_sum(logits(), nobody) == 0


@pytest.mark.parametrize("settings", KINDS, ids=NAMES)
def test_the_head_may_have_classes_that_nobody_saw(settings: ClassLossSettings) -> None:
    few = make_class_loss(settings, Frequencies.of(COUNTS[:3]))
    whole = make_class_loss(settings, Frequencies.of((*COUNTS[:3], 0, 0)))
    label = LABEL.where(LABEL < 3, -1)
    assert few.loss_sum(logits(), label).item() == whole.loss_sum(logits(), label).item()
    torch.testing.assert_close(few.log_posteriors(logits()), whole.log_posteriors(logits()))
    none = make_class_loss(settings, Frequencies.of(()))
    assert none.loss_sum(logits(), LABEL).isfinite()


# --- in a checkpoint ----------------------------------------------------------------------------
@pytest.mark.parametrize("settings", KINDS, ids=NAMES)
def test_a_loss_survives_the_checkpoint(settings: ClassLossSettings) -> None:
    loss = make_class_loss(settings, Frequencies.of(COUNTS, [0.1, 0.2, 0.3, 0.2, 0.2]))
    buffer = io.BytesIO()
    torch.save(as_plain(loss), buffer)
    buffer.seek(0)
    again = from_plain(torch.load(buffer, weights_only=True))
    assert again.settings == settings
    assert torch.equal(again.loss_sum(logits(), LABEL), loss.loss_sum(logits(), LABEL))
    assert torch.equal(again.log_posteriors(logits()), loss.log_posteriors(logits()))


# --- what logits mean ---------------------------------------------------------------------------
# P(x | class) of four points x (columns) and three classes.
GIVEN_CLASS = torch.tensor(
    [[0.7, 0.15, 0.1, 0.05], [0.1, 0.5, 0.3, 0.1], [0.05, 0.15, 0.3, 0.5]], dtype=torch.float64
)
NATURAL = (900, 80, 20)


def bayes(counts: tuple[float, ...]) -> Tensor:
    """P(class | x) of each point (4, 3), classes in proportion to the counts."""
    joint = GIVEN_CLASS.T * torch.tensor(counts, dtype=torch.float64)
    return joint / joint.sum(1, keepdim=True)


def minimiser(loss: ClassLoss, drawn: tuple[float, ...]) -> Tensor:
    """Logits (4, 3) of the least expected loss over samples drawn with these shares of classes."""
    share = torch.tensor(drawn, dtype=torch.float64)
    joint = GIVEN_CLASS.T * share / share.sum()
    free = torch.zeros(4, 3, dtype=torch.float64, requires_grad=True)
    solver = torch.optim.LBFGS(
        [free], max_iter=500, tolerance_grad=1e-12, line_search_fn="strong_wolfe"
    )

    def expected() -> Tensor:
        solver.zero_grad()
        parts = [
            joint[x, label] * loss.loss_sum(free[x : x + 1], torch.tensor([label]))
            for x in range(4)
            for label in range(3)
        ]
        total = torch.stack(parts).sum()
        total.backward()
        return total

    solver.step(expected)
    return free.detach()


@pytest.mark.parametrize("drawn", [NATURAL, (30.0, 9.0, 4.5)], ids=["as they come", "tempered"])
@pytest.mark.parametrize(
    "settings",
    [
        LogitAdjusted(),
        LogitAdjusted(tau=0.5),
        ClassBalanced(beta=0.99),
        Focal(gamma=2.0),
        Focal(gamma=0.5),
        CrossEntropy(),
    ],
    ids=lambda s: str(s).partition("(")[2][:-1] or s.kind,
)
def test_trained_logits_give_bayes_probabilities_back(
    settings: ClassLossSettings, drawn: tuple[float, ...]
) -> None:
    loss = make_class_loss(settings, Frequencies.of(NATURAL, drawn))
    trained = minimiser(loss, drawn)
    torch.testing.assert_close(
        loss.log_posteriors(trained).exp(), bayes(NATURAL), atol=1e-4, rtol=0
    )
    balanced = loss.log_likelihoods(trained).softmax(1)
    torch.testing.assert_close(balanced, bayes((1, 1, 1)), atol=1e-4, rtol=0)


def test_with_logit_adjustment_the_logits_are_the_balanced_scores_to_the_bit() -> None:
    loss = make_class_loss(LogitAdjusted(), Frequencies.of(COUNTS, [0.1, 0.2, 0.3, 0.2, 0.2]))
    assert torch.equal(loss.log_likelihoods(logits()), logits())


def test_correcting_for_the_split_where_another_prior_is_drawn_would_count_twice() -> None:
    drawn = (30.0, 9.0, 4.5)
    once = make_class_loss(LogitAdjusted(), Frequencies.of(NATURAL, drawn))
    twice = make_class_loss(LogitAdjusted(), Frequencies.of(NATURAL))
    fair = bayes((1, 1, 1))
    torch.testing.assert_close(minimiser(once, drawn).softmax(1), fair, atol=1e-4, rtol=0)
    assert (minimiser(twice, drawn).softmax(1) - fair).abs().max() > 0.1
