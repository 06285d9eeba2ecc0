"""The program as a process of its own: what it imports, pipes and terminals, signals."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.commands import PLAN, PROGRAM, SMOKE, Command, environment, process
from support.golden import assert_all_used, assert_golden, masked
from support.terminal import colours, on_terminal, screen

GOLDEN = Path(__file__).parent / "golden" / "processes"
SMOKE_RUN = ("run", str(SMOKE), "--threads", "1")


# --- imports -----------------------------------------------------------------------------------
def test_commands_that_need_no_torch_import_none(folder: Path, run: Command) -> None:
    """Nor numpy's or matplotlib's seconds, so that they answer in a blink."""
    run()
    (folder / "runs" / "tiny").rename(folder / "runs" / "kept")
    commands = [
        ["--help"],
        ["run", "--help"],
        ["check", str(SMOKE)],
        ["check", "plan.yaml"],
        ["plan", str(SMOKE)],
        ["status", "kept"],
        ["verify", "kept"],
        ["schema"],
        ["init", "phases"],
    ]
    program = (
        "import json, sys; from abr_model.cli import CLIENT; from curriculum.cli import main\n"
        f"for command in {commands!r}:\n"
        "    code = main(CLIENT, command)\n"
        "    heavy = [m for m in ('torch', 'matplotlib', 'scipy') if m in sys.modules]\n"
        "    print(json.dumps([code, heavy]), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    said = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert [json.loads(line) for line in said] == [[0, []]] * len(commands)


# --- pipes -------------------------------------------------------------------------------------
@pytest.mark.parametrize("arguments", [["schema"], ["--help"], ["plan", str(SMOKE)]])
def test_a_reader_that_leaves_ends_it_as_sigpipe_would(folder: Path, arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 128 + signal.SIGPIPE
    assert not [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]


def test_a_reader_that_has_left_ends_it_in_order(
    tiny: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert tiny("schema").code == 128 + signal.SIGPIPE
        print("nobody reads", file=stream, flush=True)  # and that hurts nobody


def test_forced_colour_leaves_help_in_a_pipe_plain(folder: Path) -> None:
    help_ = process(["--help"], folder, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"})
    assert help_.code == 0
    assert "\x1b" not in help_.out


def without_slow_lines(text: str) -> str:
    """Lines that depend on what was learned, or come only where a machine is slow, left out."""
    slow = re.compile(r"warning: |\w+: step \d+ of |evaluating |\w+: saved step \d+ \(every ")
    return "".join(line for line in text.splitlines(keepends=True) if not slow.match(line))


@pytest.mark.slow
def test_a_pipe_gets_plain_lines_even_when_colour_is_forced(folder: Path) -> None:
    answer = process(SMOKE_RUN, folder, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"})
    assert answer.code == 0
    assert "\x1b" not in answer.out + answer.err
    assert_golden(masked(without_slow_lines(answer.err)), GOLDEN / "pipe.txt")
    phases = answer.out.split("\n\n")[0]
    assert_golden(masked(phases), GOLDEN / "results.txt")


@pytest.mark.slow
def test_quiet_and_json_leave_one_document(folder: Path) -> None:
    answer = process([*SMOKE_RUN, "--json", "--quiet"], folder, {"FORCE_COLOR": "1"})
    assert answer.code == 0
    assert [phase["action"] for phase in answer.document["phases"]] == ["ran"] * 4
    assert all(line.startswith("warning: ") for line in answer.err.splitlines())


# --- terminals ---------------------------------------------------------------------------------
DEV_RUN = (*PROGRAM, *SMOKE_RUN, "--fast-dev-run")


def steady(text: str) -> str:
    """A screen without what was learned, and without the name of a temporary folder."""
    kept = [line for line in text.splitlines() if not line.startswith("warning: ")]
    return masked(re.sub(r"\S+/abr-curriculum-\w+/", "<temporary>/", "\n".join(kept)))


@pytest.mark.slow
def test_a_terminal_gets_a_live_display_and_keeps_its_last_frame(folder: Path) -> None:
    code, written = on_terminal(DEV_RUN, folder, environment())
    assert code == 0
    assert colours(written)
    assert written.count("\x1b[?25l") == written.count("\x1b[?25l\x1b[?25h") == 1
    frame, _, results = screen(written).partition("\nphase ")
    assert_golden(steady(frame), GOLDEN / "terminal.txt")
    assert_golden(masked("phase " + results.split("\n\n")[0]), GOLDEN / "terminal_results.txt")


@pytest.mark.slow
def test_no_color_leaves_a_terminal_its_display_without_colours(folder: Path) -> None:
    code, written = on_terminal(DEV_RUN, folder, environment({"NO_COLOR": "1"}))
    assert code == 0
    assert colours(written) == set()
    assert "\x1b[?25l" in written
    frame = screen(written).partition("\nphase ")[0]
    assert_golden(steady(frame), GOLDEN / "terminal.txt")


@pytest.mark.slow
def test_quiet_on_a_terminal_draws_nothing(folder: Path) -> None:
    code, written = on_terminal((*DEV_RUN, "--quiet", "--json"), folder, environment())
    assert code == 0
    assert colours(written) == set()
    assert "\x1b[?25l" not in written
    assert json.loads(written[written.index("{") :])["status"] == "done"


def test_every_golden_text_belongs_to_a_test() -> None:
    assert_all_used(GOLDEN, ["pipe", "results", "terminal", "terminal_results"])


# --- signals -----------------------------------------------------------------------------------
@contextmanager
def running(
    arguments: list[str] | tuple[str, ...], folder: Path, until: str
) -> Iterator[subprocess.Popen[str]]:
    """The program, from the moment when it has written a line to stderr."""
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process_:
        assert process_.stderr is not None
        try:
            for line in process_.stderr:
                if until in line:
                    break
            yield process_
        finally:
            process_.kill()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_saves_and_the_same_command_goes_on(folder: Path, number: int) -> None:
    command = [*SMOKE_RUN, "--json", "--set", "data.subjects=60"]
    with running(command, folder, until="measured losses") as first:
        first.send_signal(number)
        out, err = first.communicate(timeout=60)
    assert first.returncode == 128 + number
    assert json.loads(out)["status"] == "stopped"
    name = signal.Signals(number).name
    (saved,) = re.findall(rf"(\w+): saved step \d+ \({name}\)", err)
    resumed = process(command, folder)
    assert resumed.code == 0
    by_name = {phase["name"]: phase for phase in resumed.document["phases"]}
    assert by_name[saved]["action"] == "resumed"
    whole = process([*command, "--experiment", "whole"], folder).document["phases"]
    assert [phase["weights_sha256"] for phase in whole] == [
        phase["weights_sha256"] for phase in by_name.values()
    ]


SLEEPER = """
import time
from support import tiny
from support.tiny import data

