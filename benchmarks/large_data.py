"""Does training hold a data set in memory? Writes one of a given size, trains on it, and watches.

    python benchmarks/large_data.py --gigabytes 8

The data set is made and written in parts, every byte of it is written (no holes), and a recording
has noise of its own. Training runs in a process of its own, whose anonymous memory (`RssAnon` of
/proc/PID/status) is sampled: the pages of memory-mapped files are not in it, all that the process
allocates is. What counts is how much it grows from the first step to the end. Linux only.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.data.recordings import Recordings  # noqa: E402 - the checkout beside this file
from abr_model.data.synthetic import make_recordings  # noqa: E402
from abr_model.data.write import About, write_parts  # noqa: E402

WINDOW_MS = 15.0
POINTS = 300
PER_SUBJECT = 10
BYTES = 4 * 4 * POINTS + 90  # of a recording: four waveforms, and its labels
GOAL_MB = 500
PLAN = """
experiment: large
seed: 1
model: {{kind: abr_unet, base_channels: 8, n_levels: 2, state_size: 4, n_attention_layers: 0}}
data: {{kind: recordings, path: "{path}", validation_share: {share}, test_share: {share}}}
defaults:
  global_batch: 24
  schedule: {{kind: cosine, warmup: 20 steps}}
phases:
  - {{name: signal, turn_on: {{signal: 1.0}}, duration: {steps} steps}}
  - {{name: classification, turn_on: {{classification: 0.5}}, duration: {steps} steps}}
  - name: rest
    turn_on: {{peak_existence: 0.3, peak_latency: 0.3, peak_amplitude: 0.3, threshold: 0.3}}
    duration: {steps} steps
"""


@attrs.frozen
class Sample:
    """Anonymous memory at a moment, and whether a step had been trained."""

    megabytes: float
    training: bool


def parts(subjects: int) -> Iterator[Recordings]:
    """Recordings of so many subjects; the ears repeat after a while, their noise does not."""
    ears = 500
    base = make_recordings(ears, PER_SUBJECT, WINDOW_MS, seed=1)
    noise = np.random.default_rng(2)
    for first in range(0, subjects, ears):
        part = base.select(slice(0, min(ears, subjects - first) * PER_SUBJECT))
        size = part.noise_uv[:, None] * np.float32(np.sqrt(2))
        a, b = (
            part.truth_uv + size * noise.standard_normal(part.truth_uv.shape, np.float32)
            for _ in range(2)
        )
        yield attrs.evolve(
            part, recording_uv=(a + b) / 2, half_a_uv=a, half_b_uv=b, subject=part.subject + first
        )


def write(folder: Path, gigabytes: float) -> int:
    """Write a data set of this size; returns how many recordings it has."""
    subjects = max(500, round(gigabytes * 1e9 / BYTES / PER_SUBJECT))
    about = About(
        count=subjects * PER_SUBJECT,
        points=POINTS,
        subject_names=tuple(f"large-{subject}" for subject in range(subjects)),
        with_truth=True,
    )
    write_parts(parts(subjects), about, folder, force=True, progress=_progress)
    print(file=sys.stderr)
    return about.count


def _progress(done: int, of: int) -> None:
    print(f"\r  written {done} of {of}", end="", file=sys.stderr)


def train(plan: Path, runs: Path) -> list[Sample]:
    """Train in a process of its own and sample its memory."""
    code = "import sys; from abr_model.cli import run; run()"
    command = [sys.executable, "-c", code, "run", str(plan), "--runs-dir", str(runs)]
    journal = runs / "large" / "journal.jsonl"
    found: list[Sample] = []
    training = False
    options = ["--threads", "2", "--quiet", "--json"]
    with subprocess.Popen([*command, *options], stdout=subprocess.DEVNULL) as child:
        while child.poll() is None:
            megabytes = _anonymous_mb(child.pid)
            training = training or (journal.exists() and '"event":"step"' in journal.read_text())
            if megabytes is not None:
                found.append(Sample(megabytes, training))
            time.sleep(0.2)
    if child.returncode:
        sys.exit(f"training ended with {child.returncode}")
    return found


def _anonymous_mb(pid: int) -> float | None:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return None
    line = next((line for line in status.splitlines() if line.startswith("RssAnon:")), None)
    return int(line.split()[1]) / 1024 if line else None


def main() -> None:
    """Write, train, report; exit code 1 where memory grew beyond the goal."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--gigabytes", type=float, default=8.0)
    parser.add_argument("--steps", type=int, default=150, help="of each of three phases")
    parser.add_argument("--share", type=float, default=0.005, help="in validation, and in test")
    parser.add_argument("--folder", type=Path, default=Path("runs/large-data"))
    parser.add_argument("--keep", action="store_true", help="the data set, and use it if there")
    options = parser.parse_args()
    data, runs = options.folder / "set", options.folder / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    start = time.perf_counter()
    if not (options.keep and data.exists()):
        print(f"writing {options.gigabytes:g} GB to {data}", file=sys.stderr)
        write(data, options.gigabytes)
    took = time.perf_counter() - start
    size = sum(path.stat().st_size for path in data.iterdir())
    held = sum(path.stat().st_blocks * 512 for path in data.iterdir())
    plan = options.folder / "large.yaml"
    plan.write_text(PLAN.format(path=data.resolve(), share=options.share, steps=options.steps))
    start = time.perf_counter()
    found = train(plan, runs)
    seconds = time.perf_counter() - start
    during = [sample.megabytes for sample in found if sample.training]
    before = during[0]
    growth = statistics.median(during[-10:]) - before
    peak = max(during) - before
    steps, most = 3 * options.steps, max(sample.megabytes for sample in found)
    print(f"data set             {size / 1e9:.2f} GB, of which {held / 1e9:.2f} GB are on disk")
    print(f"written in           {took:.0f} s")
    print(f"trained              {steps} steps in {seconds:.0f} s, loading and evaluation included")
    print(f"RssAnon              {before:.0f} MB at the first step, {most:.0f} MB at most")
    print(f"growth to the end    {growth:.0f} MB")
    print(f"growth at most       {peak:.0f} MB (goal: below {GOAL_MB} MB)")
    if not options.keep:
        shutil.rmtree(options.folder)
    sys.exit(0 if peak < GOAL_MB else 1)


if __name__ == "__main__":
    main()
