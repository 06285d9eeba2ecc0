"""From what was kept of a split to intervals and to the metrics of each cluster."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from curriculum.errors import CurriculumError
from curriculum.sampling import Place
from curriculum.supervised import Regression
from curriculum.trainer.judging import Judged, judge, skill_of, with_clusters, with_intervals
from curriculum.trainer.resampling import FEWEST, resampled_rows

TASK = Regression("y")
PLACE = Place(0, -1)


def judged(error: torch.Tensor, trivial: float = 2.0, **more: torch.Tensor) -> Judged:
    beside = {"median": {"error": torch.full_like(error, trivial), **more}}
    return Judged(kept={"y": {"error": error, **more}}, trivial={"y": beside})


def test_intervals_hold_what_a_normal_mean_says() -> None:
    torch.manual_seed(0)
    error = 1 + 0.2 * torch.randn(400).double()
    here = judged(error)
    result = with_intervals(judge([TASK], {}, here), [TASK], here, PLACE, 2000)
    low, high = result.intervals["y/y_mae"]
    expected = 1.96 * float(error.std()) / 20
    assert low == pytest.approx(float(error.mean()) - expected, abs=0.004)
    assert high == pytest.approx(float(error.mean()) + expected, abs=0.004)
    bounds = result.intervals["y/skill"]
    assert bounds == pytest.approx((1 - high / 2, 1 - low / 2), abs=1e-9)
    assert result.skill["y"] == pytest.approx(1 - float(error.mean()) / 2)


def test_samples_that_belong_together_are_drawn_together() -> None:
    """Ten copies of each sample are no more evidence than the sample."""
    torch.manual_seed(0)
    error = 1 + 0.2 * torch.randn(50).double()
    copies = error.repeat_interleave(10)
    cluster = torch.arange(50).repeat_interleave(10)

    def width(here: Judged) -> float:
        result = with_intervals(judge([TASK], {}, here), [TASK], here, PLACE, 1000)
        low, high = result.intervals["y/y_mae"]
        return high - low

    alone, together = width(judged(error)), width(judged(copies, cluster=cluster))
    assert together == pytest.approx(alone, rel=0.1)
    assert width(judged(copies)) < 0.5 * together


def test_resamples_are_whole_clusters_and_a_function_of_the_place() -> None:
    cluster = torch.tensor([3, 3, 5, 7, 7, 7, *range(20, 30)])
    rows = [rows for rows, _ in resampled_rows({"cluster": cluster}, PLACE, 5)]
    for drawn in rows:
        counts = np.bincount(drawn.numpy(), minlength=len(cluster))
        assert counts[0] == counts[1]
        assert counts[3] == counts[4] == counts[5]
    again = [rows for rows, _ in resampled_rows({"cluster": cluster}, PLACE, 5)]
    assert all(torch.equal(a, b) for a, b in zip(rows, again, strict=True))
    other = [rows for rows, _ in resampled_rows({"cluster": cluster}, Place(1, -1), 5)]
    assert not all(torch.equal(a, b) for a, b in zip(rows, other, strict=False))


def test_a_cluster_that_is_drawn_twice_counts_as_two() -> None:
    cluster = torch.arange(30).repeat_interleave(2)
    draws = list(resampled_rows({"cluster": cluster}, PLACE, 20))
    for rows, draw in draws:
        assert torch.equal(draw, torch.arange(30).repeat_interleave(2))
        assert torch.equal(cluster[rows][::2], cluster[rows][1::2])
    assert any(len(cluster[rows].unique()) < 30 for rows, _ in draws)


def test_few_clusters_give_no_interval() -> None:
    cluster = torch.arange(FEWEST - 1).repeat(4)
    here = judged(torch.rand(len(cluster)).double(), cluster=cluster)
    result = with_intervals(judge([TASK], {}, here), [TASK], here, PLACE, 100)
    assert result.intervals == {}


def test_few_clusters_are_reported_one_by_one_beside_the_trivial_predictor() -> None:
    error, cluster = torch.tensor([1.0, 3.0, 5.0]).double(), torch.tensor([4, 4, 2])
    here = judged(error, cluster=cluster)
    names = ["a", "b", "P6", "c", "P3"]
    result = with_clusters(judge([TASK], {}, here), [TASK], here, names)
    assert result.metrics == {"y/y_mae": 3.0, "y/y_mae[P3]": 2.0, "y/y_mae[P6]": 5.0}
    assert result.trivial["y/y_mae[P3]"] == {"median": 2.0}
    one = judged(error, cluster=torch.zeros(3, dtype=torch.long))
    assert set(with_clusters(judge([TASK], {}, one), [TASK], one, names).metrics) == {"y/y_mae"}


def test_skill_is_missing_where_the_trivial_predictor_is_perfect_or_nothing_is_known() -> None:
    known, unknown = {"error": torch.ones(3)}, {"error": torch.full((3,), torch.nan)}
    assert skill_of(TASK, known, [{"error": torch.zeros(3)}]) is None
    assert skill_of(TASK, unknown, [known]) is None
    assert skill_of(TASK, known, [unknown, {"error": torch.full((3,), 4.0)}]) == 0.75


def test_a_metric_that_is_not_finite_is_an_error() -> None:
    class Broken(Regression):
        def metrics(self, kept: object) -> dict[str, float]:
            return {"y/y_mae": float("nan")}

    here = judged(torch.ones(3))
    with pytest.raises(CurriculumError, match=r"task `y`: a metric must be finite"):
        judge([Broken("y")], {}, here)