def build(**arguments):
    whole, calls = tiny.Shape.loss_sum, []

    def loss_sum(*inputs):
        calls.append(1)
        if len(calls) == 8 + 6:  # after 8 of calibration, the sixth step, a long one
            print("sleeping", file=sys.stderr, flush=True)
            time.sleep(200)
        return whole(*inputs)

    tiny.Shape.loss_sum = loss_sum
    return tiny.build(**arguments)
"""


@pytest.fixture
def sleeper(folder: Path) -> list[str]:
    """A command that stays in its sixth step, which is after a checkpoint of step 4."""
    (folder / "sleeper.py").write_text("import sys\n" + SLEEPER)
    (folder / "plan.yaml").write_text(PLAN.replace("support.tiny:", "sleeper:"))
    return ["run", "plan.yaml", "--trust-plan", "--threads", "1"]


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(
    folder: Path, sleeper: list[str], tiny: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(sleeper, folder, until="sleeping") as process_:
        refused = tiny("run", "plan.yaml", "--trust-plan")
        assert refused.code == 2
        assert f"it is held by process {process_.pid} on " in refused.err
        held = tiny("status", "tiny", "--json").document
        assert (held["state"], held["phases"][0]["state"]) == ("running", "running")
        assert held["held_by"].startswith(f"process {process_.pid} on ")
        process_.send_signal(signal.SIGINT)
        with pytest.raises(subprocess.TimeoutExpired, match="timed out after 1"):
            process_.wait(1)  # it is in the middle of a step
        asked = time.monotonic()
        process_.send_signal(signal.SIGTERM)
        assert process_.wait(30) == 128 + signal.SIGTERM
        assert time.monotonic() - asked < 10
    steps = [found["step"] for found in tiny("verify", "tiny", "--json").document["checkpoints"]]
    assert steps == [4]
    assert tiny("status", "tiny", "--json").document["state"] == "stopped"
