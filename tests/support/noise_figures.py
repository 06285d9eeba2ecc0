"""What the noise of recordings looks like, from the differences of their half-averages."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import SAMPLE_RATE_HZ, Recordings

BANDS_HZ = ((0, 100), (100, 200), (200, 400), (400, 800), (800, 1500), (1500, 10_001))


def noise_figures(made: Recordings) -> dict[str, NDArray[np.float64]]:
    """One number a recording, by the name of what it says.

    Half the difference of the halves has the noise of their mean and no response. Shares of bands
    are of the power behind a Hann window. The halves' loudness is compared where hardly anybody
    hears, at 10 dB nHL and below, and is NaN elsewhere.
    """
    noise = (made.half_a_uv - made.half_b_uv).astype(float) / 2
    centred = noise - noise.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred * np.hanning(made.points), axis=1)) ** 2
    frequency = np.fft.rfftfreq(made.points, 1 / SAMPLE_RATE_HZ)
    middle = made.points // 2
    ratio = np.log(made.half_a_uv.std(axis=1) / made.half_b_uv.std(axis=1))
    found = {
        "RMS at 500 sweeps, nV": 1000 * np.sqrt(np.mean(noise**2, axis=1) * made.sweeps / 500),
        "loudness of half A by half B, log": np.where(made.level_db <= 10, ratio, np.nan),
        "variance early by late, log": np.log(
            noise[:, :middle].var(axis=1) / noise[:, middle:].var(axis=1)
        ),
        "kurtosis": np.mean(centred**4, axis=1) / centred.var(axis=1) ** 2,
    }
    for low, high in BANDS_HZ:
        inside = (frequency >= low) & (frequency < high)
        found[f"power from {low} to {high} Hz"] = power[:, inside].sum(axis=1) / power.sum(axis=1)
    return found
