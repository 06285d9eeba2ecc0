from __future__ import annotations

import pytest
import torch

from abr_model import diffusion


def test_alpha_bar_falls_from_one_to_nothing() -> None:
    alpha = diffusion.alpha_bar(torch.linspace(0, 1, 101))
    assert float(alpha[0]) > 0.9999
    assert float(alpha[-1]) < 1e-4
    assert bool((alpha.diff() <= 0).all())


def test_the_exact_velocity_gives_back_the_clean_signal() -> None:
    clean, time = torch.randn(5, 30), torch.linspace(0.1, 0.95, 5)
    x = diffusion.noised(clean, torch.zeros(5), time, torch.randn(5, 30))
    found = diffusion.denoised(x, diffusion.velocity(x, clean, time), time)
    torch.testing.assert_close(found, clean, rtol=1e-4, atol=1e-4)


def test_velocity_is_the_published_one() -> None:
    clean, noise, time = torch.randn(4, 9), torch.randn(4, 9), torch.full((4,), 0.4)
    alpha = diffusion.alpha_bar(time)[:, None]
    x = diffusion.noised(clean, torch.zeros(4), time, noise)
    expected = alpha.sqrt() * noise - (1 - alpha).sqrt() * clean
    torch.testing.assert_close(diffusion.velocity(x, clean, time), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("sigma", [0.05, 0.3, 1.0, 4.0])
def test_a_noisy_recording_is_a_point_of_the_diffusion(sigma: float) -> None:
    """At t*, √ᾱ times the recording's noise has the variance 1 - ᾱ, and nothing is left to add."""
    start = diffusion.time_of_noise(torch.tensor([sigma]))
    alpha = diffusion.alpha_bar(start)
    torch.testing.assert_close(alpha * sigma**2, 1 - alpha, rtol=1e-3, atol=1e-6)
    recording = torch.randn(1, 6)
    x = diffusion.noised(recording, torch.tensor([sigma]), start, torch.randn(1, 6) * 1e3)
    torch.testing.assert_close(x, alpha.sqrt() * recording, rtol=0.05, atol=3.0)


def test_noise_of_a_recording_and_added_noise_add_up_to_the_times_variance() -> None:
    torch.manual_seed(0)
    sigma, time = torch.tensor([0.5]), torch.tensor([0.7])
    truth = torch.randn(1, 1).expand(4000, 50)
    recording = truth + 0.5 * torch.randn(4000, 50)
    x = diffusion.noised(recording, sigma.expand(4000), time.expand(4000), torch.randn(4000, 50))
    alpha = diffusion.alpha_bar(time)
    rest = x - alpha.sqrt() * truth
    assert float(rest.var()) == pytest.approx(float(1 - alpha), rel=0.02)


def test_the_weight_is_min_snr() -> None:
    time = torch.tensor([0.05, 0.5, 0.9])
    alpha = diffusion.alpha_bar(time)
    snr = alpha / (1 - alpha)
    expected = torch.minimum(snr, torch.tensor(5.0)) / (snr + 1)
    torch.testing.assert_close(diffusion.min_snr_weight(time), expected)


def test_coloured_noise_has_the_covariance_of_the_noise_that_it_was_measured_on() -> None:
    torch.manual_seed(0)
    white = torch.randn(6000, 42)
    noise = (white[:, 2:] + 0.8 * white[:, 1:-1] + 0.5 * white[:, :-2]) * 7.0
    factor = diffusion.noise_colour(noise)
    made = torch.randn(20000, 40) @ factor.T
    assert float(made.var()) == pytest.approx(1.0, rel=0.02)
    found = [float((made[:, k:] * made[:, : 40 - k]).mean()) for k in range(5)]
    power = 1 + 0.8**2 + 0.5**2
    expected = [1.0, (0.8 + 0.4) / power, 0.5 / power, 0.0, 0.0]
    assert found == pytest.approx(expected, abs=0.04)
