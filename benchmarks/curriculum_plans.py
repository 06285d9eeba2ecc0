"""An arm of the curriculum benchmark: phases by their share of steps, and the plan they make."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

PEAKS = ("peak_existence", "peak_latency", "peak_amplitude")
TASKS = ("signal", "classification", *PEAKS, "threshold")
HEADS = TASKS[1:]
WEIGHTS = {"signal": 1.0, "classification": 0.5, **dict.fromkeys((*PEAKS, "threshold"), 0.3)}


@attrs.frozen(kw_only=True)
class Scale:
    """How large the comparison is. What is not named here is the default plan's."""

    base_channels: int = 8
    subjects: int = 2400  # 49 % to train on: more are judged than in the default plan
    steps: int = 700  # of joint training; what others do at equal wall time follows from their cost
    evaluations: int = 10  # in a run, besides those at the end of each phase

    @property
    def model(self) -> dict[str, Any]:
        """The plan's `model`."""
        return {"kind": "abr_unet", "base_channels": self.base_channels, "n_levels": 3}

    @property
    def data(self) -> dict[str, Any]:
        """The plan's `data`."""
        shares = {"validation_share": 0.06, "test_share": 0.45}
        return {"kind": "synthetic", "subjects": self.subjects, **shares}


@attrs.frozen(kw_only=True)
class Stage:
    """A phase: what it turns on, its share of all steps, and what else the plan says of it."""

    name: str
    turn_on: Sequence[str] = ()
    share: float
    settings: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Arm:
    """One way to train. `training` differs from the default plan's `defaults`."""

    name: str
    what: str
    stages: Sequence[Stage]
    training: Mapping[str, Any] = attrs.field(factory=dict)
    weights: Mapping[str, float] = attrs.field(factory=lambda: WEIGHTS)

    def steps(self, total: int) -> list[int]:
        """Steps of each phase; the shares may add up to anything."""
        whole = sum(stage.share for stage in self.stages)
        return [max(1, round(total * stage.share / whole)) for stage in self.stages]

    def active(self) -> list[tuple[str, ...]]:
        """The tasks that are on in each phase, in the model's order."""
        on: set[str] = set()
        found: list[tuple[str, ...]] = []
        for stage in self.stages:
            on |= set(stage.turn_on)
            on -= set(stage.settings.get("turn_off", ()))
            found.append(tuple(task for task in TASKS if task in on))
        return found

    def signatures(self) -> list[str]:
        """What a step of each phase costs depends on this, and on nothing else."""
        special = ({**self.training, **stage.settings} for stage in self.stages)
        named = (sorted(f"{k}={v}" for k, v in each.items() if k in COSTLY) for each in special)
        return [
            " ".join(["+".join(active), *names])
            for active, names in zip(self.active(), named, strict=True)
        ]


COSTLY = ("hold", "global_batch")
"""Settings of a phase that raise the cost of a step."""


def plan_text(arm: Arm, total: int, seed: int, scale: Scale) -> str:
    """The plan of an arm in so many optimizer steps: JSON, and so YAML."""
    ramp = max(1, total // 40)
    schedule = {"kind": "cosine", "warmup": f"{ramp} steps"}
    training: dict[str, Any] = {
        "global_batch": 24,
        "gradient_clip": 25.0,
        "evaluate_every": f"{max(1, total // scale.evaluations)} steps",
        "optimizer": {"kind": "adamw", "learning_rate": 2e-3, "weight_decay": 1e-5},
        "balance": {"kind": "calibrated"},
        **arm.training,
    }
    training["schedule"] = {**schedule, **arm.training.get("schedule", {})}
    phases = []
    for place, (stage, steps) in enumerate(zip(arm.stages, arm.steps(total), strict=True)):
        phase: dict[str, Any] = {"name": stage.name, "duration": f"{steps} steps"}
        if stage.turn_on:
            phase["turn_on"] = {task: arm.weights[task] for task in stage.turn_on}
        if place and stage.turn_on:
            phase["ramp"] = f"{min(ramp, steps)} steps"
        phase |= stage.settings
        if "head_warmup" in phase:  # a share of the phase
            phase["head_warmup"] = f"{round(steps * phase['head_warmup'])} steps"
        phases.append(phase)
    plan = {
        "experiment": "arm",
        "seed": seed,
        "model": scale.model,
        "data": scale.data,
        "checkpoints": {"every_seconds": None},
        "defaults": training,
        "phases": phases,
    }
    return json.dumps(plan, indent=1)
