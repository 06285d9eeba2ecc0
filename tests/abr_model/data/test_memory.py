"""Data that lie on disk stay there: anonymous memory does not grow with the data set."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from abr_model.data.recordings import Recordings
from abr_model.data.synthetic import make_recordings
from abr_model.data.write import About, write_parts

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/status").exists(), reason="anonymous memory is read from /proc"
)
POINTS, SUBJECTS, COPIES = 300, 600, 40  # 24,000 recordings, 115 MB

CHILD = """
import sys
from pathlib import Path
import numpy as np
from abr_model.config import RecordingsFolder, summarize_recordings
from abr_model.data.description import describe, grand_averages
from abr_model.data.measures import row_chunks
from abr_model.data.recordings import Recordings, arrays_of
from abr_model.data.store import open_dataset
from abr_model.data.write import write_dataset
from abr_model.loading import load_recordings

def anonymous_mb():
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) / 1024

folder = Path(sys.argv[1])
settings = RecordingsFolder(path=folder / "set", window_ms=15.0)
before = anonymous_mb()
most = 0.0

def look(what):
    global most
    grown = anonymous_mb() - before
    most = max(most, grown)
    print(f"{what}: {grown:.1f} MB", file=sys.stderr)

summarize_recordings(settings, 1)
look("summary")
data = load_recordings(settings, 1)
split = data.splits["train"]
look("load")
whole = split.batch(np.arange(len(split)))
for name in ("hearing_class", "threshold_db", "wave_latency_ms", "noise_uv", "has_halves"):
    whole[name]
look("labels of all")
order = np.random.default_rng(0).permutation(len(split))
for start in range(0, len(order) - 24, 24):
    batch = dict(split.batch(order[start : start + 24]))
look("an epoch of batches")
dataset = open_dataset(folder / "set", verify=True)
look("verified")
describe(dataset)
grand_averages(dataset.recordings)
look("described")
Recordings(**arrays_of(dataset.recordings))  # validates every value again
look("validated")
write_dataset(dataset, folder / "again")
look("written")
print(most)
"""


def test_nothing_takes_memory_in_proportion_to_the_data(tmp_path: Path) -> None:
    base = make_recordings(SUBJECTS, 1, 15.0, seed=1)
    about = About(
        count=SUBJECTS * COPIES,
        points=POINTS,
        subject_names=tuple(f"s{i}" for i in range(SUBJECTS)),
        with_truth=True,
    )

    def parts() -> Iterator[Recordings]:
        yield from [base] * COPIES

    write_parts(parts(), about, tmp_path / "set")
    size = sum(path.stat().st_size for path in (tmp_path / "set").iterdir()) / 1e6
    assert size > 110
    root = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(tmp_path)], capture_output=True, text=True, cwd=root
    )
    assert done.returncode == 0, done.stderr
    # What is left is torch's own, chunks of a few thousand rows, and the labels.
    assert float(done.stdout) < 0.3 * size, done.stderr
