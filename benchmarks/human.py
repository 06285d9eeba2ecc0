"""A model that was trained on synthetic ears alone, on human recordings that it never saw.

    python benchmarks/human.py runs/abr-default FOLDER

FOLDER holds SmartEP text exports. Nothing here needs a label. Denoising is judged against the other
recordings of the ear and level, wave V against the largest maximum of the mean of all, and the
threshold by the level down to which recordings agree. Beside each stands what needs no recording at
all. Intervals (95 %) draw whole levels of an ear again and again, since recordings of one level
share their reference; they say how far a result depends on the levels that were tested, not how far
other ears differ.
"""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import attrs
import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.cli import CLIENT  # noqa: E402 - the checkout beside this file
from abr_model.data.norms import normal_latency_ms  # noqa: E402
from abr_model.data.recordings import Recordings, unknown  # noqa: E402
from abr_model.data.source import AbrSplit, Part  # noqa: E402
from abr_model.data.sources import find_recordings  # noqa: E402
from abr_model.metrics import correlation  # noqa: E402
from abr_model.physical import denoised_uv, physical, with_interval  # noqa: E402
from abr_model.replicates import LOWEST_LEVEL_DB, band_pass  # noqa: E402
from abr_model.series import ears_of, pooled_threshold  # noqa: E402
from curriculum.cli.client import load_run  # noqa: E402
from curriculum.run.restored import Restored, restore_run  # noqa: E402
from curriculum.standardise import Units  # noqa: E402
from curriculum.trainer.predicting import predict  # noqa: E402

Floats = NDArray[np.float64]
WINDOW = slice(20, 200)  # 1 to 10 ms
WAVE_V_MS = (4.5, 11.0)  # where it is looked for
CLOSE_MS = 0.3
RESAMPLES = 2000
SWEEPS = (500, 1000, 2000)


@attrs.frozen(kw_only=True, eq=False)
class Human:
    """The recordings, and what they say of each other."""

    recordings: Recordings
    names: tuple[str, ...]

    def references(self) -> Floats:
        """(N, T) the sweep-weighted mean of the others of each recording's ear and level."""
        here = self.recordings
        found = np.full(here.recording_uv.shape, np.nan)
        for row in range(len(here)):
            others = self.place(here.subject[row], here.level_db[row])
            others = others[others != row]
            if len(others):
                found[row] = self.mean(others)
        return found

    def place(self, subject: int, level: float) -> NDArray[np.int64]:
        """The recordings of an ear at a level."""
        here = self.recordings
        return np.flatnonzero((here.subject == subject) & (here.level_db == level))

    def mean(self, rows: NDArray[np.int64]) -> Floats:
        """(T) the sweep-weighted mean of recordings."""
        weight = self.recordings.sweeps[rows].astype(np.float64)
        return weight @ self.recordings.recording_uv[rows].astype(np.float64) / weight.sum()


@attrs.frozen(kw_only=True, eq=False)
class Said:
    """What the model says of N recordings, as far as its tasks were on."""

    clean_uv: Floats  # (N, T)
    wave_v_ms: Floats | None  # (N)
    threshold: Floats | None  # (N, 2) logistic distributions, standardised
    units: Units  # of the threshold


def ask(run: Restored, recordings: Recordings) -> Said:
    """Everything that the model says of recordings."""
    split = AbrSplit(Part(recordings, np.arange(len(recordings))))
    standards = next(task for task in run.tasks if task.name == "signal").view.standards
    parts: dict[str, list[np.ndarray]] = {}
    for found in predict(run.assembly, run.tasks, split, 0, torch.device("cpu"), lambda *_: None):
        inputs, said = found.inputs["signal"], found.predictions
        clean = denoised_uv(inputs["x"], inputs["time"], said["signal"], standards)
        parts.setdefault("clean", []).append(clean.numpy())
        if "peak_latency" in said:
            wave_v = physical(said, standards)["wave_latency_ms"][:, 2, 0]
            parts.setdefault("wave_v", []).append(wave_v.numpy())
        if "threshold" in said:
            parts.setdefault("threshold", []).append(said["threshold"][:, 0].numpy())
    whole = {name: np.concatenate(each) for name, each in parts.items()}
    return Said(
        clean_uv=whole["clean"],
        wave_v_ms=whole.get("wave_v"),
        threshold=whole.get("threshold"),
        units=standards.threshold_db,
    )


def halved(recordings: Recordings) -> Recordings:
    """Each recording's half-average A as a recording of half the sweeps.

    Its noise is √2 of the whole recording's, which is known from both halves.
    """
    half = recordings.half_a_uv
    noise = recordings.noise_uv * np.sqrt(2)
    return attrs.evolve(
        recordings,
        recording_uv=half,
        half_a_uv=unknown(*half.shape),
        half_b_uv=unknown(*half.shape),
        sweeps=recordings.sweeps / 2,
        noise_uv=noise,
        detection=np.var(half[:, 20:], axis=1) / noise**2,
        has_halves=None,
        has_truth=None,
    )


