"""The S4D layer against the recurrence that it stands for."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from abr_model.s4 import S4D, TOEPLITZ_UP_TO, S4DKernel, fft, toeplitz


def matrices(kernel: S4DKernel) -> tuple[Tensor, Tensor, Tensor]:
    """Discrete diagonal A, B and C of each channel, complex128, by the textbook formulas."""
    decay = kernel.log_decay_CN.detach().double().exp()
    a = torch.complex(-decay, kernel.frequency_CN.detach().double())
    dt = kernel.log_dt_C.detach().double().exp()[:, None]
    c = torch.view_as_complex(kernel.output_CN2.detach().double().contiguous())
    discrete = (a * dt).exp()
    return discrete, (discrete - 1) / a, c


def recurrence(kernel: S4DKernel, signal_L: Tensor) -> Tensor:
    """y_l = 2 Re Σ C x_l with x_l = A x_{l-1} + B u_l, one step after the other: (C, L)."""
    a, b, c = matrices(kernel)
    state = torch.zeros_like(a)
    out = []
    for value in signal_L.double():
        state = a * state + b * value
        out.append(2 * (c * state).real.sum(1))
    return torch.stack(out, 1)


@pytest.mark.parametrize("length", [1, 15, 16, 17, 61])
def test_the_kernel_is_the_impulse_response_of_the_recurrence(length: int) -> None:
    torch.manual_seed(0)
    kernel = S4DKernel(5, 12)
    impulse = torch.zeros(length)
    impulse[0] = 1
    torch.testing.assert_close(
        kernel(length).double(), recurrence(kernel, impulse), rtol=2e-4, atol=2e-6
    )


def test_the_layer_looks_back_and_ahead() -> None:
    torch.manual_seed(1)
    layer, signal = S4D(3, 8), torch.randn(40)
    back, ahead = layer.kernels(40).detach().double().split(3)
    expected = layer.skip_C1.detach().double() * signal.double()
    for here in range(40):
        for there in range(40):
            tap = back[:, here - there] if there <= here else ahead[:, there - here - 1]
            expected[:, here] += tap * float(signal[there])
    found = layer(signal.expand(1, 3, 40))[0].double()
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("length", [1, 2, 38, 75])
def test_both_ways_to_convolve_agree(length: int) -> None:
    torch.manual_seed(2)
    signal, back, ahead = torch.randn(4, 3, length), torch.randn(3, length), torch.randn(3, length)
    one, two = fft(signal, back, ahead), toeplitz(signal, back, ahead)
    torch.testing.assert_close(one, two, rtol=1e-4, atol=1e-4)


def test_a_program_that_is_exported_has_no_fft() -> None:
    torch.manual_seed(3)
    layer, signal = S4D(3, 8).eval(), torch.randn(2, 3, TOEPLITZ_UP_TO + 10)
    with torch.no_grad():
        program = torch.export.export(layer, (signal,), strict=False)
        found = program.module()(signal)
        assert "fft" not in program.graph_module.code
        torch.testing.assert_close(found, layer(signal), rtol=1e-4, atol=1e-5)
        assert not torch.equal(found, layer(signal))  # which does use it, and rounds otherwise


def test_kernels_are_kept_in_evaluation_until_a_parameter_changes() -> None:
    kernel = S4DKernel(3, 8).eval()
    with torch.no_grad():
        first = kernel(40)
        assert kernel(40) is first
        assert kernel(41) is not first
        changes = [
            lambda: kernel.log_dt_C.add_(0.1),
            lambda: kernel.load_state_dict(S4DKernel(3, 8).state_dict()),
            lambda: setattr(kernel, "output_CN2", nn.Parameter(torch.randn(3, 4, 2))),
        ]
        for change in changes:
            before = kernel(40)
            change()
            after = kernel(40)
            assert after is not before
            assert not torch.equal(after.float(), before.float())
            torch.testing.assert_close(after, kernel._taps(40))
    kernel.train()
    with torch.no_grad():
        assert kernel(40) is not kernel(40)


def test_a_step_of_the_optimizer_changes_what_is_kept() -> None:
    kernel = S4DKernel(3, 8)
    optimizer = torch.optim.AdamW(kernel.parameters(), lr=0.1, fused=True)
    kernel.eval()
    with torch.no_grad():
        before = kernel(40)
    kernel(40).square().sum().backward()
    optimizer.step()
    with torch.no_grad():
        assert not torch.equal(kernel(40), before)


def test_it_starts_as_s4d_lin() -> None:
    kernel = S4DKernel(2, 8)
    torch.testing.assert_close(-kernel.log_decay_CN.exp(), torch.full((2, 4), -0.5))
    torch.testing.assert_close(kernel.frequency_CN[0], math.pi * torch.arange(4.0))


def test_it_is_stable_whatever_it_learns() -> None:
    kernel = S4DKernel(2, 8)
    with torch.no_grad():
        kernel.log_decay_CN.fill_(5.0)
        kernel.frequency_CN.fill_(300.0)
    taps = kernel(2000)
    assert bool(taps.isfinite().all())
    assert taps[:, -1].abs().max().item() < 1e-3
