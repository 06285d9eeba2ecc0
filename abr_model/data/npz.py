"""A small data set as one `.npz` file: the same arrays and manifest as a folder has."""

from __future__ import annotations

import hashlib
import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from abr_model.data.dataset import Dataset
from abr_model.data.manifest import (
    DAMAGED,
    OPTIONAL,
    ArrayEntry,
    Manifest,
    expected_arrays,
    parse_manifest,
)
from abr_model.data.recordings import Recordings, arrays_of, unknown
from curriculum.errors import DataError

MOST_BYTES = 4 << 30  # unpacked; what is larger belongs in a folder, which is memory-mapped
_MANIFEST = "manifest.json"


def is_npz(path: Path) -> bool:
    """Whether a file is a data set in one file."""
    try:
        with zipfile.ZipFile(path) as archive:
            return _MANIFEST in archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return False


def write_npz(dataset: Dataset, path: Path, *, force: bool = False) -> None:
    """Write a data set into one file, beside its place and then renamed.

    Raises:
        DataError: something is there already and `force` is not given, or the disk cannot be
            written.
    """
    refuse_to_overwrite_file(path, force=force)
    made = dataset.recordings
    arrays = arrays_of(made)
    for name in OPTIONAL:
        if not np.isfinite(arrays[name]).any():
            del arrays[name]
    expected = expected_arrays(len(made), made.points)
    files = {name: _npy(np.ascontiguousarray(a, expected[name][0])) for name, a in arrays.items()}
    entries = {}
    for name, content in files.items():
        dtype, shape, unit = expected[name]
        sha = hashlib.sha256(content).hexdigest()
        entries[name] = ArrayEntry(
            file=f"{name}.npy", dtype=dtype, shape=shape, unit=unit, sha256=sha
        )
    manifest = Manifest(
        count=len(made),
        points=made.points,
        z_scored=dataset.z_scored,
        arrays=entries,
        subject_names=dataset.subject_names,
        sources=dataset.sources,
        notices=dataset.notices,
    )
    beside = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(beside, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(_entry(f"{name}.npy"), content)
            archive.writestr(_entry(_MANIFEST), manifest.to_json())
        beside.replace(path)
    except OSError as error:
        raise DataError(
            "the file must be writable", found=error.strerror, where=str(path)
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def refuse_to_overwrite_file(path: Path, *, force: bool) -> None:
    """Check that a data set may be written there.

    Raises:
        DataError: something is there, and it is no data set or nobody said to replace it.
    """
    if path.exists() and not (force and is_npz(path)):
        raise DataError(
            "there must be nothing yet",
            found="a data set" if is_npz(path) else "something else",
            where=str(path),
            hint="Give another name, or replace a data set with `--force`",
        )


def open_npz(path: Path) -> Dataset:
    """Read a data set in one file, and compare every array with its sha256.

    Raises:
        DataError: it is damaged, or larger than belongs in one file.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(info.file_size for info in archive.infolist())
            if size > MOST_BYTES:
                raise DataError(
                    f"a data set in one file must unpack to {MOST_BYTES >> 30} GB at most",
                    found=f"{size / (1 << 30):.1f} GB",
                    where=str(path),
                    hint="Import it into a folder",
                )
            text = archive.read(_MANIFEST).decode("utf-8")
            manifest = parse_manifest(text, f"{path}:{_MANIFEST}")
            arrays = {
                name: _read(archive.read(entry.file), name, entry, path)
                for name, entry in manifest.arrays.items()
            }
    except (
        OSError,
        zipfile.BadZipFile,
        KeyError,
        UnicodeDecodeError,
        NotImplementedError,
    ) as error:
        raise DataError(
            "the file must be a data set, whole",
            found=str(error).strip("'\""),
            where=str(path),
            hint=DAMAGED,
        ) from None
    for name in OPTIONAL:
        arrays.setdefault(name, unknown(manifest.count, manifest.points))
    try:
        return Dataset(
            recordings=Recordings.of_checked(arrays),
            subject_names=manifest.subject_names,
            content=manifest.content,
            sources=manifest.sources,
            notices=manifest.notices,
            z_scored=manifest.z_scored,
        )
    except DataError as error:
        raise DataError(error.must, found=error.found, where=str(path), hint=DAMAGED) from None


def _entry(name: str) -> zipfile.ZipInfo:
    """A member of a fixed date, so that the same data set gives the same file."""
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def _npy(array: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array(file, array, allow_pickle=False)
    return file.getvalue()


def _read(content: bytes, name: str, entry: ArrayEntry, path: Path) -> NDArray[Any]:
    try:
        array = np.lib.format.read_array(io.BytesIO(content), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise DataError(
            f"`{name}` must be an array of plain numbers, whole",
            found=str(error).split(".")[0].lower(),
            where=str(path),
            hint=DAMAGED,
        ) from None
    same = (array.dtype.str, array.shape) == (entry.dtype, entry.shape)
    if not same or hashlib.sha256(content).hexdigest() != entry.sha256:
        raise DataError(
            f"`{name}` must be as the manifest says",
            found=f"{array.dtype.str} of shape {array.shape}, other bytes",
            where=str(path),
            hint=DAMAGED,
        )
    return array
