"""The commands that need no torch: init, check, plan, status, verify, schema."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest
from support.commands import PLAN, SMOKE, Answer, Command
from support.golden import assert_golden, masked, without_digests
from support.runs import DiesAt, Killed, run_tiny

from abr_model.cli import CLIENT
from curriculum.config import json_schema, options
from curriculum.events import CheckpointSaved
from curriculum.run.folder import RunFolder

GOLDEN = Path(__file__).parent / "golden"
PROBLEM = {"file", "line", "column", "path", "message", "hint"}
NOT_RUN = ["run", "run"]


def stopped_in_first(folder: Path) -> None:
    """Leave a run that died when its first phase had saved step 4."""
    with pytest.raises(Killed, match=r"^$"):
        run_tiny(folder, PLAN, observer=DiesAt(CheckpointSaved, 1))


def actions(answer: Answer) -> list[str]:
    return [phase["action"] for phase in answer.document["phases"]]


# --- init --------------------------------------------------------------------------------------
def test_init_writes_the_shipped_plans_and_keeps_what_is_there(abr: Command) -> None:
    first = abr("init")
    assert first.code == 0
    shipped = {path.name: path.read_bytes() for path in CLIENT.plans.glob("*.yaml")}
    assert {path.name: path.read_bytes() for path in Path("phases").iterdir()} == shipped
    assert first.out == "".join(f"wrote phases/{name}\n" for name in sorted(shipped))
    Path("phases/smoke.yaml").write_text("mine")
    again = abr("init")
    assert again.out == first.out.replace("wrote", "kept")
    assert Path("phases/smoke.yaml").read_text() == "mine"


def test_init_overwrites_when_it_is_forced_to(abr: Command) -> None:
    abr("init", "plans")
    Path("plans/smoke.yaml").write_text("mine")
    forced = abr("init", "plans", "--force")
    assert "wrote plans/smoke.yaml\n" in forced.out
    assert Path("plans/smoke.yaml").read_bytes() == SMOKE.read_bytes()


def test_what_init_writes_is_right(abr: Command) -> None:
    abr("init", "plans")
    for plan in sorted(Path("plans").iterdir()):
        assert abr("check", str(plan)).code == 0


def test_init_says_where_it_may_not_write(abr: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, data: bytes) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "write_bytes", refuse)
    refused = abr("init", "plans")
    assert refused.code == 2
    assert refused.err == (
        "error: plans/convergence.yaml: the folder must be one that can be written. "
        "Found Permission denied.\n"
    )


# --- check -------------------------------------------------------------------------------------
def test_check_finds_nothing(tiny: Command) -> None:
    found = tiny("check", "plan.yaml")
    assert found == Answer(0, "plan.yaml: a plan of 2 phases, nothing wrong found\n", "")
    assert tiny("check", "plan.yaml", "--json").document == {
        "ok": True,
        "errors": [],
        "warnings": [],
    }


def test_check_lists_everything_that_is_wrong(tiny: Command) -> None:
    Path("plan.yaml").write_text(PLAN.replace("seed: 7", "sede: 7").replace("1e-2", "fast"))
    found = tiny("check", "plan.yaml")
    assert (found.code, found.out) == (2, "")
    assert found.err.splitlines() == [
        "plan.yaml:2:1: sede: must be a known key, found 'sede' (did you mean 'seed'?)",
        "plan.yaml:9:43: defaults.optimizer.learning_rate: must be a number > 0, found 'fast'",
    ]


def test_check_says_as_json_what_it_says_in_words(tiny: Command) -> None:
    Path("plan.yaml").write_text(PLAN.replace("seed: 7", "sede: 7"))
    found = tiny("check", "plan.yaml", "--json")
    assert (found.code, found.err) == (2, "")
    assert found.document == {
        "ok": False,
        "errors": [
            {
                "file": "plan.yaml",
                "line": 2,
                "column": 1,
                "path": "sede",
                "message": "must be a known key, found 'sede'",
                "hint": "did you mean 'seed'?",
            }
        ],
    }


def test_check_warns_of_what_has_no_effect(abr: Command) -> None:
    change = ["--set", "phases.0.turn_on.signal=0.5"]
    found = abr("check", str(SMOKE), *change)
    assert found.code == 0
    assert found.err.startswith("warning: --set phases.0.turn_on.signal=0.5: phases[0]")
    (warning,) = abr("check", str(SMOKE), *change, "--json").document["warnings"]
    assert set(warning) == PROBLEM


def test_check_looks_into_the_plans_code_only_when_trusted(tiny: Command) -> None:
    change = ["--set", "phases.0.turn_on={shap: 1.0}"]
    assert tiny("check", "plan.yaml", *change).code == 0
    found = tiny("check", "plan.yaml", *change, "--trust-plan")
    assert found.code == 2
    assert "must be a task of the model, found 'shap' (did you mean 'shape'?)" in found.err
    assert tiny("check", "plan.yaml", "--trust-plan").code == 0


def test_what_the_plans_code_lacks_is_a_problem_like_any(tiny: Command) -> None:
    arguments = ["check", "plan.yaml", "--trust-plan", "--set", "model.factory=nowhere:build"]
    assert tiny(*arguments).err.startswith("error: a factory must be a function that can be imp")
    found = tiny(*arguments, "--json")
    assert (found.code, found.err) == (2, "")
    (problem,) = found.document["errors"]
    assert set(problem) == PROBLEM
    assert problem["file"] == "plan.yaml"
    assert problem["message"] == (
        "a factory must be a function that can be imported, as `package.module:function`, "
        "found: 'nowhere:build'"
    )


def test_check_of_no_file_names_a_neighbour(tiny: Command) -> None:
    found = tiny("check", "plam.yaml")
    assert found.code == 2
    assert found.err == (
        "plam.yaml: must be a plan's file, found no such file (did you mean `plan.yaml`?)\n"
    )


# --- plan --------------------------------------------------------------------------------------
def test_plan_says_what_a_run_would_do(abr: Command) -> None:
    shown = abr("plan", str(SMOKE))
    assert shown.code == 0
    assert_golden(without_digests(shown.out), GOLDEN / "plan.txt")


def test_plan_as_json_has_the_settled_keys(abr: Command) -> None:
    document = abr("plan", str(SMOKE), "--json").document
    assert [phase["name"] for phase in document["phases"]] == [
        "signal",
        "classification",
        "peaks",
        "threshold",
    ]
    for phase in document["phases"]:
        assert {"name", "action", "why", "heads", "steps", "key"} <= set(phase)
    assert document["phases"][1]["heads"] == {"signal": 1.0, "classification": 0.5}
    assert [phase["why"] for phase in document["phases"]] == [
        "not run yet",
        "follows `signal`",
        "follows `classification`",
        "follows `peaks`",
    ]


def test_plan_follows_the_run(tiny: Command, run: Command) -> None:
    asked = ["plan", "plan.yaml", "--trust-plan", "--json"]
    before = tiny(*asked).document["phases"]
    ran = run("--json").document["phases"]
    assert [phase["key"] for phase in before] == [phase["key"] for phase in ran]
    assert actions(tiny(*asked)) == ["reuse", "reuse"]
    assert actions(tiny(*asked, "--from", "second")) == ["reuse", "run"]
    assert actions(tiny(*asked, "--fresh")) == NOT_RUN
    assert actions(tiny(*asked, "--experiment", "other")) == NOT_RUN
    assert actions(tiny(*asked, "--runs-dir", "elsewhere")) == NOT_RUN
    changed = tiny(*asked, "--set", "phases.second.ramp=2 steps")
    assert actions(changed) == ["reuse", "run"]
    assert changed.document["phases"][1]["why"] == (
        "`phases.second.ramp` changed from 0 steps to 2 steps"
    )


def test_plan_refuses_a_changed_phase_in_progress_and_shows_it(tiny: Command) -> None:
    stopped_in_first(Path("runs/tiny"))
    asked = ["plan", "plan.yaml", "--trust-plan"]
    assert actions(tiny(*asked, "--json")) == ["resume", "run"]
    changed = ["--set", "phases.first.turn_on.shape=2.0"]
    refused = tiny(*asked, *changed, "--json")
    assert refused.code == 2
    assert actions(refused) == NOT_RUN
    assert_golden(refused.err, GOLDEN / "changed_phase.txt")
    assert tiny(*asked, *changed, "--fresh").code == 0


def test_plan_says_what_the_data_lacks(abr: Command) -> None:
    asked = ["plan", str(SMOKE), "--set", "data.subjects=50", "--set", "phases.0.turn_on.signal=2"]
    shown = abr(*asked)
    notices = abr(*asked, "--json").document["notices"]
    assert shown.err == "".join(f"warning: {notice}\n" for notice in notices)
    assert any("phases[0].turn_on" in notice for notice in notices)
    assert any("no subject of the class" in notice for notice in notices)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        (["--threads", "0"], "`--threads` must be at least 1. Found 0."),
        (["--device", "cqu"], "`--device` must be one that this torch can compute on. Found 'cqu'"),
    ],
)
def test_plan_measures_only_on_a_machine_that_is_there(
    tiny: Command, option: list[str], said: str
) -> None:
    refused = tiny("plan", "plan.yaml", "--trust-plan", "--probe", *option)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(f"error: {said}")


def test_plan_imports_no_code_without_trust(tiny: Command) -> None:
    refused = tiny("plan", "plan.yaml")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err == (
        "error: data.factory: data that the plan's own code makes can be looked at only with "
        "`--trust-plan`. Found 'support.tiny:data'.\n"
    )


@pytest.mark.parametrize("name", ["../elsewhere", "a b", "", "-x" * 40])
def test_an_experiment_is_named_as_in_a_plan(tiny: Command, folder: Path, name: str) -> None:
    refused = tiny("plan", "plan.yaml", "--trust-plan", f"--experiment={name}")
    assert refused.code == 2
    assert refused.err.startswith("error: `--experiment` must be 1 to 64 letters, digits")
    assert list(folder.iterdir()) == [folder / "plan.yaml"]


# --- status and verify -------------------------------------------------------------------------
def test_status_of_a_run_by_its_name_and_by_its_folder(tiny: Command, run: Command) -> None:
    run()
    shown = tiny("status", "tiny")
    assert shown.code == 0
    assert_golden(masked(shown.out), GOLDEN / "status.txt")
    document = tiny("status", "runs/tiny", "--json").document
    assert document == tiny("status", "tiny", "--json", "--runs-dir", "runs").document
    settled = {name: document[name] for name in ("experiment", "phase", "step", "of", "state")}
    assert settled == {
        "experiment": "tiny",
        "phase": "second",
        "step": 6,
        "of": 6,
        "state": "done",
    }


def test_a_run_that_is_not_there_is_named_with_those_that_are(tiny: Command, run: Command) -> None:
    assert tiny("status", "tniy").err == (
        "error: RUN must be the folder of a run, or the name of one. "
        "Found 'tniy'. `runs` holds no runs.\n"
    )
    run()
    refused = tiny("status", "tniy")
    assert refused.code == 2
    assert refused.err.endswith("Found 'tniy'. `runs` holds tiny.\n")


def test_verify_finds_a_run_whole(tiny: Command, run: Command) -> None:
    run()
    shown = tiny("verify", "tiny")
    assert shown.code == 0
    assert_golden(masked(shown.out), GOLDEN / "verify.txt")
    document = tiny("verify", "tiny", "--json").document
    assert document["ok"] is True
    for found in document["checkpoints"]:
        assert set(found) == {"path", "phase", "step", "valid", "weights_sha256", "problem"}
        assert (Path("runs/tiny") / found["path"]).is_dir()


def test_verify_finds_damage(tiny: Command, run: Command) -> None:
    run()
    first, second = sorted(Path("runs/tiny/checkpoints").glob("*/step-*"))
    state = bytearray((first / "state.pt").read_bytes())
    state[100] ^= 1
    (first / "state.pt").write_bytes(state)
    (second / "manifest.json").unlink()
    shown = tiny("verify", "tiny")
    assert shown.code == 3
    assert_golden(masked(shown.out), GOLDEN / "verify_damaged.txt")
    found = tiny("verify", "tiny", "--json")
    assert (found.code, found.document["ok"]) == (3, False)
    assert [checkpoint["problem"] for checkpoint in found.document["checkpoints"]] == [
        "state.pt does not match its sha256",
        "has no manifest",
    ]


def test_a_damaged_journal_is_damage_to_every_command(tiny: Command, run: Command) -> None:
    run("--until", "first")
    journal = RunFolder(Path("runs/tiny")).journal
    lines = journal.read_bytes().split(b"\n")
    lines[1] = lines[1].replace(b'"phase"', b'"phsae"')
    journal.write_bytes(b"\n".join(lines))
    problem = "runs/tiny/journal.jsonl:2: every line of a journal must be as it was written."
    found = tiny("verify", "tiny", "--json")
    assert (found.code, found.document["ok"]) == (3, False)
    assert found.document["journal"]["problem"].startswith(problem)
    for refused in (tiny("status", "tiny"), run()):
        assert (refused.code, refused.out) == (3, "")
        assert refused.err.startswith(f"error: {problem}")


# --- schema ------------------------------------------------------------------------------------
def test_schema_is_that_of_the_programs_plans(abr: Command) -> None:
    answer = abr("schema")
    assert (answer.code, answer.err) == (0, "")
    assert answer.document == json.loads(json.dumps(json_schema(CLIENT.kinds)))


def test_schema_lists_every_option_as_a_page(abr: Command) -> None:
    page = abr("schema", "--markdown")
    assert (page.code, page.err) == (0, "")
    assert page.out.startswith("# Every option of a plan\n")
    rows = [line.split(" | ") for line in page.out.splitlines() if line.startswith("| `")]
    assert [row[0].strip("|` ") for row in rows] == [info.path for info in options(CLIENT.kinds)]
    assert all(len(row) == 4 for row in rows)
