"""DDIM: shapes, determinism, and the right distribution where the velocity is known exactly."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np
import pytest
import torch
from torch import Tensor

from abr_model import diffusion
from abr_model.conditioning import STATICS
from abr_model.config import AbrUnet
from abr_model.data import synthetic_data
from abr_model.model import AbrModel
from abr_model.sampling import ddim, quiet_time, sample, schedule, told, velocity_of, white
from abr_model.standards import Standards, measure
from abr_model.tasks.assembly import assemble

TINY = AbrUnet(base_channels=4, n_levels=2, state_size=4, n_attention_layers=0, dropout=0.0)


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Small products on several threads of a busy machine mostly wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def standards() -> Standards:
    return measure(synthetic_data(60, 3, 10.0, 0.15, 0.15, seed=0).splits["train"])


@pytest.fixture(scope="module")
def model(standards: Standards) -> AbrModel:
    torch.manual_seed(0)
    found = assemble(TINY, standards).model
    assert isinstance(found, AbrModel)
    return found.eval()


@attrs.frozen(eq=False)
class Gaussian:
    """The exact velocity where clean signals are normal: x₀ ~ N(m, C), noise of covariance L Lᵀ.

    E[x₀ | x] = m + √ᾱ C (ᾱ C + (1-ᾱ) L Lᵀ)⁻¹ (x - √ᾱ m), by the eigenvectors of L⁻¹ C L⁻ᵀ.
    """

    mean_T: Tensor
    covariance_TT: Tensor
    colour_TT: Tensor
    values_T: Tensor
    vectors_TT: Tensor

    def __call__(self, x_BT: Tensor, time_B: Tensor, statics_BS: Tensor) -> Tensor:
        del statics_BS
        alpha = diffusion.alpha_bar(time_B[:1].double())[0]
        share_T = alpha.sqrt() * self.values_T / (alpha * self.values_T + 1 - alpha)
        off_BT = self._from_white(
            self._to_white(x_BT.double() - alpha.sqrt() * self.mean_T), share_T
        )
        return diffusion.velocity(x_BT.double(), self.mean_T + off_BT, time_B.double()).float()

    def at(self, time: float) -> Tensor:
        """Covariance of E[x₀ | x] at a time: C (C + (1-ᾱ)/ᾱ L Lᵀ)⁻¹ C."""
        alpha = diffusion.alpha_bar(torch.tensor(time, dtype=torch.float64))
        noise_TT = (1 - alpha) / alpha * self.colour_TT @ self.colour_TT.T
        both_TT = self.covariance_TT + noise_TT
        return self.covariance_TT @ torch.linalg.solve(both_TT, self.covariance_TT)

    def _to_white(self, x_BT: Tensor) -> Tensor:
        return (
            torch.linalg.solve_triangular(self.colour_TT, x_BT.T, upper=False).T @ self.vectors_TT
        )

    def _from_white(self, z_BT: Tensor, share_T: Tensor) -> Tensor:
        return (z_BT * share_T) @ self.vectors_TT.T @ self.colour_TT.T


def oracle(colour: Tensor) -> Gaussian:
    place = torch.arange(len(colour), dtype=torch.float64)
    bump = torch.exp(-0.5 * ((place - len(colour) / 2) / 6) ** 2)
    near = torch.exp(-0.5 * ((place[:, None] - place) / 5) ** 2)
    covariance = 0.3 * near * (bump[:, None] * bump) + 0.05 * near
    colour = colour.double()
    half = torch.linalg.solve_triangular(colour, covariance, upper=False)
    values, vectors = torch.linalg.eigh(torch.linalg.solve_triangular(colour, half.T, upper=False))
    return Gaussian(2 * bump, covariance, colour, values.clamp_min(0), vectors)


def test_shape_and_unit(standards: Standards, model: AbrModel) -> None:
    found = sample(velocity_of(model), standards, {"level_db": [20.0, 80.0, np.nan]}, steps=3)
    assert found.shape == (3, 200)
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


def test_it_is_a_function_of_seed_and_index(standards: Standards, model: AbrModel) -> None:
    statics = {"level_db": np.linspace(0, 90, 7), "age_years": np.full(7, 30.0)}

    def draw(seed: int, chunk: int, count: int = 7) -> np.ndarray:
        some = {name: value[:count] for name, value in statics.items()}
        return sample(velocity_of(model), standards, some, steps=4, seed=seed, chunk=chunk)

    whole = draw(3, 64)
    assert np.array_equal(whole, draw(3, 64))
    assert np.allclose(whole, draw(3, 2), atol=1e-5 * np.abs(whole).max())
    assert np.allclose(whole[:4], draw(3, 64, count=4), atol=1e-5 * np.abs(whole).max())
    assert not np.allclose(whole, draw(4, 64), rtol=0.01)


def test_noise_belongs_to_its_index() -> None:
    whole = white(1, range(5), 40)
    assert torch.equal(whole[3:4], white(1, [3], 40))
    assert not torch.equal(whole[3], whole[4])
    assert not torch.equal(white(2, [3], 40), white(1, [3], 40))
    many = white(0, range(500), 200)
    assert abs(float(many.mean())) < 0.01
    assert float(many.std()) == pytest.approx(1, abs=0.01)


def test_a_known_gaussian_is_sampled_as_it_is(standards: Standards) -> None:
    exact, scale = oracle(standards.colour), 0.2
    unit = attrs.evolve(standards.signal_uv, scale=torch.tensor(scale, dtype=torch.float64))
    known = attrs.evolve(standards, signal_uv=unit)
    found = sample(exact, known, {"level_db": np.zeros(2000)}, chunk=1000)
    drawn = found.astype(np.float64) / scale
    assert np.abs(drawn.mean(0) - exact.mean_T.numpy()).max() < 0.05
    stop = exact.at(quiet_time(known)).numpy()
    assert distance(np.cov(drawn.T), stop) < 0.12
    # Where sampling stops, little of what recordings differ in is lost.
    assert np.trace(stop) > 0.8 * np.trace(exact.covariance_TT.numpy())
    z = (drawn[:, 100] - drawn[:, 100].mean()) / drawn[:, 100].std()
    assert np.mean(np.abs(z) > 1.96) == pytest.approx(0.05, abs=0.015)


def test_more_steps_come_nearer(standards: Standards) -> None:
    exact, right = oracle(standards.colour), oracle(standards.colour).at(quiet_time(standards))
    noise = white(0, range(1000), 200) @ standards.colour.T

    def error(steps: int) -> float:
        drawn = ddim(exact, noise, torch.zeros(1000, len(STATICS)), schedule(standards, steps))
        return distance(np.cov(drawn.double().numpy().T), right.numpy())

    assert error(50) < 0.7 * error(5)


def distance(found: np.ndarray, right: np.ndarray) -> float:
    return float(np.linalg.norm(found - right) / np.linalg.norm(right))


def test_the_velocity_is_asked_where_training_was(standards: Standards) -> None:
    times = schedule(standards, 50)
    assert float(times[0]) == pytest.approx(diffusion.LAST)
    assert float(times[-1]) == pytest.approx(quiet_time(standards))
    assert bool((times.diff() < 0).all())
    split = synthetic_data(60, 3, 10.0, 0.15, 0.15, seed=0).splits["train"]
    noise = split.batch(np.arange(len(split)))["noise_uv"]
    own = diffusion.time_of_noise(standards.signal_uv.standardise(noise))
    assert 0.02 < float((own <= times[-1]).double().mean()) < 0.25


def test_statics_are_told_by_name_and_logarithm(standards: Standards) -> None:
    found = told({"level_db": [60.0, 40.0], "noise_uv": [0.05, np.nan]}, standards)
    assert found.shape == (2, len(STATICS))
    assert found[:, STATICS.index("level_db")].tolist() == [60.0, 40.0]
    ratio = 0.05 / standards.signal_uv.scale.item()
    assert found[0, STATICS.index("noise_uv")] == pytest.approx(np.log(ratio))
    assert int(found.isnan().sum()) == 9


@pytest.mark.parametrize(
    ("statics", "message"),
    [
        ({"level": [60.0]}, r"statics must be values of age_years, .*\. Found level\."),
        ({"level_db": [60.0], "age_years": [1.0, 2.0]}, r"as many of each\. Found \[1, 2\]\."),
        ({}, r"as many of each\. Found \[\]\."),
    ],
)
def test_unknown_or_uneven_statics_are_refused(
    statics: dict[str, list[float]], message: str, standards: Standards
) -> None:
    with pytest.raises(ValueError, match=message):
        told(statics, standards)


def test_fewer_than_two_steps_are_refused(standards: Standards) -> None:
    with pytest.raises(ValueError, match=r"steps must be at least 2\. Found 1\."):
        schedule(standards, 1)
