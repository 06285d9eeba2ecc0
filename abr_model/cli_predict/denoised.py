"""Denoised recordings as a `.npz` file, which grows chunk by chunk."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from abr_model.data.recordings import SAMPLE_RATE_HZ


class DenoisedFile:
    """A context; at its end the file holds N recordings of T points.

    - `denoised_uv` (N, T) float32, µV (z-scored data: standard deviations of the recording)
    - `subject` (N,) text, `level_db` (N,) float32, dB nHL
    - `sample_rate_hz`, a number

    The waveforms are never in memory as a whole.
    """

    def __init__(self, path: Path, count: int) -> None:
        self._path, self._count = path, count
        self._subjects: list[str] = []
        self._levels: list[NDArray[np.float32]] = []
        self._waves: Any = None

    def __enter__(self) -> DenoisedFile:
        self._archive = zipfile.ZipFile(self._path, "w", zipfile.ZIP_STORED)
        return self

    def append(self, denoised_BT: Tensor, subjects: Sequence[str], level_B: Tensor) -> None:
        """Add recordings."""
        waves = np.ascontiguousarray(denoised_BT.numpy(), "<f4")
        if self._waves is None:
            self._waves = self._archive.open("denoised_uv.npy", "w", force_zip64=True)
            shape = (self._count, waves.shape[1])
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(self._waves, header)
        self._waves.write(waves.tobytes())
        self._subjects += subjects
        self._levels.append(level_B.numpy())

    def __exit__(self, failure: object, *_: object) -> None:
        if self._waves is not None:
            self._waves.close()
        if failure is None:
            self._write("subject", np.asarray(self._subjects))
            self._write("level_db", np.concatenate(self._levels).astype("<f4"))
            self._write("sample_rate_hz", np.float64(SAMPLE_RATE_HZ))
        self._archive.close()

    def _write(self, name: str, array: Any) -> None:
        with self._archive.open(f"{name}.npy", "w") as file:
            np.lib.format.write_array(file, np.asarray(array), allow_pickle=False)
