"""The noise of a recording: brain and muscle, amplifier, mains hum, drift, bursts.

N recordings (or S ears), 2 half-averages, F frequencies, P points of 51 ms. All sizes are RMS in µV
of what is left after averaging. What no source states (the shares and spreads below) is assumed,
wide enough that clinics and states of the subject differ.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.clinic import FREQUENCIES_HZ, POINTS
from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.data.streams import Ear, Recording, of_ears, of_recordings

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

BODY_UV = 0.060  # typical residual noise of brain and muscle at 500 sweeps
AMPLIFIER_UV = 0.012  # typical residual noise of amplifier and electrodes at 500 sweeps; white
_BODY_SPREAD = 0.63  # SD of its logarithm: 20 to 190 nV are nine recordings in ten
_OF_EAR = 0.45  # of that variance is the subject's; the rest is how restless it was just then
_HUM = ((1, 1.0), (2, 0.3), (3, 0.5), (5, 0.3))  # harmonics and their heights
_DRIFT_HZ = (9.0, 22.0)
_MILLISECONDS = np.arange(POINTS, dtype=np.float32) * np.float32(1000 / SAMPLE_RATE_HZ)


@attrs.frozen(kw_only=True, eq=False)
class Noise:
    """What the noise of each recording is made of; arrays of shape (N,) unless said otherwise."""

    body_uv: Array
    amplifier_uv: Array
    slope: Array  # power of the brain's noise falls with this power of the frequency
    corner_hz: Array  # above this
    muscle_share: Array  # of the body's coloured power
    muscle_hz: Array  # where muscle's power is highest
    hum_share: Array  # of the body's power
    mains_hz: Array  # 50 or 60
    drift_share: Array  # of the body's power
    half_size: Array  # (N, 2) how loud each half is: squares of mean 1
    burst: Array  # (N, 2) how much louder at the height of a burst, 0 where there is none
    burst_ms: Array  # (N, 2) when
    burst_sd_ms: Array  # (N, 2)
    waves: Floats  # (N, 2, 2, harmonics + drifts) cosine and sine of each half


def make_noise(sweeps: NDArray[np.int64], number: int, seed: int) -> Noise:
    """Draw the noise of recording `number` of each ear; it falls as 1/√sweeps."""
    subjects = len(sweeps)
    ear = np.clip(of_ears(seed, Ear.NOISE).standard_normal((subjects, 6)), -2.5, 2.5)
    state = of_recordings(seed, number, Recording.STATE).standard_normal((subjects, 5))
    mixed = np.sqrt(_OF_EAR) * ear[:, :5] + np.sqrt(1 - _OF_EAR) * np.clip(state, -2.5, 2.5)
    share = of_recordings(seed, number, Recording.SHARES).random((subjects, 4))
    uneven = of_recordings(seed, number, Recording.UNEVEN).random((subjects, 7))
    waves = of_recordings(seed, number, Recording.WAVES)
    fewer = np.sqrt(500 / sweeps)
    # One half is louder than the other where the subject moved; a logistic has the rare large ones.
    odds = uneven[:, 0].clip(1e-4, 1 - 1e-4)
    ratio = np.exp(0.13 * np.log(odds / (1 - odds)))
    halves = np.sqrt(2 * np.stack([ratio, 1 / ratio], axis=1) / (ratio + 1 / ratio)[:, None])
    return Noise(
        body_uv=BODY_UV * np.exp(_BODY_SPREAD * mixed[:, 0]) * fewer,
        amplifier_uv=AMPLIFIER_UV * np.exp(0.4 * ear[:, 5]) * fewer,
        slope=2.4 + 0.45 * mixed[:, 1],
        corner_hz=120 * np.exp(0.35 * mixed[:, 2]),
        muscle_share=0.5 / (1 + np.exp(2.0 - 1.5 * mixed[:, 3])),
        muscle_hz=150 * np.exp(0.45 * mixed[:, 4]),
        hum_share=np.where(share[:, 0] < 0.4, 0.5 * share[:, 1] ** 2, 0.0),
        mains_hz=np.where(ear[:, 5] < 0, 50.0, 60.0),
        drift_share=np.where(share[:, 2] < 0.4, 0.3 * share[:, 3], 0.0),
        half_size=halves,
        burst=np.where(uneven[:, 1:3] < 0.12, 0.7 + 18 * uneven[:, 1:3], 0.0),
        burst_ms=25 * uneven[:, 3:5],
        burst_sd_ms=1 + 3 * uneven[:, 5:7],
        waves=waves.standard_normal((subjects, 2, 2, len(_HUM) + len(_DRIFT_HZ)), np.float32),
    )


def half_noise_uv(noise: Noise, gain: Floats, white: Floats) -> Floats:
    """(N, 2, P) noise of two half-averages, whose mean has body and amplifier noise as stated.

    `gain` (N, F) is the filter's; `white` (N, 2, 2, F) are standard normal numbers.
    """
    power = noise_power(noise, gain)
    root = np.sqrt(power * np.float32(POINTS**2 / 4), dtype=np.float32)
    spectrum = np.empty((len(gain), 2, gain.shape[1]), np.complex64)
    spectrum.real, spectrum.imag = white[:, :, 0], white[:, :, 1]
    spectrum *= root[:, None]
    halves = np.fft.irfft(spectrum, POINTS, axis=-1).astype(np.float32)
    _add_hum_and_drift(halves, noise)
    for half in (0, 1):
        rows = np.flatnonzero(noise.burst[:, half])
        centre, sd, height = (
            value[rows, half].astype(np.float32)[:, None]
            for value in (noise.burst_ms, noise.burst_sd_ms, noise.burst)
        )
        z = (_MILLISECONDS - centre) / sd
        halves[rows, half] *= 1 + height * np.exp(np.float32(-0.5) * z * z)
    # Each half has half of the sweeps.
    halves *= (np.sqrt(2) * noise.half_size).astype(np.float32)[:, :, None]
    return halves


def noise_power(noise: Noise, gain: Floats) -> Floats:
    """(N, F) power at each frequency of the average of both halves but hum and drift, in µV².

    The brain's noise is flat up to its corner and falls above it; muscle has a hump an octave wide.
    """
    frequency = FREQUENCIES_HZ.astype(np.float32)
    passed = np.square(gain)
    passed[:, 0] = 0  # no clinic lets a constant pass

    def scaled(shape: Floats, power: Array) -> Floats:
        shape *= passed
        shape *= (power / shape.sum(axis=1)).astype(np.float32)[:, None]
        return shape

    def column(values: Array) -> Floats:
        return values.astype(np.float32)[:, None]

    coloured = noise.body_uv**2 * (1 - noise.hum_share - noise.drift_share)
    octave = np.log2(np.maximum(frequency, 1))
    above = np.exp2(column(noise.slope) * (octave - column(np.log2(noise.corner_hz))))
    brain = scaled(1 / (1 + above), coloured * (1 - noise.muscle_share))
    off = octave - column(np.log2(noise.muscle_hz))
    muscle = scaled(np.exp(np.float32(-0.5) * off * off), coloured * noise.muscle_share)
    return brain + muscle + scaled(np.ones_like(passed), noise.amplifier_uv**2)


def _add_hum_and_drift(halves: Floats, noise: Noise) -> None:
    """Hum is no multiple of the stimulus rate: its rest has another phase in each half."""
    total = np.sqrt(sum(height**2 for _, height in _HUM))
    parts = [(noise.hum_share, noise.mains_hz * n, height / total) for n, height in _HUM]
    parts += [(noise.drift_share, np.full(len(halves), hz), 0.5**0.5) for hz in _DRIFT_HZ]
    for place, (share, hertz, height) in enumerate(parts):
        for hz in np.unique(hertz):
            rows = np.flatnonzero((share > 0) & (hertz == hz))
            phase = np.float32(2 * np.pi * hz / 1000) * _MILLISECONDS
            size = height * np.sqrt(share[rows]) * noise.body_uv[rows]
            scale = noise.waves[rows, :, :, place] * size.astype(np.float32)[:, None, None]
            halves[rows] += scale[:, :, 0, None] * np.cos(phase) + scale[:, :, 1, None] * np.sin(
                phase
            )
