"""How much things tell of the class that should tell nothing, beside the best that can be told.

    python benchmarks/leakage.py [--ears 6000]

Every guess is judged by balanced accuracy: 0.2 is chance. The best possible one (Bayes) is
Σ_x max_c P(x | class c) / 5. Levels, sweeps, ages and rates are drawn without a look at the class,
so for them it is 0.2 exactly. For labels it is estimated from two large draws with as many ears of
each class: the rule that is best on one draw is too good there and not the best on the other, which
brackets it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from abr_model.data.answers import answers  # noqa: E402 - the checkout beside this file
from abr_model.data.ears import CLASS_SHARES, ears_of, hearing_classes  # noqa: E402
from abr_model.data.levels import levels_db, sweeps  # noqa: E402
from abr_model.data.synthetic import make_recordings  # noqa: E402

Ints = NDArray[np.int64]
CLASSES = len(CLASS_SHARES)
POINTS = 300
_PATTERNS = 27  # of three waves that are absent, present or not labelled
_LEVELS = 19  # 0, 5, ... 90 dB


def statics(subjects: int, recordings: int, seed: int) -> tuple[Ints, Ints, NDArray[np.float32]]:
    """(N,) classes, (N,) subjects and (N, 4) what is known before a click is heard."""
    hearing = hearing_classes(subjects, seed)
    ears = ears_of(hearing, seed)
    columns = [
        np.stack(
            [
                ears.age_years,
                ears.rate_hz,
                levels_db(subjects, number, seed),
                np.log(sweeps(subjects, number, seed)),
            ],
            axis=1,
        )
        for number in range(recordings)
    ]
    subject = np.tile(np.arange(subjects), recordings)
    return hearing[subject], subject, np.concatenate(columns).astype(np.float32)


def masks(hearing: Ints, recordings: int, seed: int) -> tuple[Ints, Ints, dict[str, Ints]]:
    """(N,) classes, (N,) subjects and (N,) codes: of missing labels, of these and of presence."""
    subjects, ears = len(hearing), ears_of(hearing, seed)
    missing, present, with_level = [], [], []
    for number in range(recordings):
        level = levels_db(subjects, number, seed)
        found = answers(ears, level, number, POINTS, seed).wave_present
        digits = np.where(np.isnan(found), 2, found).astype(np.int64)
        missing.append((digits == 2) @ np.array([4, 2, 1]))
        present.append(digits @ np.array([9, 3, 1]))
        with_level.append(present[-1] * _LEVELS + (level / 5).astype(np.int64))
    subject = np.tile(np.arange(subjects), recordings)
    codes = {"missing": missing, "presence": present, "presence and level": with_level}
    return hearing[subject], subject, {name: np.concatenate(code) for name, code in codes.items()}


def densities(classes: Ints, codes: Ints, size: int = _PATTERNS * _LEVELS) -> NDArray[np.float64]:
    """(K, X) P(code | class)."""
    counts = np.zeros((CLASSES, size))
    np.add.at(counts, (classes, codes), 1)
    return counts / counts.sum(axis=1, keepdims=True)


def bayes_bracket(ears: int, recordings: int, seed: int) -> dict[str, tuple[float, float]]:
    """Between which values the best possible balanced accuracy lies, for each kind of code."""
    hearing = np.arange(ears) % CLASSES
    draws = [masks(hearing, recordings, seed + i) for i in range(2)]
    found = {}
    for name in draws[0][2]:
        one, other = (densities(classes, codes[name]) for classes, _, codes in draws)
        columns = np.arange(one.shape[1])
        held_out = [b[a.argmax(axis=0), columns].sum() for a, b in ((one, other), (other, one))]
        in_sample = ((one + other) / 2).max(axis=0).sum()
        found[name] = (float(np.mean(held_out)) / CLASSES, float(in_sample) / CLASSES)
    return found


def learnt_guesses(
    features: NDArray[np.float32], classes: Ints, others: NDArray[np.float32], steps: int = 200
) -> Ints:
    """What a small network, trained on balanced classes, guesses of other recordings."""
    torch.manual_seed(0)
    mean, scale = features.mean(axis=0), features.std(axis=0)
    x, judged = (torch.from_numpy((f - mean) / scale) for f in (features, others))
    y = torch.from_numpy(classes)
    weight = 1 / torch.bincount(y, minlength=CLASSES).clamp_min(1)
    network = torch.nn.Sequential(
        torch.nn.Linear(x.shape[1], 32), torch.nn.GELU(), torch.nn.Linear(32, CLASSES)
    )
    optimizer = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(steps):
        loss = torch.nn.functional.cross_entropy(network(x), y, weight=weight / weight.sum())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    with torch.no_grad():
        return network(judged).argmax(dim=1).numpy()


def looked_up(codes: Ints, classes: Ints, others: Ints) -> Ints:
    """The class under which each code is likeliest, by a table from other recordings."""
    return densities(classes, codes).argmax(axis=0)[others]


def balanced_accuracy(guesses: Ints, classes: Ints) -> float:
    """The mean over classes of the share that is guessed right."""
    return float(np.mean([(guesses[classes == c] == c).mean() for c in range(CLASSES)]))


def interval(guesses: Ints, classes: Ints, subject: Ints, resamples: int = 400) -> list[float]:
    """95 % of it, by drawing subjects of each class with replacement."""
    rng = np.random.default_rng(0)
    each = np.zeros((resamples, CLASSES))
    for c in range(CLASSES):
        own = classes == c
        _, place = np.unique(subject[own], return_inverse=True)
        right = np.bincount(place, guesses[own] == c)
        count = np.bincount(place)
        drawn = rng.integers(len(count), size=(resamples, len(count)))
        each[:, c] = right[drawn].sum(axis=1) / count[drawn].sum(axis=1)
    return np.percentile(each.mean(axis=1), [2.5, 97.5]).tolist()


def judged(
    guess: Callable[[NDArray[np.bool_]], Ints], classes: Ints, subject: Ints
) -> tuple[float, float, float]:
    """Balanced accuracy and its interval on every second subject, learnt from the others."""
    train = subject % 2 == 0
    guesses = guess(train)
    low, high = interval(guesses, classes[~train], subject[~train])
    return balanced_accuracy(guesses, classes[~train]), low, high


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ears", type=int, default=6000)
    parser.add_argument("--seed", type=int, default=42)
    options = parser.parse_args()
    ears, seed = options.ears, options.seed

    def show(name: str, found: tuple[float, float, float], best: str) -> None:
        print(f"{name:34}{found[0]:8.3f}  ({found[1]:.3f} to {found[2]:.3f}){best:>18}")

    print(f"{'told from':34}{'found':>8}  {'95 % interval':16}{'best possible':>18}")
    classes, subject, x = statics(5 * ears, 3, seed)
    found = judged(lambda t: learnt_guesses(x[t], classes[t], x[~t]), classes, subject)
    show("age, rate, level, sweeps", found, "0.200")
    brackets = bayes_bracket(ears, 6, seed + 100)
    classes, subject, codes = masks(hearing_classes(2 * ears, seed), 6, seed)
    for name, (low, high) in brackets.items():
        code = codes[name]
        found = judged(lambda t, c=code: looked_up(c[t], classes[t], c[~t]), classes, subject)
        show(f"labels: {name}", found, f"{low:.3f} to {high:.3f}")
    made = make_recordings(ears, 6, 15.0, seed)
    noise = np.log(made.noise_uv)
    for name, columns in {
        "noise estimate": [noise],
        "detection, level": [np.log(made.detection), made.level_db],
        "all of these together": [
            *(np.log(made.detection), noise, made.age_years, made.level_db, made.rate_hz),
            np.log(made.sweeps),
        ],
    }.items():
        x = np.stack(columns, axis=1)
        y = made.hearing_class
        found = judged(lambda t, x=x, y=y: learnt_guesses(x[t], y[t], x[~t]), y, made.subject)
        show(name, found, "the waveform's")


if __name__ == "__main__":
    main()
