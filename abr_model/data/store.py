"""A data set on disk: a folder of memory-mapped arrays with a manifest.

    open_dataset(folder).recordings.recording_uv  # a memory map: nothing is read yet

See `abr_model.data.write` for how it is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abr_model.data.dataset import Dataset
from abr_model.data.manifest import DAMAGED, ArrayEntry, Manifest, parse_manifest
from abr_model.data.recordings import Recordings, unknown
from curriculum.errors import DataError

MANIFEST = "manifest.json"
Progress = Callable[[int, int], None]
_BLOCK = 1 << 22  # bytes read at once to hash a file


def is_dataset(path: Path) -> bool:
    """Whether a folder holds a data set."""
    return (path / MANIFEST).is_file()


def open_dataset(
    folder: Path, *, verify: bool = False, progress: Progress | None = None
) -> Dataset:
    """A data set as it lies on disk: its arrays are memory maps.

    Sizes, types and shapes are checked, and all that has one value a recording. `verify` reads
    everything and compares it with the sha256 of the manifest; `progress(done, of)` counts bytes.

    Raises:
        DataError: the folder holds no data set, or it is damaged.
    """
    manifest = read_manifest(folder)
    arrays = {name: _open(folder, name, entry) for name, entry in manifest.arrays.items()}
    if verify:
        _verify(folder, manifest, progress)
    for name in ("truth_uv", "half_a_uv", "half_b_uv"):
        arrays.setdefault(name, unknown(manifest.count, manifest.points))
    try:
        recordings = Recordings.of_checked(arrays)
        return Dataset(
            recordings=recordings,
            subject_names=manifest.subject_names,
            content=manifest.content,
            sources=manifest.sources,
            notices=manifest.notices,
            z_scored=manifest.z_scored,
        )
    except DataError as error:
        raise DataError(error.must, found=error.found, where=str(folder), hint=DAMAGED) from None


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a data set.

    Raises:
        DataError: there is none, or it is damaged.
    """
    path = folder / MANIFEST
    try:
        text = _inside(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            "a data set's folder must hold a manifest",
            found=getattr(error, "strerror", None) or "bytes that are not UTF-8",
            where=str(path),
        ) from None
    return parse_manifest(text, str(path))


def _inside(path: Path) -> Path:
    """The path, which must be a file of its folder and not a link to somewhere else."""
    if path.is_symlink():
        raise DataError(
            "a data set's file must lie in its own folder", found="a link", where=str(path)
        )
    return path


def _open(folder: Path, name: str, entry: ArrayEntry) -> NDArray[Any]:
    path = _inside(folder / entry.file)
    try:
        array = np.load(path, mmap_mode="r" if 0 not in entry.shape else None, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise DataError(
            f"`{name}` must be an array of plain numbers, whole",
            found=getattr(error, "strerror", None) or str(error).split(".")[0].lower(),
            where=str(path),
            hint=DAMAGED,
        ) from None
    size = path.stat().st_size
    header = size - array.nbytes
    if (array.dtype.str, array.shape) != (entry.dtype, entry.shape) or not 0 < header <= 1 << 12:
        raise DataError(
            f"`{name}` must be as the manifest says: {entry.dtype} of shape {entry.shape}",
            found=f"{array.dtype.str} of shape {array.shape} in {size} bytes",
            where=str(path),
            hint=DAMAGED,
        )
    if not array.flags.c_contiguous:
        raise DataError(f"`{name}` must be stored row by row", where=str(path), hint=DAMAGED)
    return np.asarray(array)


def _verify(folder: Path, manifest: Manifest, progress: Progress | None) -> None:
    paths = {name: folder / entry.file for name, entry in manifest.arrays.items()}
    of, done = sum(path.stat().st_size for path in paths.values()), 0
    for name, path in paths.items():
        sha = hashlib.sha256()
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                sha.update(block)
                done += len(block)
                if progress is not None:
                    progress(done, of)
        if sha.hexdigest() != manifest.arrays[name].sha256:
            raise DataError(
                f"`{name}` must have the sha256 of the manifest",
                found="other bytes",
                where=str(path),
                hint=DAMAGED,
            )
