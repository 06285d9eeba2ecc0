"""Find recordings at a path, whatever form they have: a data set, or files of a known format."""

from __future__ import annotations

from pathlib import Path

from abr_model.data.dataset import Dataset
from abr_model.data.npz import is_npz, open_npz
from abr_model.data.readers import Options, read_path
from abr_model.data.store import is_dataset, open_dataset


def find_recordings(path: Path, window_ms: float) -> Dataset:
    """The recordings at a path, in a window from stimulus onset, in ms.

    A data set's folder stays on disk (memory-mapped); a `.npz` and files of clinical formats are
    read into memory. What a path holds is detected by content, never by name.

    Raises:
        DataError: there is nothing that can be read, it is damaged, or shorter than the window.
    """
    path = Path(path)
    if is_dataset(path):
        return open_dataset(path).in_window(window_ms, str(path))
    if path.is_file() and is_npz(path):
        return open_npz(path).in_window(window_ms, str(path))
    return read_path(path, Options(window_ms=window_ms))
