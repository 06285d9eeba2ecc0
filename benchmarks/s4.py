"""Two ways to convolve with an S4D kernel: FFT and Toeplitz product, forward and backward.

    python benchmarks/s4.py [--repeats 15] [--threads 1]

The lengths and widths are those of the shipped models' levels, batch 24. What decides in
`abr_model/s4.py` is the length alone, so that the same model computes the same bytes everywhere.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.s4 import TOEPLITZ_UP_TO, fft, toeplitz  # noqa: E402 - the checkout beside this file

SHAPES = [(16, 152), (32, 76), (64, 38), (64, 152), (128, 76), (256, 38), (80, 152), (640, 19)]
Convolve = Callable[[Tensor, Tensor, Tensor], Tensor]


def milliseconds(convolve: Convolve, channels: int, length: int) -> float:
    """Of one forward and backward pass."""
    signal = torch.randn(24, channels, length, requires_grad=True)
    back, ahead = (torch.randn(channels, length, requires_grad=True) for _ in range(2))
    began = time.perf_counter()
    convolve(signal, back, ahead).square().sum().backward()
    return 1e3 * (time.perf_counter() - began)


def main() -> None:
    """Measure side by side, and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print(f"{platform.platform()}, torch {torch.__version__}, {options.threads} threads, batch 24,")
    print(f"median of {options.repeats} interleaved passes (lowest to highest), ms\n")
    print(f"{'channels':>8}{'length':>8}{'FFT':>26}{'Toeplitz':>26}{'ratio':>8}  chosen")
    for channels, length in SHAPES:
        found: dict[str, list[float]] = {"fft": [], "toeplitz": []}
        for _ in range(options.repeats):
            for name, convolve in (("fft", fft), ("toeplitz", toeplitz)):
                found[name].append(milliseconds(convolve, channels, length))
        middle = {name: statistics.median(values) for name, values in found.items()}
        shown = [f"{middle[n]:.2f} ({min(v):.2f} to {max(v):.2f})" for n, v in found.items()]
        ratio = middle["toeplitz"] / middle["fft"]
        chosen = "Toeplitz" if length <= TOEPLITZ_UP_TO else "FFT"
        print(f"{channels:8}{length:8}{shown[0]:>26}{shown[1]:>26}{ratio:8.2f}  {chosen}")


if __name__ == "__main__":
    main()
