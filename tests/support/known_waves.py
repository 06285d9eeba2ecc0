"""Recordings whose waves are known, for tests of the classical methods."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.baselines.columns import Columns, expected_ms

POINTS = 300
TIME_MS = np.arange(POINTS) / 20


def bump(centre_ms: float, height: float, sd_ms: float) -> NDArray[np.float64]:
    return height * np.exp(-0.5 * ((TIME_MS - centre_ms) / sd_ms) ** 2)


def columns(
    response_NT: NDArray[Any],
    level_db: NDArray[Any],
    *,
    noise_uv: float = 0.0,
    subject: NDArray[Any] | None = None,
    threshold_db: NDArray[Any] | None = None,
    seed: int = 0,
) -> dict[str, NDArray[Any]]:
    """Recordings of adults at 20 per second: this response, white noise in each half."""
    count = len(response_NT)
    white = np.random.default_rng(seed).standard_normal((2, *response_NT.shape))
    a, b = response_NT + np.sqrt(2) * noise_uv * white
    unknown = np.full((count, 3), np.nan)
    return {
        "recording_uv": (a + b) / 2,
        "half_a_uv": a,
        "half_b_uv": b,
        "truth_uv": np.asarray(response_NT, float),
        "level_db": np.asarray(level_db, float),
        "age_years": np.full(count, 40.0),
        "rate_hz": np.full(count, 20.0),
        "noise_uv": np.full(count, noise_uv),
        "subject": np.arange(count) if subject is None else subject,
        "hearing_class": np.zeros(count, np.int64),
        "wave_present": unknown,
        "wave_latency_ms": unknown,
        "wave_amplitude_uv": unknown,
        "threshold_db": np.full(count, np.nan) if threshold_db is None else threshold_db,
    }


def known_waves(late_ms: float, count: int = 20) -> tuple[dict[str, NDArray[Any]], Columns]:
    """Waves I, III and V at 70 dB, so much later than the norm: recordings and where waves are."""
    level = np.full(count, 70.0)
    place = expected_ms(columns(np.zeros((count, POINTS)), level)) + late_ms
    response = np.stack(
        [
            sum(
                bump(at, height, 0.25) - bump(at + 0.8, 0.5 * height, 0.3)
                for at, height in zip(row, (0.2, 0.25, 0.4), strict=True)
            )
            for row in place
        ]
    )
    return columns(response, level), {"latency_ms": place}
