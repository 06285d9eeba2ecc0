"""One arm trained and judged in this process, and what a step of its phases costs."""

from __future__ import annotations

import functools
import json
import tempfile
import time
from collections import ChainMap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import torch

from abr_model.config import ABR_KINDS
from abr_model.data.source import AbrData
from benchmarks.curriculum_jobs import Job
from benchmarks.curriculum_plans import Arm, Scale, plan_text
from curriculum.config import DataKind, Kinds, load_plan_text
from curriculum.events import Evaluated, Event, PhaseEnded, Step
from curriculum.run.assemble import named
from curriculum.run.folder import RunFolder
from curriculum.run.judge import judge
from curriculum.run.runner import Request, run
from curriculum.tasks import Batch, Split

LABELS = {"threshold": "threshold_db", "classification": "hearing_class"}
"""The labels that are shuffled in order to break a task."""


class Watcher:
    """Keeps evaluations, and the CPU time between a step and the next where nothing lay between."""

    def __init__(self) -> None:
        self.curve: list[dict[str, Any]] = []
        self.cpu_ms: dict[str, list[float]] = {}
        self._before, self._then, self._last = 0, 0.0, None

    def on_event(self, event: Event) -> None:
        """See `curriculum.events`."""
        now = time.process_time()
        match event:
            case Step():
                if self._last is Step:
                    self.cpu_ms.setdefault(event.phase, []).append(1000 * (now - self._then))
            case Evaluated():
                step = self._before + event.step
                self.curve.append({"phase": event.phase, "step": step, "skill": dict(event.skill)})
            case PhaseEnded():
                self._before += event.step
            case _:
                pass
        self._then, self._last = time.process_time(), type(event)


def train(job: Job) -> dict[str, Any]:
    """Train and judge: the curve on validation, the skills on test, the cost."""
    began, watcher = time.process_time(), Watcher()
    kinds, loaded = kinds_of(job.broken), load_plan_text(job.text, job.arm.name, kinds_of(None))
    with tempfile.TemporaryDirectory() as folder:
        where = RunFolder(Path(folder) / "arm")
        run(Request(loaded=loaded, kinds=kinds, folder=where, threads=1), [watcher])
        trained = time.process_time()
        found = judge(where, loaded, kinds, watcher, split="test", threads=1)
    groups = {group for task, group in found["groups"].items() if group != task}
    return {
        "key": job.key,
        "arm": job.arm.name,
        "budget": job.budget,
        "seed": job.seed,
        "steps": job.steps,
        "steps_of_joint": job.scale.steps,
        "broken": job.broken,
        "test": {name: skill for name, skill in found["skill"].items() if name not in groups},
        "curve": watcher.curve,
        "ms": {phase: float(np.mean(each)) for phase, each in watcher.cpu_ms.items()},
        "cpu_s": round(trained - began, 2),
        "test_cpu_s": round(time.process_time() - trained, 2),
    }


@functools.cache
def kinds_of(broken: str | None) -> Kinds:
    """The ABR model's kinds, with data that is made once for each seed, broken if need be."""
    kind = ABR_KINDS.data["synthetic"]

    @functools.lru_cache(maxsize=2)
    def load(settings: Any, seed: int) -> AbrData:
        made: AbrData = named(kind.load)(settings, seed)
        if broken is None:
            return made
        train = Shuffled(made.splits["train"], LABELS[broken], seed)
        return attrs.evolve(made, splits={**made.splits, "train": train})

    data = DataKind(config=kind.config, load=load, summarize=kind.summarize)
    return Kinds(models=ABR_KINDS.models, data={"synthetic": data})


class Shuffled:
    """A split with one label dealt out at random among its subjects."""

    def __init__(self, split: Split, label: str, seed: int) -> None:
        self._split, self._label = split, label
        whole = split.batch(np.arange(len(split)))
        subjects, first, member = np.unique(
            whole["subject"].numpy(), return_index=True, return_inverse=True
        )
        dealt = np.random.default_rng(seed).permutation(len(subjects))
        self._values = whole[label][torch.from_numpy(first[dealt][member])]

    def __len__(self) -> int:
        return len(self._split)

    def batch(self, indices: np.ndarray) -> Batch:
        """The split's own, but for the label."""
        values = self._values[torch.from_numpy(indices)]
        return ChainMap({self._label: values}, self._split.batch(indices))  # type: ignore[arg-type]


# --- what a step costs ------------------------------------------------------------------------
def measure_costs(
    arms: Iterable[Arm], joint: Arm, rounds: int, scale: Scale
) -> dict[str, list[float]]:
    """CPU time of a step by signature, as a share of one with everything on; a list of rounds.

    Each round trains all arms for a few steps, one after another, so that a slow moment of the
    machine does not fall on one of them alone; shares are within a round.
    """
    found: dict[str, list[float]] = {}
    few = attrs.evolve(scale, subjects=100, evaluations=1)
    for turn in range(rounds):
        here: dict[str, list[float]] = {}
        for arm in (joint, *arms):
            text = plan_text(arm, 25 * len(arm.stages), turn, few)
            watcher, loaded = Watcher(), load_plan_text(text, arm.name, kinds_of(None))
            with tempfile.TemporaryDirectory() as folder:
                where = RunFolder(Path(folder) / "arm")
                request = Request(loaded=loaded, kinds=kinds_of(None), folder=where, threads=1)
                run(request, [watcher])
            for stage, signature in zip(arm.stages, arm.signatures(), strict=True):
                here.setdefault(signature, []).extend(watcher.cpu_ms[stage.name])
        (whole,) = joint.signatures()
        for signature, each in here.items():
            found.setdefault(signature, []).append(
                float(np.median(each)) / float(np.median(here[whole]))
            )
    return found


# --- records ----------------------------------------------------------------------------------
def read_records(path: Path) -> list[dict[str, Any]]:
    """JSON lines; a torn last one is left out."""
    if not path.exists():
        return []
    found: list[dict[str, Any]] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        try:
            found.append(json.loads(line))
        except json.JSONDecodeError:
            continue
    return found


def append_record(path: Path, record: Mapping[str, Any]) -> None:
    """One more line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(record) + "\n")
