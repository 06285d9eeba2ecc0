"""What people read first: `--help`, and what is said of a command line that is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.commands import Command
from support.golden import assert_all_used, assert_golden

from abr_model.cli import CLIENT
from curriculum.cli.app import COMMANDS, make_app

GOLDEN = Path(__file__).parent / "golden" / "help"
NAMES = [make.__name__ for make in COMMANDS]
APP = make_app(CLIENT)
CASES = {
    "program": [],
    **{name: [name] for name in APP if name[0] != "-"},
    **{
        f"{group.name}_{name}": [group.name, name]
        for group in CLIENT.groups
        for name in APP[group.name]
        if name[0] != "-"
    },
}


@pytest.mark.parametrize("name", CASES)
def test_help(abr: Command, name: str) -> None:
    asked = abr(*CASES[name], "--help")
    assert (asked.code, asked.err) == (0, "")
    text = "".join(f"{line.rstrip()}\n" for line in asked.out.splitlines())
    assert_golden(text, GOLDEN / f"{name}.txt")


def test_every_golden_help_belongs_to_a_command() -> None:
    assert set(CASES) >= set(NAMES)
    assert_all_used(GOLDEN, CASES)


def test_no_command_is_the_programs_help(abr: Command) -> None:
    assert abr() == abr("--help")


def test_version(tiny: Command) -> None:
    assert tiny("--version").out == "1.2.3\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["nonsense"],
            f'Unknown command "nonsense". Available commands: {", ".join(NAMES[:8])}, ...',
        ),
        (["run"], 'Command "run" parameter PLAN requires an argument.'),
        (["run", "plan.yaml", "--nope"], "Unknown option: --nope."),
        (
            ["run", "plan.yaml", "--threads", "x"],
            'Invalid value for --threads: unable to convert "x" into int.',
        ),
        (["check", "plan.yaml", "other"], "Unused Tokens: ['other']."),
        (["check", "plan.yaml", "--no-json"], "Unknown option: --no-json. Did you mean --json?"),
        (["check", "plan.yaml", "--set"], 'Command "check" parameter --set requires an argument.'),
    ],
)
def test_a_command_line_that_is_wrong(tiny: Command, arguments: list[str], said: str) -> None:
    refused = tiny(*arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == f"error: {said}\nSee `tiny --help`.\n"
