"""Exact resume: kill a run at random moments, resume it each time, and compare how it ends.

    python benchmarks/resume.py [--plan phases/smoke.yaml] [--kills 50] [--seed 0]

A reference run is never killed. Then one run after another is started on a fresh folder and killed
with SIGKILL: at a random time, inside a save, inside an evaluation, or between phases. After each
kill the same command resumes it in a new process, to the end, and two things are compared with the
reference: `weights_sha256` of every phase, and the journal's step and evaluation records but for
their times. The result is kept after every kill, so that a benchmark that is stopped goes on where
it was.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from curriculum import journal  # noqa: E402 - the checkout beside this file

MOMENTS = ("any time", "inside a save", "inside an evaluation", "between phases")


def command(plan: Path, folder: Path) -> list[str]:
    """The run, as a user starts it."""
    program = "from abr_model.cli import run; run()"
    options = ["--runs-dir", str(folder), "--experiment", "x", "--threads", "1", "--json"]
    every = ["--set", "checkpoints.every=3 steps"]
    return [sys.executable, "-c", program, "run", str(plan), *options, *every]


def start(plan: Path, folder: Path) -> subprocess.Popen[str]:
    """Start it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(
        command(plan, folder), stdout=pipe, stderr=pipe, text=True, env=environment
    )


def finish(plan: Path, folder: Path) -> tuple[list[str], float]:
    """Run to the end; returns the weights of each phase and the seconds that it took."""
    began = time.monotonic()
    process = start(plan, folder)
    out, err = process.communicate()
    if process.returncode != 0:
        raise SystemExit(f"the run failed with {process.returncode}:\n{err}")
    weights = [phase["weights_sha256"] for phase in json.loads(out)["phases"]]
    return weights, time.monotonic() - began


def trained(folder: Path) -> list[journal.Record]:
    """What counts of the journal, without the times."""
    records = journal.live(journal.read(folder / "x" / "journal.jsonl"))
    return [
        {name: value for name, value in record.items() if name not in {"time", "crc32"}}
        for record in records
        if record["event"] in {"step", "evaluated"}
    ]


def kill(plan: Path, folder: Path, moment: str, seconds: float, chance: random.Random) -> bool:
    """Start a run and kill it at a moment; False if it ended before."""
    process = start(plan, folder)
    nth = chance.randrange(1, 12)
    after = chance.uniform(0.0, seconds)
    is_now = watch(folder / "x", moment, nth)
    began = time.monotonic()
    while process.poll() is None:
        if is_now() if moment != "any time" else time.monotonic() - began > after:
            # A save takes milliseconds; step 10 and the evaluation after it take a tenth of a
            # second.
            time.sleep(chance.uniform(0.0, 0.15 if moment == "inside an evaluation" else 0.004))
            process.send_signal(signal.SIGKILL)
            break
        time.sleep(0.0005)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def watch(run: Path, moment: str, nth: int) -> Callable[[], bool]:
    """Whether the run is, for the n-th time, at such a moment, seen from outside."""
    seen: set[str] = set()

    def saving() -> bool:
        seen.update(str(path) for path in run.glob("checkpoints/*/.saving-*"))
        return len(seen) >= nth

    def after_lines(event: str, count: int) -> bool:
        try:
            lines = (run / "journal.jsonl").read_bytes()
        except OSError:
            return False
        return lines.count(f'"event":"{event}"'.encode()) >= count

    if moment == "inside a save":
        return saving
    if moment == "between phases":
        return lambda: after_lines("phase_ended", 1 + nth % 3)

    def evaluating() -> bool:
        # The journal reaches the disk at saves: the one before an evaluation is at step 9 of 10.
        folders = sorted(run.glob("checkpoints/*"))
        phase = min(nth % 4, 3)
        return len(folders) > phase and (folders[phase] / "step-00000009").exists()

    return evaluating


def main() -> None:
    """Kill, resume, compare, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--plan", type=Path, default=ROOT / "phases" / "smoke.yaml")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--minutes", type=float, default=None, help="stop after so many; run again to go on"
    )
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "abr-resume")
    options = parser.parse_args()
    table = options.folder / f"tried-{options.plan.stem}-{options.seed}.json"
    options.folder.mkdir(parents=True, exist_ok=True)
    reference = options.folder / "reference"
    shutil.rmtree(reference, ignore_errors=True)
    weights, seconds = finish(options.plan, reference)
    expected = trained(reference)
    tried: list[dict[str, object]] = json.loads(table.read_text()) if table.exists() else []
    ends = time.monotonic() + (options.minutes or 1e6) * 60
    while len(tried) < options.kills and time.monotonic() < ends:
        number = len(tried)
        chance = random.Random(f"{options.seed}/{number}")
        moment = MOMENTS[number % len(MOMENTS)]
        folder = options.folder / "killed"
        shutil.rmtree(folder, ignore_errors=True)
        was_killed = kill(options.plan, folder, moment, seconds, chance)
        found, _ = finish(options.plan, folder)
        same = found == weights and trained(folder) == expected
        if was_killed:
            tried.append({"moment": moment, "same": same})
            table.write_text(json.dumps(tried))
        else:  # the run was faster than the watch; that is no kill
            print(
                f"  {number}: ended before it was killed ({moment}), tried again", file=sys.stderr
            )
            options.seed += 1000
        print(f"  {number + 1}: {moment}: {'same' if same else 'DIFFERENT'}", file=sys.stderr)
    report(options.plan, weights, expected, tried)
    sys.exit(0 if all(each["same"] for each in tried) else 1)


def report(
    plan: Path, weights: list[str], expected: list[journal.Record], tried: list[dict[str, object]]
) -> None:
    """The table."""
    steps = sum(record["event"] == "step" for record in expected)
    print(f"{plan.name}: {len(weights)} phases, {steps} steps, one thread, {platform.platform()}")
    print(f"{'killed':24}{'tried':>7}{'ended the same':>17}")
    counts = Counter(str(each["moment"]) for each in tried)
    same = Counter(str(each["moment"]) for each in tried if each["same"])
    for moment in MOMENTS:
        print(f"{moment:24}{counts[moment]:7}{same[moment]:17}")
    print(f"{'all':24}{counts.total():7}{same.total():17}")


if __name__ == "__main__":
    main()
