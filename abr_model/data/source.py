"""Recordings as torch tensors: the data source that runs are trained on and judged by."""

from __future__ import annotations

from collections.abc import Mapping

import attrs
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from abr_model.data.recordings import Recordings

_COPIED = (
    "recording_uv",
    "half_a_uv",
    "half_b_uv",
    "truth_uv",
    "has_truth",
    "noise_uv",
    "sweeps",
    "level_db",
    "age_years",
    "rate_hz",
    "detection",
    "hearing_class",
    "wave_present",
    "wave_latency_ms",
    "wave_amplitude_uv",
    "threshold_db",
    "subject",
)


class AbrSplit:
    """A sequence of recordings, given out in batches.

    With B samples, T points at 20 kHz from onset and W = 3 waves (I, III, V); NaN is missing:

    - `recording_uv`, `half_a_uv`, `half_b_uv`, `truth_uv`: (B, T)
    - `has_truth`: (B,) bool
    - `noise_uv`, `sweeps`, `level_db`, `age_years`, `rate_hz`, `detection`, `threshold_db`: (B,)
    - `wave_present`, `wave_latency_ms`, `wave_amplitude_uv`: (B, W)
    - `hearing_class` (-1 unknown), `subject` (index into the source's names): (B,) int64

    All others are float32. `noise_uv` and `detection` are computed from the halves.
    """

    def __init__(self, recordings: Recordings) -> None:
        self._tensors = {
            name: torch.from_numpy(np.ascontiguousarray(getattr(recordings, name)))
            for name in _COPIED
        }

    def __len__(self) -> int:
        return len(self._tensors["subject"])

    def batch(self, indices: NDArray[np.int64]) -> dict[str, Tensor]:
        """The recordings at these indices, in their order; repeats are allowed."""
        chosen = torch.from_numpy(np.ascontiguousarray(indices, np.int64))
        return {name: tensor.index_select(0, chosen) for name, tensor in self._tensors.items()}


@attrs.frozen(kw_only=True, eq=False)
class AbrData:
    """Splits of recordings, with what the engine asks of a data source."""

    splits: Mapping[str, AbrSplit]
    held_out: str  # the split that `evaluate` reports on unless told otherwise
    fingerprint: str  # sha256 of the settings, the seed and the contents of files
    subject_names: tuple[str, ...]  # a batch's `subject` is an index into these
    notices: tuple[str, ...] = ()
