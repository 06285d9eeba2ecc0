"""The threshold by recording and by ear."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch

from abr_model.tasks.scores import NumberScore
from abr_model.tasks.threshold_score import ThresholdScore
from curriculum.sampling import Place
from curriculum.standardise import Units
from curriculum.tasks import OBSERVED
from curriculum.trainer.judging import Judged, judge, with_intervals

UNITS = Units(
    zero=torch.tensor([10.0], dtype=torch.float64), scale=torch.tensor([5.0], dtype=torch.float64)
)
SCORE = ThresholdScore(NumberScore("threshold_db", "threshold/mae_db", UNITS, OBSERVED))


def kept(rows: list[tuple[int, float, float, float]]) -> Any:
    """What is kept of (subject, predicted dB, scale in dB, threshold in dB)."""
    subject, value, scale, label = (torch.tensor(column) for column in zip(*rows, strict=True))
    prediction = torch.stack([(value - 10) / 5, scale / 5], -1)[:, None]
    return SCORE.keep(prediction.float(), {"threshold_db": label, "subject": subject})


def test_an_ear_is_judged_by_all_its_recordings() -> None:
    nan = math.nan
    found = SCORE.metrics(
        kept(
            [
                (3, 10.0, 1.0, 20.0),
                (3, 30.0, 1.0, 20.0),  # together with the first: 20, exactly right
                (8, 40.0, 2.0, 44.0),
                (8, 40.0, 2.0, nan),  # helps to find the ear's threshold, which is known
                (9, 50.0, 1.0, nan),  # an ear without a threshold is not judged
            ]
        )
    )
    assert found["threshold/mae_db"] == pytest.approx((10 + 10 + 4) / 3, abs=1e-5)
    assert found["threshold/ear_mae_db"] == pytest.approx((0 + 4) / 2, abs=1e-5)
    assert found["threshold/ear_interval_coverage"] == 1.0


def test_coverage_is_the_share_of_ears_within_their_interval() -> None:
    rows = [(ear, 20.0, 1.0, 20.0 + shift) for ear, shift in enumerate([0.0, 3.6, 3.7, -9.0])]
    found = SCORE.metrics(kept(rows))  # the half width is log(39) = 3.66 scales
    assert found["threshold/ear_interval_coverage"] == 0.5


def test_the_median_stands_beside_it_without_an_interval() -> None:
    train = {"threshold_db": torch.tensor([10.0, 20.0, 60.0])}
    predict = SCORE.trivial(train)["median"]
    inputs = {"threshold_db": torch.tensor([25.0, 25.0, 10.0]), "subject": torch.tensor([0, 0, 1])}
    found = SCORE.metrics(SCORE.keep(predict(inputs), inputs))
    assert found["threshold/ear_mae_db"] == pytest.approx((5 + 10) / 2, abs=1e-5)
    assert "threshold/ear_interval_coverage" not in found


def test_nothing_is_judged_where_no_threshold_is_known() -> None:
    assert SCORE.metrics(kept([(0, 10.0, 1.0, math.nan), (1, 10.0, 1.0, math.nan)])) == {}


def test_all_it_may_report_has_a_direction() -> None:
    found = SCORE.metrics(kept([(0, 10.0, 1.0, 12.0)]))
    assert set(found) == set(SCORE.better)


def test_an_interval_of_the_ears_counts_an_ear_that_is_drawn_twice_as_two() -> None:
    rows = [(ear, 20.0, 1.0, 20.0 + ear) for ear in range(40) for _ in range(2)]
    here = kept(rows)

    class Task:
        name, group, score = "threshold", "threshold", SCORE

    judged = Judged(kept={"threshold": here}, trivial={"threshold": {}})
    tasks: Any = [Task()]
    result = with_intervals(judge(tasks, {}, judged), tasks, judged, Place(0, -1), 500)
    low, high = result.intervals["threshold/ear_mae_db"]
    error = torch.arange(40.0)
    expected = 1.96 * float(error.std()) / math.sqrt(40)
    assert low == pytest.approx(float(error.mean()) - expected, abs=0.6)
    assert high == pytest.approx(float(error.mean()) + expected, abs=0.6)
