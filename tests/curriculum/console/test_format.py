"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from curriculum.console import format as shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0.0000"),
        (0.001, "0.0010"),
        (0.000999, "9.99e-04"),
        (0.43214, "0.4321"),
        (-0.5, "-0.5000"),
        (1.0, "1"),
        (12.3456, "12.35"),
        (999.96, "1000"),
        (1234.5, "1234"),
        (99999.0, "99999"),
        (100000.0, "1.00e+05"),
        (-2e7, "-2.00e+07"),
        (math.nan, "nan"),
        (math.inf, "inf"),
    ],
)
def test_number(value: float | None, text: str) -> None:
    assert shown.number(value) == text


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("signal/mse_uv2", 0.0013, "0.0013 µV²"),
        ("peaks/amplitude_mae_uv", 0.25, "0.2500 µV"),
        ("peaks/wave_v_latency_mae_ms", 0.31, "0.3100 ms"),
        ("threshold/mae_db", 7.5, "7.5 dB"),
        ("threshold/mae_db[subject 1_ms]", 7.5, "7.5 dB"),
        ("threshold/mae_db", None, "–"),
        ("threshold/share_within_10_db", 0.75, "0.7500"),
        ("classification/macro_f1", 0.5, "0.5000"),
    ],
)
def test_metric_has_the_unit_of_its_name(name: str, value: float | None, text: str) -> None:
    assert shown.metric(name, value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (0.5914, "0.591"), (0.0, "0.000"), (-0.4, "-0.400 (worse than trivial)")],
)
def test_skill(value: float | None, text: str) -> None:
    assert shown.skill(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (59.4, "59 s"),
        (59.6, "1m 00s"),
        (200, "3m 20s"),
        (3599, "59m 59s"),
        (3600, "1h 00m"),
        (5 * 3600 + 3 * 60 + 59, "5h 03m"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    assert shown.duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.004, "0 %"), (0.256, "26 %"), (1, "100 %")]
)
def test_percent(share: float, text: str) -> None:
    assert shown.percent(share) == text


@pytest.mark.parametrize(("bounds", "text"), [(None, "–"), ([0.8123, 0.87], "0.8123 to 0.8700")])
def test_interval(bounds: list[float] | None, text: str) -> None:
    assert shown.interval(bounds) == text
