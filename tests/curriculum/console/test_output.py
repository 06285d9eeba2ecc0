"""Which stream gets what, and how a terminal differs from a pipe."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from typing import TextIO

import pytest
from support import moments

from curriculum import console
from curriculum.console.lines import Lines
from curriculum.console.live import LiveDisplay
from curriculum.console.output import console_on
from curriculum.errors import CurriculumError, Interrupted, Problem


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "COLUMNS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], TextIO]:
    def replace(name: str) -> TextIO:
        stream = Terminal()
        monkeypatch.setattr(f"sys.{name}", stream)
        return stream

    return replace


PROBLEM = Problem(
    source="plan.yaml", line=3, column=7, path="phases[1].ramp", message="must be [red]: 2"
)


def test_on_a_terminal_the_display_is_live_and_quiet_is_not(
    terminal: Callable[[str], TextIO],
) -> None:
    terminal("stderr")
    with console.observe(quiet=False) as observer:
        assert isinstance(observer, LiveDisplay)
    with console.observe(quiet=True) as observer:
        assert isinstance(observer, Lines)


def test_in_a_pipe_there_are_lines_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with console.observe(quiet=False) as observer:
        observer.on_event(moments.PHASE_REUSED)
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "signal: reused (800 steps)\n")


@pytest.mark.parametrize("name", ["FORCE_COLOR", "TTY_COMPATIBLE"])
def test_no_variable_makes_a_pipe_a_terminal(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(name, "1")
    console.warn_lines(["[red] is literal"])
    console.help_console().print("help", style="bold red")
    written = capsys.readouterr()
    assert written.err == "warning: [red] is literal\n"
    assert written.out == "help\n"


def test_no_color_takes_the_colours_of_a_terminal(
    monkeypatch: pytest.MonkeyPatch, terminal: Callable[[str], TextIO]
) -> None:
    stream = terminal("stderr")
    console.show_error(CurriculumError("it must hold"))
    assert "\x1b[1;31merror: \x1b[0m" in stream.getvalue()  # type: ignore[attr-defined]
    monkeypatch.setenv("NO_COLOR", "1")
    plain = terminal("stderr")
    console.show_error(CurriculumError("it must hold"))
    assert plain.getvalue() == "\x1b[1merror: \x1b[0mit must hold.\n"  # type: ignore[attr-defined]


def test_what_went_wrong_goes_to_stderr_whole(capsys: pytest.CaptureFixture[str]) -> None:
    long = "word " * 100
    console.show_error(CurriculumError(f"[b] {long}must hold", found=":ear:", hint="Try [1]"))
    console.show_error(Interrupted(15, "the run ended at SIGTERM"))
    console.show_usage_error("Unknown option: --[nope].", "abr-curriculum")
    console.show_problems([PROBLEM, Problem(source="file", path="", message="short")])
    console.warn_problems([PROBLEM])
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines() == [
        f"error: [b] {long}must hold. Found :ear:. Try [1].",
        "stopped: the run ended at SIGTERM.",
        "error: Unknown option: --[nope].",
        "See `abr-curriculum --help`.",
        "plan.yaml:3:7: phases[1].ramp: must be [red]: 2",
        "file: short",
        "warning: plan.yaml:3:7: phases[1].ramp: must be [red]: 2",
    ]


def test_the_place_of_a_problem_is_bold_on_a_terminal(terminal: Callable[[str], TextIO]) -> None:
    stream = terminal("stderr")
    console.show_problems([PROBLEM])
    assert stream.getvalue().startswith("\x1b[1mplan.yaml:3:7: \x1b[0m")  # type: ignore[attr-defined]


def test_a_line_of_result_goes_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    console.say("wrote [plan].yaml")
    assert capsys.readouterr() == ("wrote [plan].yaml\n", "")


@pytest.mark.parametrize(("columns", "width"), [("57", 57), (None, 80)])
def test_help_in_a_pipe_is_as_wide_as_columns_says(
    columns: str | None,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if columns is not None:
        monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr("os.get_terminal_size", _no_terminal)
    assert console.help_console().width == width


def _no_terminal(descriptor: int) -> os.terminal_size:
    raise OSError(f"{descriptor} is no terminal")


def test_a_reader_that_has_left_is_the_programs_business() -> None:
    class Left(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        console_on(Left()).print("text")
