from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from curriculum.sampling import Drawn, Order, Place, SampleDraws

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
