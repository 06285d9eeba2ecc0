"""Write a data set as a folder of arrays with a manifest.

A data set larger than memory is written in parts (`write_parts`) and never held as a whole. The
folder appears under its name when all of it is on disk, or not at all.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import numpy as np
from numpy.typing import NDArray

from abr_model.data.dataset import Dataset
from abr_model.data.manifest import ArrayEntry, Manifest, expected_arrays
from abr_model.data.measures import row_chunks
from abr_model.data.recordings import Recordings, arrays_of
from abr_model.data.store import MANIFEST, is_dataset
from curriculum.errors import DataError

Progress = Callable[[int, int], None]
_HALVES = ("half_a_uv", "half_b_uv")


@attrs.frozen(kw_only=True)
class About:
    """What belongs to a data set besides its arrays; `count` recordings of `points` points."""

    count: int
    points: int
    subject_names: tuple[str, ...]
    sources: tuple[tuple[str, str], ...] = ()
    notices: tuple[str, ...] = ()
    z_scored: bool = False
    with_truth: bool = False  # whether truths are written; without, all are NaN
    with_halves: bool = True  # whether half-averages are written


def write_dataset(
    dataset: Dataset, folder: Path, *, force: bool = False, progress: Progress | None = None
) -> None:
    """Write a data set; raises as `write_parts` does."""
    made = dataset.recordings
    about = About(
        count=len(made),
        points=made.points,
        subject_names=dataset.subject_names,
        sources=dataset.sources,
        notices=dataset.notices,
        z_scored=dataset.z_scored,
        with_truth=bool(made.has_truth.any()),
        with_halves=bool(made.has_halves.any()),
    )
    parts = (made.select(rows) for rows in row_chunks(len(made)))
    write_parts(parts, about, folder, force=force, progress=progress)


def write_parts(
    parts: Iterable[Recordings],
    about: About,
    folder: Path,
    *,
    force: bool = False,
    progress: Progress | None = None,
) -> None:
    """Write recordings that come in parts, each of which is dropped before the next is asked for.

    The folder is written beside its place and renamed. `force`: a data set that is there is
    replaced; nothing but a data set ever is. `progress(done, of)` counts recordings.

    Raises:
        DataError: something is there already, the parts are not what `about` says, or the disk
            cannot be written.
    """
    refuse_to_overwrite(folder, force=force)
    beside = folder.with_name(f".{folder.name}.partial-{os.getpid()}")
    try:
        beside.mkdir(parents=True)
        _write(parts, about, beside, progress)
        _put_in_place(beside, folder)
    except OSError as error:
        raise DataError(
            "the data set must be writable",
            found=error.strerror or str(error),
            where=str(error.filename or folder),
            hint="Check the space on the disk and who may write there",
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def refuse_to_overwrite(folder: Path, *, force: bool) -> None:
    """Check that a data set may be written there.

    Raises:
        DataError: something is there, and it is no data set or nobody said to replace it.
    """
    if not (folder.exists() or folder.is_symlink()):
        return
    if force and is_dataset(folder) and not folder.is_symlink():
        return
    hint = "Give another name" if force else "Give another name, or replace it with `--force`"
    found = "a data set" if is_dataset(folder) else "something else"
    raise DataError("there must be nothing yet", found=found, where=str(folder), hint=hint)


def _write(
    parts: Iterable[Recordings], about: About, folder: Path, progress: Progress | None
) -> None:
    expected = expected_arrays(about.count, about.points)
    absent = [] if about.with_truth else ["truth_uv"]
    absent += [] if about.with_halves else list(_HALVES)
    files = {
        name: _ArrayFile(folder / f"{name}.npy", dtype, shape)
        for name, (dtype, shape, _) in expected.items()
        if name not in absent
    }
    done = 0
    try:
        for part in parts:
            _check_part(part, about)
            for name, array in arrays_of(part).items():
                if name in files:
                    files[name].append(array)
            done += len(part)
            if progress is not None:
                progress(done, about.count)
    finally:
        shas = {name: file.close() for name, file in files.items()}
    if done != about.count:
        raise DataError(f"the parts must have {about.count} recordings together", found=done)
    entries = {
        name: ArrayEntry(file=f"{name}.npy", dtype=dtype, shape=shape, unit=unit, sha256=shas[name])
        for name, (dtype, shape, unit) in expected.items()
        if name in files
    }
    manifest = Manifest(
        count=about.count,
        points=about.points,
        z_scored=about.z_scored,
        arrays=entries,
        subject_names=about.subject_names,
        sources=about.sources,
        notices=about.notices,
    )
    with (folder / MANIFEST).open("w", encoding="utf-8") as file:
        file.write(manifest.to_json())
        file.flush()
        os.fsync(file.fileno())


def _check_part(part: Recordings, about: About) -> None:
    if part.points != about.points:
        raise DataError(f"each recording must have {about.points} points", found=part.points)
    for what, there, has in (
        ("truths", about.with_truth, part.has_truth),
        ("halves", about.with_halves, part.has_halves),
    ):
        if not there and has.any():
            raise DataError(f"a part must have no {what}, as was said of all", found="some")


class _ArrayFile:
    """A `.npy` file that grows; its header says the shape that it will have."""

    def __init__(self, path: Path, dtype: str, shape: tuple[int, ...]) -> None:
        self._dtype = np.dtype(dtype)
        self._file: BinaryIO = path.open("w+b")
        self._sha = hashlib.sha256()
        header = {"descr": dtype, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, header)
        self._file.seek(0)
        self._sha.update(self._file.read())

    def append(self, array: NDArray[Any]) -> None:
        rows = memoryview(np.ascontiguousarray(array, self._dtype)).cast("B")
        self._sha.update(rows)
        self._file.write(rows)

    def close(self) -> str:
        """The sha256 of the file, which is now on disk."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return self._sha.hexdigest()


def _put_in_place(beside: Path, folder: Path) -> None:
    old = folder.with_name(f".{folder.name}.replaced-{os.getpid()}")
    if folder.exists():
        folder.rename(old)
    beside.rename(folder)
    parent = os.open(folder.parent, os.O_RDONLY)
    try:
        os.fsync(parent)
    finally:
        os.close(parent)
    shutil.rmtree(old, ignore_errors=True)
