"""How likely a global batch holds none of a class."""

from __future__ import annotations

import pytest

from curriculum.run.targets import none_in_batch
from curriculum.sampling import Order, Place


def test_the_rarest_class_of_the_historic_data() -> None:
    """417 of 51,961 recordings, in batches of 24: FACTS of the run that did not converge."""
    assert none_in_batch(51_961, 417, 24) == pytest.approx(0.824, abs=5e-4)


@pytest.mark.parametrize(
    ("samples", "count", "batch", "chance"),
    [
        (10, 0, 4, 1.0),
        (10, 10, 4, 0.0),
        (10, 7, 4, 0.0),  # three others, a batch of four
        (10, 5, 1, 0.5),
        (4, 1, 2, 0.5),
        (10, 1, 24, 0.0),  # a batch longer than an epoch
        (10, 0, 24, 1.0),
    ],
)
def test_small_cases(samples: int, count: int, batch: int, chance: float) -> None:
    assert none_in_batch(samples, count, batch) == pytest.approx(chance)


def test_it_is_what_the_order_of_samples_does() -> None:
    samples, count, batch, epochs = 240, 6, 24, 400
    order = Order(Place(0, 0), samples)
    without = 0
    for step in range(1, epochs * samples // batch + 1):
        without += not bool((order.batch(step, batch).samples < count).any())
    observed = without / (epochs * samples // batch)
    assert observed == pytest.approx(none_in_batch(samples, count, batch), abs=0.02)
