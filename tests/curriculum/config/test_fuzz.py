"""Laws of the loader, on whatever Hypothesis comes up with."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curriculum.config import Kinds, load_plan, load_plan_text, to_plain
from curriculum.errors import PlanError

LAW = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=200,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SYNTAX = [": ", "- ", "\n", "\n  ", "{", "}", "[", "]", "&a ", "*a", "? ", "| ", "> ", '"', "'"]
SYNTAX += ["!!", "%", "---\n", "...\n", "<<: ", ",", "~", "\t", "\\", "\x85", "\ufeff", "\0", "é"]
WORDS = ["1e400", ".nan", "-1", "0x_", "3.0", "yes", "null", "true", "2000 steps", "[]", "{}", "#"]
WORDS += ["name", "kind", "phases", "turn_on", "until", "any", "signal", "peaks", "sgd", "plateau"]
SNIPPETS = SYNTAX + WORDS
PATHS = ["seed", "model", "data.subjects", "defaults.optimizer", "phases", "phases.0", "phases.1"]
PATHS += ["phases.peaks.until", "phases.signal.turn_on", "phases.2.schedule.metric", "defaults"]
PATHS += ["phases.classification.until.any.0", "phases.signal.name", "checkpoints", "phases.x.y"]
PATHS += ["defaults.schedule.warmup", "phases.0.ramp", "phases.1.retain", "defaults.global_batch"]
VALUES = st.sampled_from(SNIPPETS) | st.text(max_size=12) | st.floats().map(str)
MUTATION = st.tuples(st.floats(0, 1), st.integers(0, 40), st.sampled_from(SNIPPETS))


def assert_only_our_errors(text: str, kinds: Kinds, overrides: list[str] | None = None) -> None:
    """It loads, or says what is wrong in an error of ours."""
    problems = None
    try:
        loaded = load_plan_text(text, "plan.yaml", kinds, overrides or [])
        assert to_plain(loaded.plan)["phases"]
    except PlanError as error:
        problems = error.problems
    assert problems is None or problems
    assert all(str(problem).isprintable() for problem in problems or ())


@LAW
@given(st.text(max_size=300))
def test_any_text(kinds: Kinds, text: str) -> None:
    assert_only_our_errors(text, kinds)


@LAW
@given(st.lists(st.sampled_from(SNIPPETS), max_size=40).map("".join))
def test_any_text_that_looks_like_yaml(kinds: Kinds, text: str) -> None:
    assert_only_our_errors(text, kinds)


@LAW
@given(st.binary(max_size=300))
def test_any_bytes(kinds: Kinds, tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = Path(tmp_path_factory.getbasetemp()) / "fuzz.yaml"
    path.write_bytes(raw)
    with pytest.raises(PlanError, match="fuzz"):
        load_plan(path, kinds)


@settings(LAW, max_examples=500)
@given(st.lists(MUTATION, min_size=1, max_size=4))
def test_any_mutation_of_a_plan(
    kinds: Kinds, valid: str, mutations: list[tuple[float, int, str]]
) -> None:
    text = valid
    for where, cut, put in mutations:
        place = int(where * len(text))
        text = text[:place] + put + text[place + cut :]
    assert_only_our_errors(text, kinds)


@settings(LAW, max_examples=500)
@given(st.lists(st.tuples(st.integers(0, 200), VALUES), min_size=1, max_size=5))
def test_any_value_in_any_place(kinds: Kinds, valid: str, changes: list[tuple[int, str]]) -> None:
    """Whatever stands for a value, the rest of the plan is still judged without a stumble."""
    text = valid
    for place, value in changes:
        spots = [m.span() for m in re.finditer(r"(?<=: )[^\s,{}\[\]][^,{}\[\]\n]*", text)]
        if spots:
            start, end = spots[place % len(spots)]
            text = text[:start] + value + text[end:]
    assert_only_our_errors(text, kinds)


@settings(LAW, max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(PATHS), VALUES), min_size=1, max_size=4))
def test_any_option(kinds: Kinds, valid: str, options: list[tuple[str, str]]) -> None:
    assert_only_our_errors(valid, kinds, [f"{path}={value}" for path, value in options])


@LAW
@given(st.text(max_size=40))
def test_any_text_for_an_option(kinds: Kinds, valid: str, option: str) -> None:
    assert_only_our_errors(valid, kinds, [option])


@settings(LAW, max_examples=200)
@given(st.lists(st.sampled_from(range(25)), unique=True, min_size=1))
def test_lines_left_out(kinds: Kinds, valid: str, left_out: list[int]) -> None:
    lines = [line for i, line in enumerate(valid.splitlines()) if i not in left_out]
    assert_only_our_errors("\n".join(lines), kinds)


SLOWEST_S = 2.0
HOSTILE = {
    "too_deep": "[" * 60000,
    "aliases": "a: &a [1, 2]\n" + "".join(f"b{i}: *a\n" for i in range(5000)),
    "lists": "[" + "[]," * 21000 + "]",
    "keys": "".join(f"k{i}: 1\n" for i in range(7000)),
    "one_key": "a: b\n" * 13000,
    "questions": "? " * 32000,
    "anchors": "".join(f"- &a{i} x\n" for i in range(6000)),
    "plain_lines": "a: a\n" + " a\n" * 21000,
    "phases": "phases:\n" + "- {name: a}\n" * 2400,
    "tasks": "phases:\n- turn_on: {" + "".join(f"signa{i}: 1, " for i in range(4900)) + "}\n",
    "long_key": "a" * 60000 + ": 1\n",
    "long_text": "experiment: " + "a" * 60000 + "\n",
    "escapes": 'experiment: "' + "\\x41" * 15000 + '"\n',
    "tags": "- !!x 1\n" * 4000,
    "dashes": "- " * 30000,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_plans_are_judged_soon(name: str, kinds: Kinds) -> None:
    head = "model: {kind: small}\ndata: {kind: synthetic}\nexperiment: e\n"
    text = HOSTILE[name]
    started = time.process_time()
    assert_only_our_errors(head + text if name in {"phases", "tasks"} else text, kinds)
    watched = sys.gettrace() is not None  # measuring coverage takes several times as long
    assert watched or time.process_time() - started < SLOWEST_S
