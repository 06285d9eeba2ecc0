"""Predictions in the units that people use."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from abr_model.data import synthetic_data
from abr_model.physical import physical
from abr_model.standards import Standards, measure

B = 3


@pytest.fixture(scope="module")
def standards() -> Standards:
    return measure(synthetic_data(120, 2, 15.0, 0.15, 0.15, seed=3).splits["train"])


def test_constants_survive_the_checkpoint(standards: Standards) -> None:
    state = {f"constants.{name}": value for name, value in standards.buffers().items()}
    again = Standards.of_state({**state, "trunk.weight": torch.zeros(1)})
    for name, value in standards.buffers().items():
        assert torch.equal(again.buffers()[name], value), name
    assert again.buffers().keys() == standards.buffers().keys()


def test_numbers_come_with_the_interval_of_their_distribution(standards: Standards) -> None:
    distribution = torch.tensor([[[0.5, 0.2]]]).expand(B, 1, 2)
    found = physical({"threshold": distribution}, standards)
    assert set(found) == {"threshold_db"}
    value, low, high = found["threshold_db"][0].double().tolist()
    zero, scale = standards.threshold_db.zero.item(), standards.threshold_db.scale.item()
    assert value == pytest.approx(zero + 0.5 * scale, rel=1e-6)
    assert (low + high) / 2 == pytest.approx(value, rel=1e-5)
    inside = 1 / (1 + np.exp(-(high - value) / (0.2 * scale)))
    assert 2 * inside - 1 == pytest.approx(0.95, abs=1e-5)


def test_each_wave_has_its_own_unit(standards: Standards) -> None:
    distribution = torch.tensor([0.0, 0.1]).expand(B, 3, 2)
    found = physical({"peak_latency": distribution, "peak_amplitude": distribution}, standards)
    assert found["wave_latency_ms"].shape == (B, 3, 3)
    for name in ("wave_latency_ms", "wave_amplitude_uv"):
        medians = getattr(standards, name).zero.float()
        torch.testing.assert_close(found[name][1, :, 0], medians)


def test_classes_with_and_without_their_frequency(standards: Standards) -> None:
    found = physical({"classification": torch.zeros(B, 5)}, standards)
    seen = (standards.class_prior > 0).float()
    torch.testing.assert_close(found["class_balanced"][0], seen / seen.sum())
    torch.testing.assert_close(
        found["class_probability"][0], standards.class_prior, atol=1e-6, rtol=1e-4
    )


def test_presence_is_a_probability(standards: Standards) -> None:
    found = physical({"peak_existence": torch.tensor([[-100.0, 0.0, 100.0]])}, standards)
    assert found["wave_probability"][0].tolist() == pytest.approx([0, 0.5, 1])
