"""Recordings as torch tensors: the data source that runs are trained on and judged by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from abr_model.data.recordings import Recordings
from abr_model.data.replicates import Replicates

TENSORS = tuple(field.name for field in attrs.fields(Recordings))
REPLICATES = "replicates_uv"


@attrs.frozen(eq=False)
class Part:
    """Some recordings of a container, which may lie on disk.

    `first_subject` is added to their subjects, so that parts of several containers have one list of
    subjects' names.
    """

    recordings: Recordings
    rows: NDArray[np.int64]
    first_subject: int = 0
    replicates: Replicates = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "replicates", Replicates(self.recordings))


class AbrSplit:
    """A sequence of recordings, the parts one after another, given out in batches.

    With B samples, T points at 20 kHz from onset and W = 3 waves (I, III, V); NaN is missing:

    - `recording_uv`, `half_a_uv`, `half_b_uv`, `truth_uv`: (B, T)
    - `has_truth`, `has_halves`: (B,) bool; where False, truth and halves are NaN
    - `noise_uv`, `sweeps`, `level_db`, `age_years`, `rate_hz`, `detection`, `threshold_db`: (B,)
    - `wave_present`, `wave_latency_ms`, `wave_amplitude_uv`: (B, W)
    - `hearing_class` (-1 unknown), `subject` (index into the source's names): (B,) int64

    All others are float32. `noise_uv` and `detection` are computed from the halves where there are
    any; else they are what the source of the data says, or NaN. Only `recording_uv`, `level_db`,
    `hearing_class` and `subject` are always known.

    Asked for by name, but not listed, since it is costly: `replicates_uv` (B, T), the mean of the
    other recordings of the same ear and level; NaN where the truth is known or there are none.
    """

    def __init__(self, *parts: Part) -> None:
        self._parts = parts
        self._starts = np.cumsum([0, *(len(part.rows) for part in parts)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def batch(self, indices: NDArray[np.int64]) -> GatheredBatch:
        """The recordings at these indices, in their order; repeats are allowed.

        Each tensor is gathered when it is first asked for.
        """
        wanted = np.asarray(indices, np.int64)
        if wanted.size and not 0 <= wanted.min() <= wanted.max() < len(self):
            raise IndexError(f"indices must be 0 to {len(self) - 1}")
        found: list[_Gather] = []
        for part, start, stop in zip(self._parts, self._starts, self._starts[1:], strict=False):
            places = np.flatnonzero((wanted >= start) & (wanted < stop))
            rows = part.rows[wanted[places] - start]
            order = np.argsort(rows, kind="stable")  # a memory map is read from front to back
            found.append(_Gather(part, places[order], rows[order]))
        return GatheredBatch(len(wanted), [each for each in found if len(each.rows)] or found[:1])


@attrs.frozen(eq=False)
class _Gather:
    """The rows of a part to be read, ascending, and where in the batch each belongs."""

    part: Part
    places: NDArray[np.int64]
    rows: NDArray[np.int64]

    def column(self, name: str) -> NDArray[Any]:
        if name == REPLICATES:
            return self.part.replicates.means_uv(self.rows)
        values: NDArray[Any] = getattr(self.part.recordings, name)[self.rows]
        return values + self.part.first_subject if name == "subject" else values


class GatheredBatch(Mapping[str, Tensor]):
    """The tensors of a batch, each gathered when it is first read and then kept."""

    def __init__(self, size: int, gathers: list[_Gather]) -> None:
        self._size, self._gathers = size, gathers
        self._found: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        if name not in self._found:
            if name not in TENSORS and name != REPLICATES:
                raise KeyError(name)
            self._found[name] = torch.from_numpy(self._column(name))
        return self._found[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TENSORS)

    def __len__(self) -> int:
        return len(TENSORS)

    def _column(self, name: str) -> NDArray[Any]:
        first = self._gathers[0]
        if len(self._gathers) == 1 and bool((np.diff(first.places) > 0).all()):
            return np.ascontiguousarray(first.column(name))
        values = [(each.places, each.column(name)) for each in self._gathers]
        whole = np.empty((self._size, *values[0][1].shape[1:]), values[0][1].dtype)
        for places, column in values:
            whole[places] = column
        return whole


@attrs.frozen(kw_only=True, eq=False)
class AbrData:
    """Splits of recordings, with what the engine asks of a data source."""

    splits: Mapping[str, AbrSplit]
    held_out: str  # the split that `evaluate` reports on unless told otherwise
    fingerprint: str  # sha256 of the settings, the seed and the contents of files
    subject_names: tuple[str, ...]  # a batch's `subject` is an index into these
    notices: tuple[str, ...] = ()
    z_scored: bool = False  # recordings are in units of their own standard deviation, not in µV

    @property
    def cluster_names(self) -> tuple[str, ...]:
        """Recordings of one subject belong together."""
        return self.subject_names
