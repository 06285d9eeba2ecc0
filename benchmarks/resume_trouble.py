"""Exact resume in trouble: kill a run while it calibrates, rolls back, goes on longer or rehearses.

    python benchmarks/resume_trouble.py [--kills 40] [--seed 0] [--minutes 8]

The plan is `benchmarks/trouble.yaml`. A reference run is never killed. Each other run is killed
with SIGKILL from inside, at an event of the moment that is tried or up to 30 ms after it, resumed
by the same command in a new process, and compared with the reference: `weights_sha256` of every
phase, and the journal's live records but for their times. Results are kept after every kill; the
same command goes on from there. Writes `benchmarks/results/resume_trouble.md`.
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
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.cli import run  # noqa: E402 - the checkout beside this file
from curriculum import journal  # noqa: E402
from curriculum.events import Event, Extended, Heartbeat, RolledBack, Step  # noqa: E402

PLAN = ROOT / "benchmarks" / "trouble.yaml"
RESULTS = ROOT / "benchmarks" / "results" / "resume_trouble.md"
VARIABLE = "ABR_KILL"  # moment, number of the event, seconds after it


class Watch:
    """Whether an event belongs to a moment; sees all events of a run, in order."""

    def __init__(self) -> None:
        self._stretch: str | None = None

    def moment(self, event: Event) -> str | None:
        """The moment that an event is in, if it is in one."""
        if isinstance(event, Extended):
            self._stretch = event.kind
        elif event.event == "phase_ended":
            self._stretch = None
        if isinstance(event, Heartbeat) and event.doing == "calibrating":
            return "calibration"
        if isinstance(event, RolledBack):
            return "rollback"
        if isinstance(event, Step | Extended) and self._stretch is not None:
            return {"extend": "extension", "rehearse": "rehearsal"}[self._stretch]
        return None


MOMENTS = ("calibration", "rollback", "extension", "rehearsal")


def child() -> None:
    """The run, in a process that kills itself where it is told to."""
    moment, number, seconds = json.loads(os.environ[VARIABLE])
    watch, seen = Watch(), 0
    on_event = journal.Journal.on_event

    def watched(self: journal.Journal, event: Event) -> None:
        nonlocal seen
        if watch.moment(event) == moment:
            seen += 1
            if seen == number:
                threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGKILL)).start()
        on_event(self, event)

    journal.Journal.on_event = watched  # type: ignore[method-assign] - the first to hear of it
    run()


def start(folder: Path, kill: tuple[str, int, float] = ("", 0, 0.0)) -> tuple[int, str]:
    """Run the plan in a new process; its exit code and what it printed."""
    command = [sys.executable, str(Path(__file__)), "run", str(PLAN), "--json", "--threads", "1"]
    options = ["--runs-dir", str(folder), "--experiment", "x", "--set", "checkpoints.every=3 steps"]
    environment = {**os.environ, VARIABLE: json.dumps(kill)}
    done = subprocess.run(
        [*command, *options], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode not in (0, -signal.SIGKILL):
        raise SystemExit(f"the run failed with {done.returncode}:\n{done.stderr}")
    return done.returncode, done.stdout


def outcome(folder: Path, printed: str) -> list[object]:
    """What counts: weights of each phase, and the live records without times and checksums."""
    weights = [phase["weights_sha256"] for phase in json.loads(printed)["phases"]]
    kept = {"step", "evaluated", "balance_watched", "phase_ended", "calibrated", "skipped"}
    records = journal.live(journal.read(folder / "x" / "journal.jsonl"))
    return [
        weights,
        *({k: v for k, v in r.items() if k not in {"time", "crc32"}} for r in records
          if r["event"] in kept),
    ]  # fmt: skip


def moments_of(folder: Path) -> Mapping[str, int]:
    """How many rollbacks, and steps of an extension and of a rehearsal, the reference has."""
    records = journal.read(folder / "x" / "journal.jsonl")
    steps: Counter[str] = Counter()
    for record in records:
        if record["event"] == "extended":
            name = {"extend": "extension", "rehearse": "rehearsal"}[record["kind"]]
            steps[name] += record["steps"]
    rolled = sum(record["event"] == "rolled_back" for record in records)
    calibrations = sum(record["event"] == "calibrated" for record in records)
    return {"calibration": 16 * calibrations, "rollback": rolled, **steps}


def try_once(folder: Path, moment: str, most: int, chance: random.Random) -> str | None:
    """Kill a run at a moment; what the resumed run printed, or None where it was not killed."""
    shutil.rmtree(folder, ignore_errors=True)
    kill = (moment, chance.randint(1, max(1, most)), chance.uniform(0.0, 0.03))
    code, _ = start(folder, kill)
    return start(folder)[1] if code == -signal.SIGKILL else None


def main() -> None:
    """Kill, resume, compare, and write the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=1e6, help="stop after so many")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "abr-trouble")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file to write")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    reference, table = options.folder / "reference", options.folder / f"tried-{options.seed}.json"
    shutil.rmtree(reference, ignore_errors=True)
    expected = outcome(reference, start(reference)[1])
    counts = moments_of(reference)
    tried: list[dict[str, object]] = json.loads(table.read_text()) if table.exists() else []
    ends, number = time.monotonic() + options.minutes * 60, len(tried)
    while len(tried) < options.kills and time.monotonic() < ends:
        moment = MOMENTS[number % len(MOMENTS)]
        chance = random.Random(f"{options.seed}/{number}")
        number += 1
        folder = options.folder / "killed"
        printed = try_once(folder, moment, counts.get(moment, 0), chance)
        if printed is None:  # the run ended within the milliseconds before the signal
            continue
        same = outcome(folder, printed) == expected
        tried.append({"moment": moment, "same": same})
        table.write_text(json.dumps(tried))
        print(f"  {len(tried)}: {moment}: {'same' if same else 'DIFFERENT'}", file=sys.stderr)
    text = report(tried, counts, expected)
    options.results.write_text(text, encoding="utf-8")
    print(text, end="")
    sys.exit(0 if all(each["same"] for each in tried) else 1)


def report(
    tried: list[dict[str, object]], counts: Mapping[str, int], expected: list[object]
) -> str:
    """The table, in Markdown."""
    steps = sum("'event': 'step'" in str(record) for record in expected)
    columns: list[Callable[[str], int]] = [
        lambda moment: counts.get(moment, 0),
        lambda moment: sum(each["moment"] == moment for each in tried),
        lambda moment: sum(each["moment"] == moment and bool(each["same"]) for each in tried),
    ]
    rows = [f"| {m} | {' | '.join(str(column(m)) for column in columns)} |" for m in MOMENTS]
    total, same = len(tried), sum(bool(each["same"]) for each in tried)
    what = (
        "`python benchmarks/resume_trouble.py`: runs of `benchmarks/trouble.yaml` "
        f"({steps} steps that count) killed with SIGKILL at such moments, resumed in a new "
        "process, and compared with a run that was never killed."
    )
    return "\n".join(
        [
            "# Exact resume in trouble",
            "",
            what,
            "",
            "| killed during | such moments in a run | tried | ended the same |",
            "|---|---|---|---|",
            *rows,
            f"| all |  | {total} | {same} |",
            "",
            f"One thread, {platform.platform()}, Python {platform.python_version()}.",
            "",
        ]
    )


if __name__ == "__main__":
    child() if VARIABLE in os.environ else main()
