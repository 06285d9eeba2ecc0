"""Orders in which tasks can be turned on, as plans built from the default one."""

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


def _stages(*parts: tuple[str, Sequence[str], float]) -> list[Stage]:
    return [Stage(name=name, turn_on=tasks, share=share) for name, tasks, share in parts]


def _rate(learning_rate: float) -> dict[str, Any]:
    return {"optimizer": {"kind": "adamw", "learning_rate": learning_rate, "weight_decay": 1e-5}}


RUN = {"schedule": {"span": "run"}}


def _joint(name: str, learning_rate: float, weights: Mapping[str, float] = WEIGHTS) -> Arm:
    return Arm(
        name=name,
        what="everything on from the start",
        stages=_stages(("joint", TASKS, 1)),
        training=_rate(learning_rate) if learning_rate != 2e-3 else {},
        weights=weights,
    )


def _several(
    name: str,
    what: str,
    learning_rate: float,
    *parts: tuple[str, Sequence[str], float],
    **training: Any,
) -> Arm:
    """An arm of several phases, with one cosine over the run unless it says otherwise."""
    rate = _rate(learning_rate)
    return Arm(name=name, what=what, stages=_stages(*parts), training={**RUN, **rate, **training})


SIGNAL, CLASS, LIMIT = ("signal",), ("classification",), ("threshold",)
ONE_BY_ONE = (
    ("signal", SIGNAL, 800),
    ("classification", CLASS, 1000),
    ("peaks", PEAKS, 1200),
    ("threshold", LIMIT, 1200),
)
EARLY = (
    ("signal", SIGNAL, 10),
    ("classification", CLASS, 10),
    ("peaks", PEAKS, 10),
    ("threshold", LIMIT, 70),
)
BY_COST_EARLY = (
    ("classification", CLASS, 8),
    ("peaks", PEAKS, 8),
    ("threshold", LIMIT, 8),
    ("signal", SIGNAL, 76),
)


def _heads_first(name: str, learning_rate: float, share: float, **training: Any) -> Arm:
    parts = (("heads", HEADS, share), ("signal", SIGNAL, 100 - share))
    what = f"what needs no decoder for {share} % of the steps, then the signal too"
    return _several(name, what, learning_rate, *parts, **training)


def _off_and_on(
    name: str, what: str, learning_rate: float, *parts: tuple[str, Sequence[str], float]
) -> Arm:
    """The signal in the first phase and in the last, and off between."""
    arm = _several(name, what, learning_rate, *parts)
    second = attrs.evolve(arm.stages[1], settings={"turn_off": ["signal"]})
    return attrs.evolve(arm, stages=[arm.stages[0], second, *arm.stages[2:]])


THREE = (("signal", SIGNAL, 15), ("heads", HEADS, 35), ("all", SIGNAL, 50))
FIVE = (
    ("signal", SIGNAL, 15),
    ("classification", CLASS, 8),
    ("peaks", PEAKS, 8),
    ("threshold", LIMIT, 19),
    ("all", SIGNAL, 50),
)


TRIED: Mapping[str, Sequence[Arm]] = {
    "joint": [
        _joint("joint 2e-3", 2e-3),
        _joint("joint 4e-3", 4e-3),
        _joint("joint 8e-3", 8e-3),
        _joint("joint 6e-3", 6e-3),
        _joint("joint 4e-3 equal weights", 4e-3, dict.fromkeys(TASKS, 0.5)),
        _joint("joint 4e-3 less signal", 4e-3, {**WEIGHTS, "signal": 0.3}),
        _joint(
            "joint 4e-3 hard tasks more",
            4e-3,
            {**WEIGHTS, "classification": 1.0, "threshold": 0.6},
        ),
        _joint("joint 3e-3", 3e-3),
    ],
    "curriculum": [
        Arm(name="one by one 2e-3", what="", stages=_stages(*ONE_BY_ONE)),
        _several("one by one 4e-3 one cosine", "", 4e-3, *ONE_BY_ONE),
        _heads_first("heads first 4e-3", 4e-3, 60),
        _several("early 4e-3", "", 4e-3, *EARLY),
        _heads_first("heads first 30 4e-3", 4e-3, 30),
        _several("by cost, early 4e-3", "", 4e-3, *BY_COST_EARLY),
        _off_and_on("signal off and on 4e-3", "", 4e-3, *THREE),
        _off_and_on("one by one, then all 4e-3", "", 4e-3, *FIVE),
    ],
}
"""The settings that were tried, as many of joint training as of curricula."""
FINALISTS = (
    "joint 4e-3",
    "joint 6e-3",
    "joint 8e-3",
    "by cost, early 4e-3",
    "signal off and on 4e-3",
    "one by one, then all 4e-3",
)
"""Those that were tried on a second seed."""

RATE = 4e-3
JOINT = _joint("joint", RATE)


def _protected(name: str, what: str, places: Sequence[int], **settings: Any) -> Arm:
    """One by one with a cosine each, with these settings in some phases."""
    stages = [
        attrs.evolve(stage, settings=settings) if place in places else stage
        for place, stage in enumerate(_stages(*ONE_BY_ONE))
    ]
    return Arm(
        name=name, what=f"as one by one, cosines, {what}", stages=stages, training=_rate(RATE)
    )


MAIN: Sequence[Arm] = [
    JOINT,
    _off_and_on(
        "signal off and on",
        "the signal, then off while all others learn at half the cost, then everything",
        RATE,
        *THREE,
    ),
    _several(
        "by cost",
        "the default plan: short phases for what needs no decoder, the signal last and longest",
        RATE,
        *BY_COST_EARLY,
    ),
    _several(
        "one by one, cosines",
        "long phases in the order signal, classification, peaks, threshold, a cosine for each",
        RATE,
        *ONE_BY_ONE,
        schedule={"span": "phase"},
    ),
]
"""What the question is about: joint training, and curricula that could be the default."""
ORDERS: Sequence[Arm] = [
    _several("reversed", "one by one backwards, one cosine", RATE, *ONE_BY_ONE[::-1]),
    _several(
        "short early",
        "the order of one by one, 10 % of the steps each, the last 70 %",
        RATE,
        *EARLY,
    ),
    _off_and_on(
        "one by one, then all",
        "as signal off and on, with the others turned on one by one",
        RATE,
        *FIVE,
    ),
    _several(
        "one by one", "as one by one, cosines, with one cosine over the run", RATE, *ONE_BY_ONE
    ),
    _heads_first("heads first", RATE, 60),
]
PROTECTED: Sequence[Arm] = [
    _protected(
        "head warm-up", "new heads alone for 10 % of their phase", (1, 2, 3), head_warmup=0.1
    ),
    _protected(
        "slow trunk", "the trunk at 0.3 of the rate after the first", (1, 2, 3), trunk_rate=0.3
    ),
    _protected(
        "best handed on", "each phase hands on its best", (0, 1, 2, 3), hand_off={"kind": "best"}
    ),
    _protected(
        "held",
        "classes and peaks held by distillation in the last",
        (3,),
        hold={task: WEIGHTS[task] for task in ("classification", *PEAKS)},
    ),
]
COMPARED = (*MAIN, *ORDERS, *PROTECTED)
ALONE: Sequence[Arm] = [
    Arm(
        name=task,
        what="one task alone",
        stages=_stages((task, (task,), 1)),
        training=_rate(RATE),
    )
    for task in TASKS
]


def every_arm() -> list[Arm]:
    """All that the comparison trains."""
    return [*(arm for arms in TRIED.values() for arm in arms), *COMPARED, *ALONE]
