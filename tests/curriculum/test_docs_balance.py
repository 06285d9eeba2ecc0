"""docs/balance.md says what is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from support.runs import TINY

from curriculum.balance.watching import ALARM_ABOVE, ENOUGH_PROBES, WARNING_ABOVE
from curriculum.config import Kinds, load_plan_text
from curriculum.config.balances import AGGREGATORS, BALANCES, Watch

TEXT = (Path(__file__).parents[2] / "docs" / "balance.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_every_snippet_is_a_plans(snippet: str) -> None:
    (balance,) = re.findall(r"balance: (\{.*?\})", snippet)
    plan = load_plan_text(TINY, "p", Kinds(), [f"defaults.balance={balance}"]).plan
    assert plan.defaults.balance.kind in BALANCES


def test_it_names_every_kind_and_aggregator() -> None:
    assert len(SNIPPETS) == 3
    for name in BALANCES:
        assert f"| `{name}`" in TEXT
    listed = re.search(r"Aggregators: (.*?)\.", TEXT, re.DOTALL)
    assert listed is not None
    assert tuple(re.findall(r"`(\w+)`", listed[1])) == AGGREGATORS


def test_its_numbers_are_those_of_the_code() -> None:
    watch = Watch()
    assert f"Every {watch.watch_every} (`watch_every`)" in TEXT
    assert f"Above {WARNING_ABOVE:g} to 1 there is a warning" in TEXT
    assert f"above {ALARM_ABOVE:g} to 1 an alarm" in TEXT
    assert ENOUGH_PROBES == 6
    assert "wait for six probes" in TEXT
