from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curriculum.errors import CurriculumError
from curriculum.units import Duration


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2000 steps", Duration(2000, "steps")),
        ("1 step", Duration(1, "steps")),
        ("10 epochs", Duration(10, "epochs")),
        ("2_000 steps", Duration(2000, "steps")),
        (" 3epochs ", Duration(3, "epochs")),
    ],
)
def test_durations_carry_their_unit(text: str, expected: Duration) -> None:
    assert Duration.parse(text) == expected


@pytest.mark.parametrize("text", ["", "steps", "-1 steps", "1.5 epochs", "10 minutes", "1 step 2"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(CurriculumError, match="must be a duration with its unit"):
        Duration.parse(text)


def test_a_bare_number_is_told_its_unit() -> None:
    with pytest.raises(CurriculumError, match="did you mean `2000 steps`"):
        Duration.parse("2000")


def test_a_number_beyond_measure_is_refused() -> None:
    with pytest.raises(CurriculumError, match="must be at most"):
        Duration.parse("9" * 5000 + " steps")


@given(count=st.integers(0, 10**12), unit=st.sampled_from(["steps", "epochs"]))
def test_what_is_written_is_read_back(count: int, unit: str) -> None:
    duration = Duration(count, unit)  # type: ignore[arg-type]
    assert Duration.parse(str(duration)) == duration


def test_an_epoch_is_a_pass_over_the_data_rounded_up() -> None:
    assert Duration(3, "epochs").steps(epoch_samples=50, step_samples=24) == 7
    assert Duration(3, "steps").steps(epoch_samples=50, step_samples=24) == 3
