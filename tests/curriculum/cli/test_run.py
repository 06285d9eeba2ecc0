"""The commands that train and judge: run, evaluate."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import attrs
import pytest
import torch
from support import tiny as tiny_model
from support.commands import PLAN, SMOKE, Answer, Command
from support.golden import assert_golden, masked

from curriculum import journal
from curriculum.run.folder import RunFolder

GOLDEN = Path(__file__).parent / "golden"
RUN_KEYS = {
    "name",
    "action",
    "steps",
    "reason",
    "key",
    "weights_sha256",
    "metrics",
    "trivial",
    "skill",
}


def actions(answer: Answer) -> list[str]:
    return [phase["action"] for phase in answer.document["phases"]]


def digests(answer: Answer) -> list[str]:
    return [phase["weights_sha256"] for phase in answer.document["phases"]]


# --- what run says -----------------------------------------------------------------------------
def test_run_shows_progress_on_stderr_and_results_on_stdout(run: Command) -> None:
    shown = run()
    assert shown.code == 0
    assert_golden(masked(shown.out), GOLDEN / "run.txt")
    assert "\nfirst: starts, at most 6 steps; weights shape 1\n" in shown.err
    assert shown.err.endswith("done: first, second\n")


def test_json_is_one_document_with_the_settled_keys(run: Command) -> None:
    answer = run("--json")
    document = answer.document
    assert (answer.code, document["experiment"], document["status"]) == (0, "tiny", "done")
    assert actions(answer) == ["ran", "ran"]
    for phase in document["phases"]:
        assert set(phase) == RUN_KEYS
        assert phase["steps"] == 6
        assert set(phase["trivial"]) == set(phase["metrics"])
    assert set(document["phases"][1]["skill"]) == {"shape", "kind"}
    again = run("--json")
    assert actions(again) == ["reused", "reused"]
    assert digests(again) == digests(answer)


def test_quiet_leaves_warnings_and_the_result(run: Command) -> None:
    shown = run("--quiet")
    assert shown.out.startswith("phase ")
    assert all(line.startswith("warning: ") for line in shown.err.splitlines())


# --- what run does -----------------------------------------------------------------------------
def test_until_stops_and_from_and_fresh_run_again(run: Command) -> None:
    part = run("--until", "first", "--json")
    assert actions(part) == ["ran"]
    whole = run("--json")
    assert actions(whole) == ["reused", "ran"]
    assert actions(run("--from", "second", "--json")) == ["reused", "ran"]
    fresh = run("--fresh", "--json")
    assert actions(fresh) == ["ran", "ran"]
    assert digests(fresh) == digests(whole)


def test_going_back_to_an_earlier_plan_gives_its_results_back(tiny: Command, run: Command) -> None:
    first = run("--json")
    changed = run("--set", "phases.second.turn_on.kind=0.7", "--json")
    assert digests(changed)[0] == digests(first)[0]
    assert digests(changed)[1] != digests(first)[1]
    back = run("--json")
    assert actions(back) == ["reused", "reused"]
    for phase, before in zip(back.document["phases"], first.document["phases"], strict=True):
        assert {**phase, "action": "ran"} == before
    (_, second) = tiny("status", "tiny", "--json").document["phases"]
    assert second["skill"] == first.document["phases"][1]["skill"]


def test_a_fast_dev_run_leaves_nothing_behind(
    run: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(folder / "temporary"))
    (folder / "temporary").mkdir()
    answer = run("--fast-dev-run", "--json")
    assert [phase["steps"] for phase in answer.document["phases"]] == [3, 3]
    assert sorted(folder.rglob("*")) == [folder / "plan.yaml", folder / "temporary"]


def test_an_experiment_of_its_own_has_a_folder_of_its_own(run: Command, folder: Path) -> None:
    run("--experiment", "other", "--runs-dir", "elsewhere", "--until", "first")
    assert (folder / "elsewhere" / "other" / "journal.jsonl").is_file()
    assert not (folder / "runs").exists()


def test_the_folder_of_the_plans_code_may_be_the_current_one(
    tiny: Command, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "mine.py").write_text("from support.tiny import build, data\n")
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    change = ["--set", "model.factory=mine:build", "--set", "data.factory=mine:data"]
    ran = tiny("run", "plan.yaml", "--trust-plan", "--threads", "1", "--quiet", *change)
    assert ran.code == 0


# --- how run ends ------------------------------------------------------------------------------
def failure(answer: Answer) -> Any:
    """The error of a document that says that a run failed, and says nothing else."""
    document = answer.document
    assert (document["status"], document["phases"]) == ("failed", [])
    return document["error"]


def test_exit_1_when_training_cannot_go_on(run: Command, folder: Path) -> None:
    (folder / "runs").mkdir()
    (folder / "runs" / "tiny").write_text("in the way")
    failed = run("--json")
    assert failed.code == 1
    assert failure(failed)["kind"] == "CurriculumError"
    assert failed.err == f"error: {failure(failed)['message']}\n"
    assert failed.err.startswith(
        "error: runs/tiny: the run's folder must be a folder that can be written."
    )


def test_exit_2_when_the_plan_is_wrong(run: Command) -> None:
    refused = run("--json", "--set", "phases.0.turn_on={shap: 1.0}")
    assert refused.code == 2
    assert failure(refused)["kind"] == "PlanError"
    assert "found 'shap' (did you mean 'shape'?)" in failure(refused)["message"]
    assert refused.err == f"{failure(refused)['message']}\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--from", "frist"], "must be a phase of the plan. Found 'frist'. It has first, second."),
        (["--until", "frist"], "must be a phase of the plan. Found 'frist'. It has first, second."),
        (
            ["--from", "second", "--until", "first"],
            "`--from` must name `--until`'s phase or one before it. Found `second` after `first`.",
        ),
        (["--threads", "0"], "`--threads` must be at least 1. Found 0."),
        (["--experiment", "a/b"], "`--experiment` must be 1 to 64 letters, digits, `_`, `.` or"),
        (["--device", "cqu"], "`--device` must be one that this torch can compute on. Found 'cqu'"),
        (["--device", "cuda:99"], "`--device` must be one that this torch can compute on. Found"),
    ],
)
def test_exit_2_when_the_command_asks_for_what_is_not_there(
    tiny: Command, folder: Path, arguments: list[str], said: str
) -> None:
    refused = tiny("run", "plan.yaml", "--trust-plan", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"error: {said}")
    assert list(folder.iterdir()) == [folder / "plan.yaml"]


def test_exit_2_without_trust(tiny: Command, folder: Path) -> None:
    refused = tiny("run", "plan.yaml")
    assert refused.code == 2
    assert "is imported only with `--trust-plan`" in refused.err
    assert list(folder.iterdir()) == [folder / "plan.yaml"]


def test_exit_2_when_another_run_holds_the_folder(run: Command, folder: Path) -> None:
    with RunFolder(folder / "runs" / "tiny").locked():
        refused = run("--json")
    assert refused.code == 2
    assert failure(refused)["kind"] == "RunLocked"
    assert f"it is held by process {os.getpid()} on " in refused.err


def test_exit_3_when_a_checkpoint_does_not_fit(run: Command, folder: Path) -> None:
    run("--until", "first")
    (journal_file,) = folder.rglob("journal.jsonl")
    journal_file.write_bytes(b"damaged\n" + journal_file.read_bytes())
    refused = run("--json")
    assert refused.code == 3
    assert failure(refused)["kind"] == "CheckpointError"
    assert "journal.jsonl:1: every line of a journal must be as it was written" in refused.err


def test_exit_4_when_a_policy_stops_it(run: Command) -> None:
    stopped = run("--json", "--set", "defaults.optimizer.learning_rate=1e30")
    assert stopped.code == 4
    assert failure(stopped)["kind"] == "Unsound"
    assert stopped.err.endswith(f"error: {failure(stopped)['message']}\n")
    assert stopped.err.count("every loss must be finite") == 1


def test_an_error_of_the_plans_own_code_is_in_the_document_and_raised(
    run: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(RuntimeError, match="negative dimension"):
        run("--json", "--set", "model.args={hidden: -1}")
    document = Answer(1, capsys.readouterr().out, "").document
    assert (document["status"], document["error"]["kind"]) == ("failed", "RuntimeError")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_and_the_same_command_goes_on(
    run: Command, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    whole = run("--experiment", "whole", "--json")
    loss_sum, calls = tiny_model.Shape.loss_sum, []

    def loss_then_signal(*arguments: Any) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 8 + 3:  # after 8 of calibration, the third step
            os.kill(os.getpid(), number)
        return loss_sum(*arguments)

    monkeypatch.setattr(tiny_model.Shape, "loss_sum", loss_then_signal)
    stopped = run("--json")
    name = signal.Signals(number).name
    assert stopped.code == 128 + number
    assert stopped.document["status"] == "stopped"
    assert stopped.document["error"]["kind"] == "Interrupted"
    assert f"first: saved step 3 ({name}) to checkpoints/01-first/step-00000003\n" in stopped.err
    assert stopped.err.endswith(
        f"stopped: the run ended at {name}. The same command goes on from here.\n"
    )
    resumed = run("--json")
    assert actions(resumed) == ["resumed", "ran"]
    assert digests(resumed) == digests(whole)


def test_ctrl_c_before_there_is_a_run(tiny: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("curriculum.cli.client.load_plan", interrupted)
    assert tiny("check", "plan.yaml") == Answer(130, "", "")


# --- evaluate ----------------------------------------------------------------------------------
def test_evaluate_judges_the_newest_checkpoint(tiny: Command, run: Command) -> None:
    ran = run("--json").document["phases"][-1]
    shown = tiny("evaluate", "tiny", "--trust-plan", "--threads", "1", "--quiet")
    assert (shown.code, shown.err) == (0, "")
    assert_golden(masked(shown.out), GOLDEN / "evaluate.txt")
    document = tiny("evaluate", "tiny", "--trust-plan", "--json").document
    assert document["data"] == "python"
    assert {name: document[name] for name in ("metrics", "trivial", "skill")} == {
        name: ran[name] for name in ("metrics", "trivial", "skill")
    }
    assert (document["split"], document["phase"], document["step"]) == ("validation", "second", 6)
    for name, (low, high) in document["intervals"].items():
        values = {**document["metrics"], **{f"{n}/skill": s for n, s in document["skill"].items()}}
        assert low <= values[name] <= high
    without = tiny("evaluate", "tiny", "--trust-plan", "--resamples", "0", "--json").document
    assert without == {**document, "intervals": {}}


def test_evaluate_judges_only_what_was_on(tiny: Command, run: Command) -> None:
    run("--until", "first")
    judged = tiny("evaluate", "tiny", "--trust-plan", "--split", "train", "--json").document
    assert set(judged["skill"]) == {"shape"}
    assert judged["split"] == "train"


def test_evaluate_says_what_the_data_lacks(
    tiny: Command, run: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--until", "first")
    noticed = attrs.evolve(tiny_model.data(), notices=("three samples were left out",))
    monkeypatch.setattr(tiny_model, "data", lambda: noticed)
    judged = tiny("evaluate", "tiny", "--trust-plan", "--quiet")
    assert judged.err == "warning: three samples were left out\n"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--split", "tset"], 2, "the split must be one that the data has. Found 'tset'. It has t"),
        (["--data", "nowhere"], 2, "this program must know a kind of data that a path can mean."),
        (["--device", "cqu"], 2, "`--device` must be one that this torch can compute on. Found 'c"),
        (["--threads", "-1"], 2, "`--threads` must be at least 1. Found -1."),
        (["--resamples", "-1"], 2, "`--resamples` must be a number >= 0. Found -1."),
    ],
)
def test_evaluate_refuses_what_is_not_there(
    tiny: Command, run: Command, arguments: list[str], code: int, said: str
) -> None:
    run("--until", "first")
    refused = tiny("evaluate", "tiny", "--trust-plan", "--quiet", *arguments)
    assert (refused.code, refused.out) == (code, "")
    assert refused.err.startswith(f"error: {said}")


def test_evaluate_needs_trust_for_the_plans_code(tiny: Command, run: Command) -> None:
    run("--until", "first")
    refused = tiny("evaluate", "tiny")
    assert refused.code == 2
    assert "is imported only with `--trust-plan`" in refused.err


def test_evaluate_needs_a_checkpoint(tiny: Command, run: Command, folder: Path) -> None:
    run("--until", "first")
    (manifest,) = folder.rglob("manifest.json")
    manifest.unlink()
    refused = tiny("evaluate", "tiny", "--trust-plan", "--quiet")
    assert refused.code == 3
    assert refused.err == (
        "error: runs/tiny: a run must have a valid checkpoint. See `verify runs/tiny`.\n"
    )
    (folder / "runs" / "tiny" / "resolved.json").unlink()
    refused = tiny("evaluate", "tiny", "--trust-plan")
    assert refused.code == 2
    assert refused.err == "error: runs/tiny: the run must have begun. Found no resolved plan.\n"


def test_evaluate_judges_human_recordings(abr: Command, real_data: Path) -> None:
    few = ["--set", "data.subjects=50", "--until", "signal", "--threads", "1", "--quiet"]
    assert abr("run", str(SMOKE), *few).code == 0
    assert abr("evaluate", "abr-smoke", "--data", "nowhere").err == (
        "error: DATA must be a file or folder of recordings. Found no 'nowhere'.\n"
    )
    judged = abr("evaluate", "abr-smoke", "--data", str(real_data), "--json")
    assert judged.code == 0
    assert judged.document["data"] == str(real_data)
    assert set(judged.document["skill"]) <= {"signal"}
    found = judged.document["metrics"]["signal/replicate_correlation"]
    beside = judged.document["trivial"]["signal/replicate_correlation"]
    assert -1 <= found <= 1
    assert "raw 500 sweeps" in beside


def test_the_journal_of_a_failed_run_keeps_why(run: Command, folder: Path) -> None:
    run("--set", "defaults.optimizer.learning_rate=1e30")
    (path,) = folder.rglob("journal.jsonl")
    last = journal.last(journal.read(path), "run_failed")
    assert last is not None
    assert (last["kind"], last["exit_code"]) == ("Unsound", 4)
    assert (path.parent / "plan.yaml").read_text() == PLAN
