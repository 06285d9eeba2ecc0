"""What the stimulus leaves in the first millisecond: no response of the ear, and not averaged out.

S ears, T points at 20 kHz from onset.
"""

from __future__ import annotations

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.recordings import SAMPLE_RATE_HZ
from abr_model.data.streams import Ear, of_ears

Array = NDArray[np.float64]

SHARE = 0.4  # of ears; elsewhere the sound's tube or its alternating polarity keeps it out
_LEAST_UV = 0.001
_LASTS_MS = 4.0


@attrs.frozen(kw_only=True, eq=False)
class Artefacts:
    """A ringing of each ear's transducer; arrays of shape (S,)."""

    height_uv: Array  # 0 where there is none
    decay_ms: Array
    hertz: Array
    phase: Array


def make_artefacts(level_db: Array, seed: int) -> Artefacts:
    """Draw them for each ear at its level (S,): 0.05 to 1.5 µV at 80 dB, a tenth at 60 dB."""
    uniform = of_ears(seed, Ear.ARTEFACT).random((len(level_db), 5))
    height = np.where(uniform[:, 0] < SHARE, 0.05 * 30 ** uniform[:, 1], 0.0)
    return Artefacts(
        height_uv=height * 10 ** (np.minimum(level_db - 80, 0) / 20),
        decay_ms=0.1 + 0.3 * uniform[:, 2],
        hertz=600 + 1400 * uniform[:, 3],
        phase=2 * np.pi * uniform[:, 4],
    )


def artefact_uv(artefacts: Artefacts, points: int) -> NDArray[np.float32]:
    """(S, T) the artefact before any filter; the same in both half-averages."""
    found = np.zeros((len(artefacts.hertz), points), np.float32)
    rows = np.flatnonzero(artefacts.height_uv > _LEAST_UV)
    lasts = round(_LASTS_MS * SAMPLE_RATE_HZ / 1000)
    time_ms = np.arange(lasts) * 1000 / SAMPLE_RATE_HZ
    angle = 2 * np.pi / 1000 * artefacts.hertz[rows, None] * time_ms + artefacts.phase[rows, None]
    envelope = artefacts.height_uv[rows, None] * np.exp(-time_ms / artefacts.decay_ms[rows, None])
    found[rows, :lasts] = np.cos(angle) * envelope
    return found
