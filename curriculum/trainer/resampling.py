"""Resampling of a split's samples for intervals, whole clusters at a time.

The percentile bootstrap of Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter
13, with clusters as its units (Field and Welsh 2007, "Bootstrapping clustered data").
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from curriculum.sampling import Place
from curriculum.tasks import CLUSTER, Kept

FEWEST = 10


def resampled_rows(kept: Kept, place: Place, resamples: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Rows of each resample: as many clusters as there are, drawn with replacement.

    Beside the rows stands which draw each comes from: a cluster that was drawn twice is two.
    Samples without a `cluster` are clusters of their own. The draws are a function of the place.
    With fewer than `FEWEST` clusters nothing is drawn: their spread says too little.
    """
    size = len(next(iter(kept.values())))
    cluster = kept[CLUSTER].numpy() if CLUSTER in kept else np.arange(size)
    order: NDArray[np.int64] = np.argsort(cluster, kind="stable")
    sizes: NDArray[np.int64] = np.unique(cluster, return_counts=True)[1]
    members = np.split(order, np.cumsum(sizes)[:-1])
    if len(members) < FEWEST:
        return
    random = np.random.Generator(np.random.Philox(key=place.key("resampling")))
    for _ in range(resamples):
        drawn = cast("list[int]", random.integers(0, len(members), len(members)).tolist())
        parts = [members[each] for each in drawn]
        draw = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
        yield torch.from_numpy(np.concatenate(parts)), torch.from_numpy(draw)
