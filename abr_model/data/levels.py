"""How an ear is tested: a series of levels on a grid of its own, with repeats, and how many sweeps.

Both are drawn without a look at the ear. So P(level, sweeps | class) is the same for every class,
and whoever guesses the class from them is right by chance only.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from abr_model.data.streams import GOLDEN, Ear, Recording, of_ears, of_recordings, pick

LOWEST_DB = (0, 5, 10, 20)
HIGHEST_DB = (60, 70, 80, 90)
STEPS_DB = (5, 10)
SWEEPS = (500, 750, 1000, 1500, 2000, 4000)


def levels_db(subjects: int, number: int, seed: int) -> NDArray[np.float64]:
    """(S,) the level of recording `number` of each ear, in dB nHL.

    An ear's grid goes from one of `LOWEST_DB` to one of `HIGHEST_DB`. Every third recording repeats
    one of the two before it; the others step over the grid by the golden ratio, so that few
    recordings are spread over it and many reach every level.
    """
    uniform = of_ears(seed, Ear.LEVELS).random((subjects, 4))
    lowest, highest, step = (
        pick(choices, uniform[:, place])
        for place, choices in enumerate((LOWEST_DB, HIGHEST_DB, STEPS_DB))
    )
    series = np.full(subjects, 2.0 * (number // 3) + number % 3)
    if number % 3 == 2:
        earlier = of_recordings(seed, number, Recording.REPEAT).random(subjects) < 0.5
        series -= np.where(earlier, 2, 1)
    places = (uniform[:, 3] + GOLDEN * series) % 1
    return lowest + step * np.floor(places * (np.floor((highest - lowest) / step) + 1))


def sweeps(subjects: int, number: int, seed: int) -> NDArray[np.float64]:
    """(S,) how many sweeps recording `number` of each ear averages."""
    return pick(SWEEPS, of_recordings(seed, number, Recording.SWEEPS).random(subjects))