def agreement(estimate: Floats, reference: Floats) -> Floats:
    """(N) correlation over 1 to 10 ms, both sides band-passed; NaN without a reference."""
    known = np.isfinite(reference).all(1)
    found = np.full(len(estimate), np.nan)
    one, other = (
        band_pass(torch.from_numpy(np.ascontiguousarray(each[known])))
        for each in (estimate, reference)
    )
    found[known] = correlation(one[:, WINDOW], other[:, WINDOW]).numpy()
    return found


Statistic = Callable[[NDArray[np.int64]], float]


@attrs.frozen(eq=False)
class Estimate:
    """A statistic, and what it is on each resample of levels."""

    value: float
    drawn: Floats

    def __str__(self) -> str:
        """`0.841 (0.812 to 0.867)`."""
        low, high = np.nanquantile(self.drawn, [0.025, 0.975])
        return f"{self.value:.3f} ({low:.3f} to {high:.3f})"


def estimate(levels: Floats, rows: NDArray[np.int64], of: Statistic) -> Estimate:
    """A statistic of rows of one ear, with whole levels drawn again and again."""
    random = np.random.default_rng(len(rows))
    there = np.unique(levels[rows])
    members = [rows[levels[rows] == level] for level in there]
    drawn = [
        of(np.concatenate([members[each] for each in random.integers(0, len(there), len(there))]))
        for _ in range(RESAMPLES)
    ]
    return Estimate(of(rows), np.array(drawn))


def mean_of_ears(ears: Sequence[Estimate]) -> Estimate:
    """The mean of a statistic over ears, each resampled by itself."""
    shuffled = [np.random.default_rng(i).permutation(ear.drawn) for i, ear in enumerate(ears)]
    return Estimate(float(np.mean([ear.value for ear in ears])), np.mean(shuffled, axis=0))


def print_by_ear(human: Human, rows: Mapping[str, Sequence[Estimate]]) -> None:
    """A table: what is estimated, for each ear and for the mean of ears."""
    print(f"  {'':58}" + "".join(f"{name:>26}" for name in (*human.names, "mean of ears")))
    for label, ears in rows.items():
        print(f"  {label:58}" + "".join(f"{each!s:>26}" for each in (*ears, mean_of_ears(ears))))


def simulated(run: Restored) -> Mapping[float, Floats]:
    """The mean noise-free response of normal synthetic ears at each level: needs no recording."""
    batch = run.data.splits["train"].batch(np.arange(len(run.data.splits["train"])))
    normal = (batch["hearing_class"] == 0) & batch["has_truth"]
    levels = batch["level_db"][normal]
    truth = batch["truth_uv"][normal].double()
    return {float(v): truth[levels == v].mean(0).numpy() for v in levels.unique()}


def denoising(human: Human, run: Restored, said: Said) -> None:
    """Denoised recordings of 500 sweeps beside raw ones of 500, 1000 and 2000."""
    here, references = human.recordings, human.references()
    levels, mean = here.level_db.astype(float), simulated(run)
    model, raw = (agreement(each, references) for each in (said.clean_uv, here.recording_uv))
    known = np.stack([mean.get(level, np.full(here.points, np.nan)) for level in levels])
    without = agreement(known, references)
    halves = agreement(ask(run, halved(here)).clean_uv, references)
    table: dict[str, list[Estimate]] = {}

    def add(label: str, rows: NDArray[np.int64], of: Statistic) -> None:
        table.setdefault(label, []).append(estimate(levels, rows, of))

    for subject in range(len(human.names)):
        usable = (here.subject == subject) & (levels >= LOWEST_LEVEL_DB) & np.isfinite(raw)
        rows = {s: np.flatnonzero(usable & (here.sweeps == s)) for s in SWEEPS}
        add("denoised, 500 sweeps", rows[500], lambda r: float(model[r].mean()))
        for sweeps in SWEEPS:
            add(f"raw, {sweeps} sweeps", rows[sweeps], lambda r: float(raw[r].mean()))
        label = "simulated mean of the level, no recording"
        add(label, rows[500], lambda r: float(np.nanmean(without[r])))
        for sweeps in SWEEPS[1:]:

            def ahead(r: NDArray[np.int64], sweeps: int = sweeps) -> float:
                few, many = r[here.sweeps[r] == 500], r[here.sweeps[r] == sweeps]
                return float(model[few].mean() - raw[many].mean())

            both = np.concatenate([rows[500], rows[sweeps]])
            add(f"denoised 500 ahead of raw {sweeps} by", both, ahead)
        for sweeps in SWEEPS[1:]:
            label = f"half-average of {sweeps // 2}, denoised, ahead of its raw {sweeps} by"
            add(label, rows[sweeps], lambda r: float((halves[r] - raw[r]).mean()))
    print("\nDenoising: correlation with the mean of the others, 1 to 10 ms, 20 dB and up")
    print_by_ear(human, table)


