"""`plan --probe`: what a plan costs, on a tiny model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from support import tiny
from support.runs import TINY, Recorder, run_tiny

from curriculum.cli import Client, main
from curriculum.config import DataSummary, Kinds, LoadedPlan, load_plan_text
from curriculum.errors import PolicyStop, UsageError
from curriculum.events import Heartbeat
from curriculum.plan import resolve
from curriculum.run.folder import RunFolder
from curriculum.run.memory import measured
from curriculum.run.probe import parameters_by_part, probe
from curriculum.run.restored import load_last_state
from curriculum.state import size_in_bytes, to_bytes

CLIENT = Client(
    name="tiny", version="0", summary="A test.", kinds=Kinds(), plans=Path(__file__).parent
)


def loaded(*overrides: str) -> LoadedPlan:
    return load_plan_text(TINY, "tiny.yaml", Kinds(), overrides)


def probed(*overrides: str, trust: bool = True) -> dict[str, Any]:
    plan = loaded(*overrides)
    phases = resolve(plan.plan, DataSummary(fingerprint="", train_size=120))
    return probe(plan, Kinds(), phases, Recorder(), threads=1, trust=trust)


def test_it_counts_every_parameter_in_its_part() -> None:
    model = tiny.TinyModel()
    found = probed()
    assert found["parameters"] == sum(p.numel() for p in model.parameters())
    assert found["parameters_by_part"] == {
        "trunk": 8 * 16 + 16 + 16 * 16 + 16,
        "heads.shape": 16 * 8 + 8,
        "heads.kind": 2 * 16 + 16 * 3 + 3,
        "heads.size": 16 + 1,
    }


def test_a_parameter_that_two_parts_share_counts_once() -> None:
    model = tiny.TinyModel()
    model.heads["size"].inner.bias = model.heads["shape"].inner.bias
    found = parameters_by_part(model)
    assert sum(found.values()) == sum(p.numel() for p in model.parameters())
    assert found["heads.size"] == 16


def test_what_is_kept_follows_from_the_tasks_that_are_on() -> None:
    first, second, third = probed()["phases"]
    parts = probed()["parameters_by_part"]
    trained = parts["trunk"] + parts["heads.shape"]
    for phase, more in ((first, 0), (second, parts["heads.kind"]), (third, parts["heads.size"])):
        trained += more
        assert phase["gradients_bytes"] == 4 * trained
        assert 2 * phase["gradients_bytes"] < phase["optimizer_bytes"] < 2.5 * 4 * trained
    buffers = 4 * 2 * 16 + 8  # of the batch norm: mean, variance, count
    buffers += 2 * 8  # zero and scale of the size
    assert first["weights_bytes"] == third["weights_bytes"] == 4 * sum(parts.values()) + buffers


def test_sgd_without_momentum_keeps_nothing() -> None:
    found = probed("defaults.optimizer={kind: sgd, learning_rate: 0.1}")
    assert {phase["optimizer_bytes"] for phase in found["phases"]} == {0}


def test_the_time_of_a_phase_is_that_of_its_steps_and_evaluations() -> None:
    found = probed("defaults.evaluate_every=7 steps")
    first = found["phases"][0]  # 16 steps: evaluated after 7, 14 and 16
    assert first["seconds"] == pytest.approx(
        16 * first["step_seconds"] + 3 * first["evaluation_seconds"]
    )
    assert found["seconds"] == pytest.approx(sum(p["seconds"] for p in found["phases"]))


def test_a_phase_without_a_bound_has_no_time() -> None:
    found = probed("phases.third.until={plateau: {metric: size/skill}}")
    assert [phase["seconds"] is None for phase in found["phases"]] == [False, False, True]
    assert found["seconds"] is None


def test_a_checkpoint_has_the_size_that_was_foretold(tmp_path: Path) -> None:
    run_tiny(tmp_path / "run")
    state = load_last_state(RunFolder(tmp_path / "run"))
    assert size_in_bytes(state) == len(to_bytes(state))
    real = (tmp_path / "run/checkpoints").glob("03-*/*/state.pt")
    size = max(path.stat().st_size for path in real)
    foretold = probed()["checkpoint_bytes"]
    assert 0.8 * size < foretold <= size  # the real one also holds evaluations


def test_the_model_keeps_its_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    models: list[tiny.TinyModel] = []
    make = tiny.TinyModel

    def keep(*arguments: Any) -> tiny.TinyModel:
        models.append(make(*arguments))
        return models[-1]

    monkeypatch.setattr(tiny, "TinyModel", keep)
    probed()
    probed("seed=7")
    weights = [dict(model.named_parameters()) for model in models]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])
    torch.manual_seed(0)
    fresh = dict(make().named_parameters())
    assert not torch.equal(fresh["encoder.0.weight"], weights[0]["encoder.0.weight"])


def test_it_says_how_far_it_is() -> None:
    plan, watch = loaded(), Recorder()
    phases = resolve(plan.plan, DataSummary(fingerprint="", train_size=120))
    probe(plan, Kinds(), phases, watch, trust=True)
    beats = [(beat.doing, beat.done, beat.of) for beat in watch.of(Heartbeat)]
    assert beats[:2] == [("loading data", 0, None), ("building the model", 0, None)]
    assert beats[2:] == [("probing phase", each, 3) for each in (1, 2, 3)]


def test_a_loss_that_is_not_finite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        tiny.Shape, "loss_sum", lambda _task, prediction, _inputs: prediction.sum() * float("nan")
    )
    with pytest.raises(PolicyStop, match=r"phase `first`, step 1: every loss must be finite\."):
        probed()


def test_code_that_a_plan_names_is_not_imported_unasked() -> None:
    with pytest.raises(UsageError, match=r"imported only with `--trust-plan`"):
        probed(trust=False)


def test_memory_is_what_the_block_inside_needed_and_no_more() -> None:
    cpu = torch.device("cpu")
    with measured(cpu) as large:
        held = torch.ones(16 << 20)  # 64 MiB
        assert held.numel()
    del held
    with measured(cpu) as small:
        pass
    assert 60 << 20 < large.growth < 96 << 20
    assert small.growth < 8 << 20
    assert large.peak > large.growth


def test_the_command_adds_costs_to_the_plan_and_writes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tiny.yaml").write_text(TINY)
    runs = tmp_path / "runs"
    arguments = ["plan", str(tmp_path / "tiny.yaml"), "--trust-plan", "--runs-dir", str(runs)]
    assert main(CLIENT, [*arguments, "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert main(CLIENT, [*arguments, "--json", "--probe", "--threads", "1"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert not runs.exists()
    assert isinstance(found["parameters"], int)
    assert found["threads"] == 1
    for before, after in zip(plain["phases"], found["phases"], strict=True):
        assert before.items() <= after.items()
        assert after["step_seconds"] > 0
        assert after["step_memory_bytes"] >= 0
    assert main(CLIENT, [*arguments, "--probe", "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert f"{found['parameters']:,} parameters" in out
    assert err == ""


def test_without_it_no_torch_is_loaded(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from abr_model.cli import CLIENT\n"
        "from curriculum.cli import main\n"
        "code = main(CLIENT, ['plan', 'phases/smoke.yaml', '--json'])\n"
        "sys.exit(code or ('torch' in sys.modules) * 9)\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
