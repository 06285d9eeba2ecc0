"""The full preset on a CPU: built, trained for one step, saved and loaded, within 24 GB of memory.

    python benchmarks/full_model.py [--subjects 200] [--threads 1]

The plan is `phases/full.yaml` with fewer subjects; every task is on in the step, with the plan's
batch and micro-batches. It runs in a process of its own, whose peak of resident memory is reported.
Exit code 1 where it needs more, or has not 46.37 million parameters within 1 %.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.config import ABR_KINDS  # noqa: E402 - the checkout beside this file
from curriculum.config import load_plan  # noqa: E402
from curriculum.events import Event  # noqa: E402
from curriculum.run.assemble import build_seeded, load_data  # noqa: E402
from curriculum.run.folder import RunFolder  # noqa: E402
from curriculum.run.probe import parameters_by_part  # noqa: E402
from curriculum.run.restored import load_last_state  # noqa: E402
from curriculum.run.runner import Request, run  # noqa: E402
from curriculum.state import restore, tensors_sha256  # noqa: E402

PLAN = ROOT / "phases" / "full.yaml"
ALL = "signal classification peak_existence peak_latency peak_amplitude threshold"
OVERRIDES = (
    f"phases.signal.turn_on={json.dumps(dict.fromkeys(ALL.split(), 1.0))}",
    "phases.signal.duration=1 steps",
    "defaults.schedule={kind: constant}",
    "defaults.balance={kind: fixed}",  # nothing is measured before the step
)
UNIT = 1 if sys.platform == "darwin" else 1024
PARAMETERS, TOLERANCE = 46.37e6, 0.01
MOST_BYTES = 24e9


def main() -> None:
    """Measure in a process of its own, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--subjects", type=int, default=200)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        print(json.dumps(measure(options.subjects, options.threads)))
        return
    found = measured(options.subjects, options.threads)
    show(found, options.threads)
    sys.exit("; ".join(problems(found)) or None)


def measured(subjects: int, threads: int) -> dict[str, Any]:
    """What `measure` finds in a fresh process."""
    arguments = ["--inside", f"--subjects={subjects}", f"--threads={threads}"]
    done = subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stdout=subprocess.PIPE, text=True
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def problems(found: dict[str, Any]) -> list[str]:
    """What does not hold, in words."""
    wrong: list[str] = []
    if abs(found["parameters"] / PARAMETERS - 1) > TOLERANCE:
        wrong.append(f"{found['parameters']:,} parameters are not 46.37 million within 1 %")
    if found["peak_bytes"] > MOST_BYTES:
        wrong.append(f"{found['peak_bytes'] / 1e9:.1f} GB are more than 24")
    if not found["loaded_is_saved"]:
        wrong.append("what was loaded is not what was saved")
    return wrong


def show(found: dict[str, Any], threads: int) -> None:
    """The table."""
    print(f"{PLAN.name}, one step with every task on, {threads} thread(s), {platform.platform()}")
    print(f"parameters      {found['parameters']:>14,}")
    for name, seconds in found["seconds"].items():
        print(f"{name:16}{seconds:>12.1f} s")
    print(f"{'checkpoint':16}{found['checkpoint_bytes'] / 1e6:>11.0f} MB")
    print(f"{'peak memory':16}{found['peak_bytes'] / 1e9:>11.2f} GB")


def measure(subjects: int, threads: int) -> dict[str, Any]:
    """Build, take a step, save, and load into a second model, in this process."""
    watch = Watch()
    loaded = load_plan(PLAN, ABR_KINDS, [*OVERRIDES, f"data.subjects={subjects}"])
    with tempfile.TemporaryDirectory() as temporary:
        folder = RunFolder(Path(temporary))
        request = Request(
            loaded=loaded, kinds=ABR_KINDS, folder=folder, threads=threads, until="signal"
        )
        (phase,) = run(request, [watch])
        watch.note("saved")
        state = load_last_state(folder)
        data = load_data(loaded.plan.data, ABR_KINDS, loaded.plan.seed)
        model = build_seeded(loaded, ABR_KINDS, data).model
        restore(model, state.model, "the checkpoint")
        watch.note("loaded")
        size = next(folder.path.glob("checkpoints/*/*/state.pt")).stat().st_size
    times = watch.times
    return {
        "parameters": sum(parameters_by_part(model).values()),
        "seconds": {
            "build": times["phase_started"],
            "step": times["step"] - times["phase_started"],
            "judge and save": times["saved"] - times["step"],
            "load": times["loaded"] - times["saved"],
        },
        "checkpoint_bytes": size,
        "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT,
        "loaded_is_saved": tensors_sha256(model.state_dict()) == phase["weights_sha256"],
    }


class Watch:
    """Notes when things happen for the first time, in seconds."""

    def __init__(self) -> None:
        self.began, self.times = time.perf_counter(), dict[str, float]()

    def on_event(self, event: Event) -> None:
        """An event of the run."""
        self.note(event.event)

    def note(self, name: str) -> None:
        """Anything else."""
        self.times.setdefault(name, time.perf_counter() - self.began)


if __name__ == "__main__":
    main()
