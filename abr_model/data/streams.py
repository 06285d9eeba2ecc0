"""Random numbers that belong to a subject or a recording, whatever else is drawn.

Every quantity has a stream of its own, of which subject number s takes the s-th numbers. So more
subjects, more recordings of each or another quantity change none of those before.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, auto
from typing import Any, TypeVar

import attrs
import numpy as np
from numpy.typing import NDArray

GOLDEN = (5**0.5 - 1) / 2
"""Steps of this length come evenly over [0, 1), however many there are."""

Table = TypeVar("Table", bound=attrs.AttrsInstance)

_MASK_64 = (1 << 64) - 1
_EAR_STREAMS = 64
_RECORDING_STREAMS = 32


class Ear(IntEnum):
    """Quantities that an ear has once."""

    CLASS = 0
    AGE = auto()
    RATE = auto()
    BASE = auto()
    LOSS = auto()
    RESPONDS = auto()
    INFANT = auto()
    SPLIT = auto()
    LATENCY = auto()
    AMPLITUDE = auto()
    SHAPE = auto()
    STEADY = auto()
    CLINIC = auto()
    NOISE = auto()
    ARTEFACT = auto()
    LEVELS = auto()
    MARKED = auto()


class Recording(IntEnum):
    """Quantities that each recording of an ear has."""

    REPEAT = 0
    SWEEPS = auto()
    MARKED = auto()
    STATE = auto()
    SHARES = auto()
    UNEVEN = auto()
    WAVES = auto()
    WHITE = auto()


def of_ears(seed: int, quantity: Ear) -> np.random.Generator:
    """The stream of one quantity of all ears of a seed."""
    return _stream(seed, int(quantity))


def of_recordings(seed: int, number: int, quantity: Recording) -> np.random.Generator:
    """The stream of one quantity of recording `number` of all ears of a seed."""
    return _stream(seed, _EAR_STREAMS + number * _RECORDING_STREAMS + int(quantity))


def pick(choices: Sequence[float], uniform: NDArray[np.float64]) -> NDArray[np.float64]:
    """One of the choices, all as likely, for each number in [0, 1)."""
    return np.asarray(choices, float)[(uniform * len(choices)).astype(int)]


def rows_of(table: Table, rows: slice) -> Table:
    """Some rows of an attrs record of arrays whose first dimension is one and the same."""
    arrays: Any = {f.name: getattr(table, f.name)[rows] for f in attrs.fields(type(table))}
    return type(table)(**arrays)


def _stream(seed: int, stream: int) -> np.random.Generator:
    # Streams of one seed never overlap: they are keys of one Philox.
    return np.random.Generator(np.random.Philox(key=[seed & _MASK_64, stream]))
