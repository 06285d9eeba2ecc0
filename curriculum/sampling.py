"""The order of samples and the randomness that belongs to them, each a function of its place.

Nothing here has a state to save: whoever knows (seed, phase, attempt, step) knows every draw.
Numbers come from Philox, a counter-based generator (Salmon et al. 2011, "Parallel random numbers:
as easy as 1, 2, 3"), with a digest of (seed, phase, attempt, name) as the key and (epoch, sample)
in the counter.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

import attrs
import numpy as np
import torch
from torch import Tensor


@attrs.frozen
class Place:
    """Where in a run randomness is asked for; `attempt` counts rollbacks of the phase."""

    seed: int
    phase: int
    attempt: int = 0

    def key(self, *names: object) -> np.ndarray:
        """128 bits for a stream of this name, as two uint64."""
        text = "/".join(str(part) for part in (self.seed, self.phase, self.attempt, *names))
        return np.frombuffer(hashlib.blake2b(text.encode(), digest_size=16).digest(), np.uint64)

    def seed_aggregator(self, step: int) -> None:
        """As `seed_dropout`, for what combines the gradients of a step at random."""
        torch.manual_seed(int(self.key("aggregator", step)[0]) >> 1)

    def seed_dropout(self, step: int, micro_step: int, rank: int = 0) -> None:
        """Seed torch's global generator, so that dropout is a function of its place."""
        word = int(self.key("dropout", step, micro_step, rank)[0])
        torch.manual_seed(word >> 1)  # torch takes 63 bits without sign trouble


@attrs.frozen
class Drawn:
    """The samples of a global batch: indices into the split, and the epoch that each belongs to."""

    samples: np.ndarray
    epochs: np.ndarray

    def part(self, start: int, stop: int) -> Drawn:
        """A micro-batch."""
        return Drawn(self.samples[start:stop], self.epochs[start:stop])


@attrs.frozen
class Order:
    """An endless stream of samples: a new permutation of the split each epoch, none left out.

    Epochs follow one another without a gap, so a global batch may hold the end of one and the start
    of the next, and every global batch is full.
    """

    place: Place
    size: int
    name: str = "order"

    def batch(self, step: int, global_batch: int) -> Drawn:
        """The samples of the `step`-th global batch, counted from 1."""
        position = np.arange((step - 1) * global_batch, step * global_batch, dtype=np.int64)
        epochs, offsets = np.divmod(position, self.size)
        samples = np.empty_like(position)
        for epoch in np.unique(epochs):
            mask = epochs == epoch
            samples[mask] = _permutation(self.place, self.name, self.size, int(epoch))[
                offsets[mask]
            ]
        return Drawn(samples, epochs)


@lru_cache(maxsize=4)
def _permutation(place: Place, name: str, size: int, epoch: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=place.key(name, epoch))).permutation(size)


@attrs.frozen
class SampleDraws:
    """Random numbers for the samples of a batch; implements `curriculum.tasks.Draws`."""

    place: Place
    drawn: Drawn
    stream: str

    def uniform(self, name: str, *shape: int) -> Tensor:
        """Numbers in [0, 1), float32 of shape (B, *shape)."""
        return self._fill(name, shape, normal=False)

    def normal(self, name: str, *shape: int) -> Tensor:
        """Standard normal numbers, float32 of shape (B, *shape)."""
        return self._fill(name, shape, normal=True)

    def _fill(self, name: str, shape: tuple[int, ...], *, normal: bool) -> Tensor:
        out = np.empty((len(self.drawn.samples), *shape), np.float32)
        rows = out.reshape(len(out), -1)
        bits = np.random.Philox(key=self.place.key(self.stream, name))
        generator, start = np.random.Generator(bits), bits.state
        draw = generator.standard_normal if normal else generator.random
        # Setting the counter is three times as fast as a new generator for each sample.
        for row, sample, epoch in zip(rows, self.drawn.samples, self.drawn.epochs, strict=True):
            start["state"]["counter"][:] = (0, 0, epoch, sample)
            bits.state = start
            draw(out=row, dtype=np.float32)
        return torch.from_numpy(out)
