"""Find recordings at a path, whatever form they have: a data set, or files of a known format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from abr_model.data.dataset import Dataset
from abr_model.data.npz import is_npz, open_npz
from abr_model.data.readers import Options, read_path, read_paths
from abr_model.data.store import is_dataset, open_dataset

Progress = Callable[[int, int], None]


def find_recordings(path: Path, window_ms: float) -> Dataset:
    """The recordings at a path, in a window from stimulus onset, in ms.

    A data set's folder stays on disk (memory-mapped); a `.npz` and files of clinical formats are
    read into memory. What a path holds is detected by content, never by name.

    Raises:
        DataError: there is nothing that can be read, it is damaged, or shorter than the window.
    """
    found = open_any(Path(path))
    if found is not None:
        return found.in_window(window_ms, str(path))
    return read_path(Path(path), Options(window_ms=window_ms))


def open_any(
    path: Path, *, verify: bool = False, progress: Progress | None = None
) -> Dataset | None:
    """The data set at a path, or None where there is something else; see `open_dataset`."""
    if is_dataset(path):
        return open_dataset(path, verify=verify, progress=progress)
    if path.is_file() and is_npz(path):
        return open_npz(path)
    return None


def gather(
    paths: Sequence[Path], options: Options, format: str | None, progress: Progress
) -> Dataset:
    """What `data import` writes: files of known formats together, or one data set as it is.

    Raises:
        DataError: there is nothing that can be read, or a file is damaged.
    """
    if len(paths) == 1:
        found = open_any(paths[0], verify=True, progress=progress)
        if found is not None:
            return found.in_window(options.window_ms, str(paths[0]))
    return read_paths(paths, options, format=format, progress=progress)
