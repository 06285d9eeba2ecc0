"""The order of samples and the randomness that belongs to them, each a function of its place.

Nothing here has a state to save: whoever knows (seed, phase, attempt, step) knows every draw.
Numbers come from Philox, a counter-based generator (Salmon et al. 2011, "Parallel random numbers:
as easy as 1, 2, 3"), with a digest of (seed, phase, attempt, name) as the key and (epoch, sample)
in the counter.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import Protocol

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


class SampleOrder(Protocol):
    """An endless stream of samples, cut into global batches."""

    def batch(self, step: int, global_batch: int) -> Drawn:
        """The samples of the `step`-th global batch, counted from 1."""
        ...

    def named(self, name: str) -> SampleOrder:
        """Another stream of the same kind."""
        ...


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
        epochs, offsets = _positions(step, global_batch, self.size)
        samples = np.empty_like(offsets)
        for epoch in np.unique(epochs):
            mask = epochs == epoch
            samples[mask] = _permutation(self.place, self.name, self.size, int(epoch))[
                offsets[mask]
            ]
        return Drawn(samples, epochs)

    def named(self, name: str) -> Order:
        """The stream of this name."""
        return attrs.evolve(self, name=name)


def _positions(step: int, global_batch: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The epoch of each sample of a global batch, and its place there."""
    position = np.arange((step - 1) * global_batch, step * global_batch, dtype=np.int64)
    return np.divmod(position, size)


@lru_cache(maxsize=4)
def _permutation(place: Place, name: str, size: int, epoch: int) -> np.ndarray:
    return np.random.Generator(np.random.Philox(key=place.key(name, epoch))).permutation(size)


AGAIN = 2**32
"""Added to the epoch of a sample for each time that the same epoch has drawn it before."""


@attrs.frozen(eq=False)
class TemperedOrder:
    """An endless stream of samples drawn with replacement, rare classes more often than they occur.

    A sample of a class of n is drawn with probability in proportion to n^temperature / n; those
    without a label keep their share. An epoch is as many draws as the split has samples. A sample
    that an epoch draws again counts as of another epoch (`AGAIN`), so that augmentation and noise
    are not the same again.

    Args:
        place: where in the run.
        labels: the class of each sample of the split, -1 for none.
        temperature: 1 draws classes as they occur, 0 all equally often.
        name: the stream's name.
    """

    place: Place
    labels: np.ndarray
    temperature: float
    name: str = "order"
    _groups: _Groups = attrs.field(init=False, repr=False)

    @_groups.default  # pyright: ignore[reportAttributeAccessIssue, reportUntypedFunctionDecorator]
    def _grouped(self) -> _Groups:
        return _Groups.of(self.labels, self.temperature)

    def batch(self, step: int, global_batch: int) -> Drawn:
        """The samples of the `step`-th global batch, counted from 1."""
        epochs, offsets = _positions(step, global_batch, len(self.labels))
        samples = np.empty_like(offsets)
        for epoch in np.unique(epochs):
            mask = epochs == epoch
            drawn, again = _drawn_in(self, int(epoch))
            samples[mask] = drawn[offsets[mask]]
            epochs[mask] += again[offsets[mask]].astype(np.int64) * AGAIN
        return Drawn(samples, epochs)

    def named(self, name: str) -> TemperedOrder:
        """The stream of this name."""
        return attrs.evolve(self, name=name)

    def draw(self, epoch: int) -> np.ndarray:
        """All samples of an epoch, in their order."""
        bits = np.random.Philox(key=self.place.key(self.name, "tempered", epoch))
        return self._groups.at(np.random.Generator(bits).random(len(self.labels)))

    def shares(self, labels: np.ndarray, classes: int) -> np.ndarray:
        """How often each class of some labels (N; -1 for none) is drawn, float64 (classes,)."""
        known = labels >= 0
        probability = self._groups.probability_of(self.labels)[known]
        return np.bincount(labels[known], weights=probability, minlength=classes)


@attrs.frozen(kw_only=True, eq=False)
class _Groups:
    """The samples of a split by class, those without a label first; G groups."""

    members: np.ndarray  # indices, group after group
    starts: np.ndarray  # (G + 1) where each group begins in them
    ends: np.ndarray  # (G) running sum of the groups' probabilities, 1 at the end

    @classmethod
    def of(cls, labels: np.ndarray, temperature: float) -> _Groups:
        counts = np.bincount(labels + 1, minlength=2)
        weights = np.zeros(len(counts))
        seen = counts[1:] > 0
        weights[1:][seen] = counts[1:][seen].astype(np.float64) ** temperature
        if seen.any():
            weights[1:] *= counts[1:].sum() / weights[1:].sum()
        weights[0] = counts[0]
        ends = np.cumsum(weights) / weights.sum()
        # From the last group that has samples on nothing is left to chance or to rounding.
        ends[np.flatnonzero(counts)[-1] :] = 1.0
        return cls(
            members=np.argsort(labels, kind="stable"),
            starts=np.concatenate([[0], np.cumsum(counts)]),
            ends=ends,
        )

    def at(self, uniform: np.ndarray) -> np.ndarray:
        """The samples at places in [0, 1)."""
        group = np.searchsorted(self.ends, uniform, side="right")
        before = np.concatenate([[0.0], self.ends])[group]
        inside = (uniform - before) / (self.ends[group] - before)
        size = self.starts[group + 1] - self.starts[group]
        place = np.minimum((inside * size).astype(np.int64), size - 1)
        return self.members[self.starts[group] + place]

    def probability_of(self, labels: np.ndarray) -> np.ndarray:
        """Of each sample, given the labels that the groups were made of."""
        size = np.diff(self.starts)
        each = np.diff(self.ends, prepend=0.0) / np.maximum(size, 1)
        return each[labels + 1]


@lru_cache(maxsize=4)
def _drawn_in(order: TemperedOrder, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The samples of an epoch, and how many times it has drawn each of them before."""
    samples = order.draw(epoch)
    by_sample = np.argsort(samples, kind="stable")
    ordered = samples[by_sample]
    first = np.flatnonzero(np.diff(ordered, prepend=-1))
    run = np.arange(len(samples)) - np.repeat(first, np.diff(first, append=len(samples)))
    again = np.empty(len(samples), np.int32)
    again[by_sample] = run
    return samples, again


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
