"""The filters that clinics record through. They shape the response as well as the noise.

S ears, F frequencies of a recording of `POINTS` points.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.data.streams import Ear, of_ears, pick

POINTS = 1024  # 51 ms, whatever the window: what lies behind it is cut off
FREQUENCIES_HZ = np.fft.rfftfreq(POINTS, 1 / SAMPLE_RATE_HZ)
HIGH_PASS_HZ = (30, 50, 80, 100, 150)
LOW_PASS_HZ = (1500, 2000, 2500, 3000)
DIGITAL = 0.35  # share of ears whose clinic filters the averages, not in the amplifier


@attrs.frozen(kw_only=True, eq=False)
class Clinics:
    """The filter of each ear's clinic; arrays of shape (S,)."""

    high_pass_hz: NDArray[np.float64]  # 3 dB points of Butterworth filters
    low_pass_hz: NDArray[np.float64]
    steep: NDArray[np.bool_]  # 12 dB an octave below the high pass, else 6; 12 above the low pass
    digital: NDArray[np.bool_]  # forwards and backwards: steeper, without phase


def make_clinics(subjects: int, seed: int) -> Clinics:
    """Draw the clinics of the first `subjects` ears."""
    uniform = of_ears(seed, Ear.CLINIC).random((subjects, 4))
    return Clinics(
        high_pass_hz=pick(HIGH_PASS_HZ, uniform[:, 0]),
        low_pass_hz=pick(LOW_PASS_HZ, uniform[:, 1]),
        steep=uniform[:, 2] < 0.5,
        digital=uniform[:, 3] < DIGITAL,
    )


def transfer(clinics: Clinics) -> NDArray[np.complex64]:
    """(S, F) the complex gain of each clinic's filter.

    An amplifier's filter moves peaks, as it does in life: a high pass makes them earlier, a low
    pass later, each by about 0.1 ms.
    """
    return gain_at(clinics, FREQUENCIES_HZ[None]).astype(np.complex64)


def gain_at(clinics: Clinics, hertz: NDArray[np.float64]) -> NDArray[np.complex128]:
    """(S, K) the complex gain at frequencies (S, K) or (1, K)."""
    above, below = (hertz / edge[:, None] for edge in (clinics.high_pass_hz, clinics.low_pass_hz))
    high, low = 1j * above, 1j * below
    steep = clinics.steep[:, None]
    passed = np.where(steep, high**2 / (high**2 + 2**0.5 * high + 1), high / (high + 1))
    analogue = passed / (low**2 + 2**0.5 * low + 1)
    # Digital low passes are long FIR filters: nearly a wall, some 40 dB down 15 % above the edge.
    digital = np.abs(passed) ** 2 / (1 + below**32)
    return np.where(clinics.digital[:, None], digital, analogue)


def filtered(waveform_uv: NDArray[np.float32], gain: NDArray[np.complex64]) -> NDArray[np.float32]:
    """(S, POINTS) waveforms (S, T) behind the filter."""
    spectrum = np.fft.rfft(waveform_uv, POINTS, axis=-1) * gain
    return np.fft.irfft(spectrum, POINTS, axis=-1).astype(np.float32)