def wave_v(human: Human, said_ms: Floats) -> None:
    """Wave V of single recordings and of level means, within 0.3 ms of the mean of all."""
    here = human.recordings
    levels = here.level_db.astype(float)
    time = np.arange(here.points) / 20
    there = (time >= WAVE_V_MS[0]) & (time <= WAVE_V_MS[1])
    truth = np.full(len(here), np.nan)
    pooled = np.full(len(here), np.nan)
    for subject in range(len(human.names)):
        for level in np.unique(levels[(here.subject == subject) & (levels >= LOWEST_LEVEL_DB)]):
            rows = human.place(subject, level)
            truth[rows] = time[there][np.argmax(human.mean(rows)[there])]
            pooled[rows] = np.average(said_ms[rows], weights=here.sweeps[rows])
    norm = normal_latency_ms("V", levels)
    shares: dict[str, list[Estimate]] = {}
    errors: dict[str, list[Estimate]] = {}
    for subject in range(len(human.names)):
        rows = np.flatnonzero((here.subject == subject) & np.isfinite(truth))
        few = rows[here.sweeps[rows] == 500]
        first = np.array([human.place(subject, v)[0] for v in np.unique(levels[rows])])
        for label, values, which in [
            ("single recordings of 500 sweeps", said_ms, few),
            ("means of a level's recordings", pooled, first),
            ("the norm's latency at the level, no recording", norm, first),
        ]:
            error = np.abs(values - truth)
            close = estimate(levels, which, lambda r, e=error: float(np.mean(e[r] <= CLOSE_MS)))
            mean = estimate(levels, which, lambda r, e=error: float(np.mean(e[r])))
            shares.setdefault(label, []).append(close)
            errors.setdefault(label, []).append(mean)
    print(f"\nWave V: share within {CLOSE_MS} ms of the largest maximum of the level's mean")
    print_by_ear(human, shares)
    print("\nWave V: error in ms")
    print_by_ear(human, errors)


def objective_threshold(human: Human, subject: int, criterion: float = 0.35) -> float:
    """The level at which the mean pairwise correlation of 2000-sweep recordings falls to 0.35.

    Over the first 10 ms, as they are.
    """
    here = human.recordings
    points: list[tuple[float, float]] = []
    for level in np.unique(here.level_db[here.subject == subject]):
        rows = human.place(subject, level)
        rows = rows[here.sweeps[rows] == SWEEPS[-1]]
        pairs = np.corrcoef(here.recording_uv[rows, :200])[np.triu_indices(len(rows), 1)]
        if len(pairs):
            points.append((float(level), float(pairs.mean())))
    for (low, below), (high, above) in zip(
        reversed(points[:-1]), reversed(points[1:]), strict=True
    ):
        if below < criterion <= above:
            return low + (high - low) * (criterion - below) / (above - below)
    return points[0][0]


def thresholds(human: Human, run: Restored, said_N2: Floats, units: Units) -> None:
    """One threshold for each ear, beside the objective one and a constant."""
    subject = torch.from_numpy(human.recordings.subject)
    pooled_E2 = pooled_threshold(torch.from_numpy(said_N2), ears_of(subject))
    train = run.data.splits["train"]
    constant = float(train.batch(np.arange(len(train)))["threshold_db"].nanmedian())
    print("\nThreshold of the ear, dB")
    for number, name in enumerate(human.names):
        value, low, high = with_interval(pooled_E2[number, None], units)[0].tolist()
        objective = objective_threshold(human, number)
        print(
            f"  {name}  model {value:.1f} ({low:.1f} to {high:.1f}), by agreement of recordings "
            f"{objective:.1f}, constant {constant:.1f}"
        )


def main() -> None:
    """Judge and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="folder of a run")
    parser.add_argument("recordings", type=Path, help="folder of SmartEP text exports")
    options = parser.parse_args()
    torch.set_num_threads(1)
    folder, loaded = load_run(CLIENT, options.run, Path("runs"))

    class Silent:
        def on_event(self, event: object) -> None:
            """Progress is of no interest here."""

    run = restore_run(folder, loaded, CLIENT.kinds, Silent())
    window = getattr(loaded.plan.data.settings, "window_ms", 15.0)
    dataset = find_recordings(options.recordings, window)
    human = Human(recordings=dataset.recordings, names=dataset.subject_names)
    said = ask(run, human.recordings)
    print(
        f"{loaded.plan.experiment}, trained on {loaded.plan.data.kind} data; "
        f"{len(human.recordings)} recordings of {len(human.names)} ears; "
        f"torch {torch.__version__}, {platform.machine()}"
    )
    denoising(human, run, said)
    if said.wave_v_ms is not None:
        wave_v(human, said.wave_v_ms)
    if said.threshold is not None:
        thresholds(human, run, said.threshold, said.units)


if __name__ == "__main__":
    main()
