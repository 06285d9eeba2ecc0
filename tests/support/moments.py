"""What happens in an imagined run, for tests of whoever shows it."""

from __future__ import annotations

import attrs

from curriculum.events import (
    BalanceWatched,
    Calibrated,
    CheckpointSaved,
    Evaluated,
    Extended,
    Heartbeat,
    PhaseEnded,
    PhaseReused,
    PhaseStarted,
    Resumed,
    RolledBack,
    RunEnded,
    RunFailed,
    RunStarted,
    Skipped,
    Step,
    Warned,
)

WEIGHTS = {"signal": 1.0, "threshold": 0.25}

RUN_STARTED = RunStarted(
    experiment="ears",
    run_folder="runs/ears",
    phases=("signal", "threshold", "peaks"),
    tasks={"signal": "signal", "threshold": "threshold", "peak_latency": "peaks"},
    threads=2,
    device="cpu",
    versions={"torch": "9.9"},
)
PHASE_REUSED = PhaseReused(phase="signal", steps=800, key="k" * 64)
PHASE_STARTED = PhaseStarted(
    phase="threshold",
    key="k" * 64,
    turned_on=("threshold",),
    weights=WEIGHTS,
    longest=1200,
    steps_per_epoch=40,
)
RESUMED = Resumed(phase="threshold", key="k4", from_step=400, weights=WEIGHTS, longest=1200)
CALIBRATED = Calibrated(
    phase="threshold",
    step=0,
    losses={"threshold": 0.98765},
    trunk_gradient_norms={"threshold": 0.5},
    scales={"threshold": 0.98765},
)
STEP = Step(
    phase="threshold",
    step=1,
    losses={"signal": 0.43214, "threshold": 1234.5},
    contributions={"signal": 0.3, "threshold": 0.9},
    total=1.2,
    learning_rate=1e-3,
    gradient_norm=12.345,
    clipped=False,
)
HEARTBEAT = Heartbeat(doing="evaluating", done=256, of=400)
EVALUATED = Evaluated(
    phase="threshold",
    step=400,
    split="validation",
    losses={"signal": 0.4, "threshold": 1.1},
    total=1.5,
    metrics={"signal/mse_uv2": 0.0013, "threshold/mae_db": 7.5},
    trivial={"threshold/mae_db": {"median": 6.8}},
    skill={"signal": 0.59123, "threshold": -0.10294},
)
CHECKPOINT_SAVED = CheckpointSaved(
    phase="threshold",
    step=400,
    path="checkpoints/02-threshold/step-00000400",
    weights_sha256="w" * 64,
    why="every 60 s",
)
PHASE_ENDED = PhaseEnded(
    phase="threshold",
    step=1200,
    model_of_step=1200,
    reason="duration of 1200 steps",
    unchanged_heads={"peak_latency": "h" * 64},
    weights_sha256="w" * 64,
)
SKIPPED = Skipped(
    phase="threshold",
    step=401,
    reason="every loss must be finite. Found `threshold` nan.",
    skipped=1,
)
ROLLED_BACK = RolledBack(
    phase="threshold",
    step=431,
    to_step=400,
    attempt=1,
    learning_rate=0.5,
    longest=1200,
    reason="every loss must be finite. Found `threshold` nan.",
)
EXTENDED = Extended(
    phase="threshold",
    step=1200,
    kind="rehearse",
    steps=400,
    weights={"signal": 4.0},
    reason="`signal` fell to skill 0.512 from 0.591; `retain` allows a loss of 0.05",
)
WARNED = Warned(
    message="`threshold` is worse than its trivial predictor (skill -0.103)",
    phase="threshold",
    step=400,
    task="threshold",
)
WATCHED = BalanceWatched(
    phase="threshold",
    step=400,
    since=0,
    shares={"signal": 0.01, "threshold": 0.99},
    gradient_shares={"signal": 0.02, "threshold": 0.98},
    cosines={"signal": {"threshold": -0.1}},
    probes=1,
)
ALARM = Warned(
    message="`threshold` counts 105 times as much as `signal`, each by its weight",
    phase="threshold",
    step=400,
    task="signal",
    severity="alarm",
)
RUN_FAILED = RunFailed(kind="PolicyStop", message="every loss must be finite.", exit_code=4)
RUN_ENDED = RunEnded(phases=("signal", "threshold", "peaks"))


def step(number: int, **changes: object) -> Step:
    """A later step of the same phase."""
    return attrs.evolve(STEP, step=number, **changes)  # type: ignore[arg-type]
