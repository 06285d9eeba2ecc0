from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curriculum.sampling import AGAIN, Drawn, Order, Place, SampleDraws, TemperedOrder

PLACE = Place(seed=3, phase=1)


@given(size=st.integers(1, 40), batch=st.integers(1, 50), steps=st.integers(1, 20))
def test_every_epoch_holds_every_sample_once(size: int, batch: int, steps: int) -> None:
    order = Order(PLACE, size)
    drawn = [order.batch(step, batch) for step in range(1, steps + 1)]
    samples = np.concatenate([each.samples for each in drawn])
    epochs = np.concatenate([each.epochs for each in drawn])
    assert list(epochs) == sorted(epochs)
    for epoch in range(int(epochs[-1])):  # the last one may be cut
        assert sorted(samples[epochs == epoch]) == list(range(size))


def test_the_order_does_not_depend_on_how_it_is_cut_into_batches() -> None:
    order = Order(PLACE, 17)
    small = np.concatenate([order.batch(step, 4).samples for step in range(1, 13)])
    large = np.concatenate([order.batch(step, 24).samples for step in range(1, 3)])
    np.testing.assert_array_equal(small, large)


@pytest.mark.parametrize(
    "other", [Place(4, 1), Place(3, 2), Place(3, 1, attempt=1)], ids=["seed", "phase", "attempt"]
)
def test_the_order_is_another_elsewhere(other: Place) -> None:
    here, there = Order(PLACE, 100).batch(1, 100), Order(other, 100).batch(1, 100)
    assert list(here.samples) != list(there.samples)


def test_epochs_differ() -> None:
    order = Order(PLACE, 100)
    assert list(order.batch(1, 100).samples) != list(order.batch(2, 100).samples)


def draws(samples: list[int], epoch: int = 0, place: Place = PLACE) -> SampleDraws:
    drawn = Drawn(np.array(samples), np.full(len(samples), epoch))
    return SampleDraws(place, drawn, "train/noised")


def test_what_a_sample_draws_does_not_depend_on_its_batch() -> None:
    together = draws([5, 9, 2]).normal("noise", 7)
    torch.testing.assert_close(together[1:2], draws([9]).normal("noise", 7), rtol=0, atol=0)
    torch.testing.assert_close(together, draws([5, 9, 2]).normal("noise", 7), rtol=0, atol=0)


def test_draws_differ_by_sample_epoch_name_and_place() -> None:
    one = draws([1]).normal("noise", 50)
    others = [
        draws([2]).normal("noise", 50),
        draws([1], epoch=1).normal("noise", 50),
        draws([1]).normal("time", 50),
        draws([1], place=Place(3, 1, attempt=1)).normal("noise", 50),
    ]
    for other in others:
        assert torch.corrcoef(torch.stack([one[0], other[0]]))[0, 1].abs() < 0.6
        assert not torch.equal(one, other)


def test_draws_have_the_distribution_that_their_name_says() -> None:
    many = draws(list(range(200)))
    normal, uniform = many.normal("n", 100), many.uniform("u", 100)
    assert normal.dtype == uniform.dtype == torch.float32
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03
    assert uniform.min() >= 0
    assert uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01


def test_scalar_draws_have_shape_b() -> None:
    assert draws([1, 2, 3]).uniform("t").shape == (3,)


def test_dropout_is_a_function_of_its_place() -> None:
    def dropped(place: Place, *where: int) -> torch.Tensor:
        place.seed_dropout(*where)
        return torch.nn.functional.dropout(torch.ones(200), 0.5)

    first = dropped(PLACE, 4, 0)
    assert torch.equal(first, dropped(PLACE, 4, 0))
    for other in (dropped(PLACE, 5, 0), dropped(PLACE, 4, 1), dropped(PLACE, 4, 0, 1)):
        assert not torch.equal(first, other)


# --- tempered -----------------------------------------------------------------------------------
LABELS = np.array([0] * 800 + [1] * 40 + [3] * 10 + [-1] * 150)  # class 2 has no sample


def drawn(order: TemperedOrder, batch: int, steps: range) -> np.ndarray:
    return np.concatenate([order.batch(step, batch).samples for step in steps])


