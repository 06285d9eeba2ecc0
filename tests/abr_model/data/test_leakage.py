"""Nothing tells the class but what an ear answers: guesses are no better than the best possible."""

from __future__ import annotations

import numpy as np
import pytest

from abr_model.data.ears import hearing_classes
from abr_model.data.synthetic import make_recordings
from benchmarks import leakage

CHANCE = 0.2


def test_the_measure_itself_finds_what_leaks() -> None:
    classes, subject, x = leakage.statics(4000, 2, seed=3)
    leaky = x.copy()
    leaky[:, 2] -= 40 * (classes == 2)
    found, low, _ = leakage.judged(
        lambda train: leakage.learnt_guesses(leaky[train], classes[train], leaky[~train], 60),
        classes,
        subject,
    )
    assert low < found
    assert low > CHANCE


def test_age_level_rate_and_sweeps_tell_nothing() -> None:
    """They are drawn without a look at the class: the best possible is chance, exactly."""
    classes, subject, x = leakage.statics(20_000, 3, seed=3)
    _, low, high = leakage.judged(
        lambda train: leakage.learnt_guesses(x[train], classes[train], x[~train], 80),
        classes,
        subject,
    )
    assert low <= CHANCE
    assert high - low < 0.06


@pytest.fixture(scope="module")
def best() -> dict[str, tuple[float, float]]:
    return leakage.bayes_bracket(4000, 4, seed=50)


def test_masks_of_labels_tell_no_more_than_their_densities_allow(
    best: dict[str, tuple[float, float]],
) -> None:
    classes, subject, codes = leakage.masks(hearing_classes(6000, 7), 3, seed=7)
    for name, code in codes.items():
        found, low, _ = leakage.judged(
            lambda train, code=code: leakage.looked_up(code[train], classes[train], code[~train]),
            classes,
            subject,
        )
        at_least, at_most = best[name]
        assert at_most - at_least < 0.03, name
        assert low <= at_most, name
        assert found > at_least - 0.03, name


def test_which_labels_are_missing_tells_nothing_at_all(
    best: dict[str, tuple[float, float]],
) -> None:
    at_least, at_most = best["missing"]
    assert at_least <= at_most < CHANCE + 0.01


def test_the_noise_tells_nothing_and_the_response_does() -> None:
    made = make_recordings(2000, 4, 15.0, seed=8)
    classes, subject = made.hearing_class, made.subject

    def judged(*columns: np.ndarray) -> tuple[float, float, float]:
        x = np.stack(columns, axis=1).astype(np.float32)
        return leakage.judged(
            lambda train: leakage.learnt_guesses(x[train], classes[train], x[~train], 100),
            classes,
            subject,
        )

    noise = np.log(made.noise_uv)
    assert judged(noise, made.level_db)[1] <= CHANCE
    found, low, _ = judged(noise, made.level_db, np.log(made.detection))
    assert low > CHANCE + 0.05
    assert found == pytest.approx(0.31, abs=0.06)
