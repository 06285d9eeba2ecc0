"""Orders in which tasks can be turned on: those that were tried, and those that are reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from benchmarks.curriculum_plans import HEADS, PEAKS, TASKS, WEIGHTS, Arm, Stage


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
UNPROTECTED = "one by one, cosines"
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