@pytest.mark.parametrize("temperature", [0.0, 0.5, 1.0])
def test_classes_are_drawn_in_proportion_to_a_power_of_their_size(temperature: float) -> None:
    order = TemperedOrder(PLACE, LABELS, temperature)
    power = np.array([800**temperature, 40**temperature, 0, 10**temperature])
    expected = 0.85 * power / power.sum()
    np.testing.assert_allclose(order.shares(LABELS, 4), expected, rtol=1e-12)
    labels = LABELS[drawn(order, 1000, range(1, 201))]
    for label, share in [*enumerate(expected), (-1, 0.15)]:
        spread = (share * (1 - share) / len(labels)) ** 0.5
        assert abs((labels == label).mean() - share) <= 4 * spread


def test_within_a_class_all_samples_are_drawn_alike() -> None:
    samples = drawn(TemperedOrder(PLACE, LABELS, 0.0), 1000, range(1, 101))
    for label in (1, 3, -1):
        members = np.flatnonzero(label == LABELS)
        counts = np.bincount(samples, minlength=len(LABELS))[members]
        chi2 = ((counts - counts.mean()) ** 2 / counts.mean()).sum()
        freedom = len(members) - 1
        assert abs(chi2 - freedom) < 4 * (2 * freedom) ** 0.5


def test_another_tasks_classes_are_drawn_as_often_as_they_go_with_the_first() -> None:
    order, other = TemperedOrder(PLACE, LABELS, 0.0), np.where(LABELS == 1, 1, 0)
    third = 0.85 / 3
    np.testing.assert_allclose(order.shares(other, 3), [1 - third, third, 0], rtol=1e-12)


def test_a_tempered_batch_needs_none_before_it_and_no_other_size() -> None:
    whole = drawn(TemperedOrder(PLACE, LABELS, 0.3), 24, range(1, 126))  # three epochs
    np.testing.assert_array_equal(
        whole[24 * 99 : 24 * 100], TemperedOrder(PLACE, LABELS, 0.3).batch(100, 24).samples
    )
    larger = drawn(TemperedOrder(PLACE, LABELS, 0.3), 600, range(1, 6))
    np.testing.assert_array_equal(whole, larger)


def test_a_tempered_order_is_another_elsewhere() -> None:
    here = TemperedOrder(PLACE, LABELS, 0.3)
    first = list(here.batch(1, 100).samples)
    for other in (Place(4, 1), Place(3, 2), Place(3, 1, attempt=1)):
        assert list(TemperedOrder(other, LABELS, 0.3).batch(1, 100).samples) != first
    assert list(here.named("calibration").batch(1, 100).samples) != first
    assert list(here.batch(11, 100).samples) != first  # the next epoch


def test_a_sample_that_an_epoch_draws_again_has_other_noise() -> None:
    found = TemperedOrder(PLACE, LABELS, 0.0).batch(1, 1000)  # one whole epoch
    pairs = list(zip(found.samples.tolist(), found.epochs.tolist(), strict=True))
    assert len(set(found.samples.tolist())) < len(pairs) == len(set(pairs))
    rare = int(np.flatnonzero(LABELS == 3)[0])
    own = np.flatnonzero(found.samples == rare)
    assert found.epochs[own].tolist() == [each * AGAIN for each in range(len(own))]
    noise = SampleDraws(PLACE, Drawn(found.samples[own], found.epochs[own]), "train/noised")
    rows = noise.normal("noise", 4)
    assert len({tuple(row) for row in rows.tolist()}) == len(own) > 10


@given(
    labels=st.lists(st.integers(-1, 4), min_size=1, max_size=30),
    temperature=st.floats(0, 1),
    step=st.integers(1, 50),
)
def test_whatever_the_labels_only_samples_are_drawn(
    labels: list[int], temperature: float, step: int
) -> None:
    order = TemperedOrder(PLACE, np.array(labels), temperature)
    found = order.batch(step, 7).samples
    assert ((found >= 0) & (found < len(labels))).all()
    known = sum(label >= 0 for label in labels)
    assert order.shares(np.array(labels), 5).sum() == pytest.approx(known / len(labels))
