"""What a run does, seen from outside: laws 1, 4, 5 and 8, and how it fails."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from support import tiny
from support.runs import TINY, Recorder, digests, run_tiny, trained
from torch import nn

from curriculum import events
from curriculum.config import Kinds, load_plan_text
from curriculum.config.schema import Choice, PythonFactory
from curriculum.errors import CurriculumError, PlanError, PolicyStop, RunLocked, UsageError
from curriculum.run.assemble import build, build_seeded, named
from curriculum.run.folder import RunFolder
from curriculum.run.runner import Request, run
from curriculum.sampling import Drawn, Order, Place
from curriculum.state import copy_of, from_bytes, tensors_sha256, to_bytes
from curriculum.tasks import Assembly
from curriculum.trainer.evaluation import Evaluator
from curriculum.trainer.objective import Objective
from curriculum.trainer.optim import export_state, import_state, make_optimizer, trained_parameters

CPU = torch.device("cpu")


def recorded(folder: Path, *overrides: str, **request: object) -> Recorder:
    recorder = Recorder()
    run_tiny(folder, overrides=overrides, observer=recorder, **request)  # type: ignore[arg-type]
    return recorder


# --- law 1: off is absent ---------------------------------------------------------------------
def test_a_head_that_is_off_is_never_called_and_keeps_its_bytes(tmp_path: Path) -> None:
    tiny.CALLS.clear()
    recorder = recorded(tmp_path, until="first")
    assert set(tiny.CALLS) == {"encoder", "decoder", "shape"}
    (ended,) = recorder.of(events.PhaseEnded)
    assert set(ended.unchanged_heads) == {"kind", "size"}
    model = _initial_model()
    for name, digest in ended.unchanged_heads.items():
        assert digest == tensors_sha256(model.heads[name].state_dict())


def _initial_model() -> tiny.TinyModel:
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds())
    model = build_seeded(loaded, Kinds(), tiny.data()).model
    assert isinstance(model, tiny.TinyModel)
    return model


def test_the_proof_notices_a_head_that_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny.TinyModel.features

    def meddling(self: tiny.TinyModel, inputs: object, reads: frozenset[str]) -> object:
        with torch.no_grad():
            next(self.heads["size"].parameters()).add_(1.0)
        return whole(self, inputs, reads)  # type: ignore[arg-type]

    monkeypatch.setattr(tiny.TinyModel, "features", meddling)
    with pytest.raises(CurriculumError, match=r"a head that is off must keep its bytes.*`size`"):
        run_tiny(tmp_path, until="first")


def test_the_decoder_runs_only_where_a_task_reads_it(tmp_path: Path) -> None:
    tiny.CALLS.clear()
    recorded(tmp_path, "phases.0.turn_on={size: 1.0}", until="first")
    assert set(tiny.CALLS) == {"encoder", "size"}


def test_the_trunk_runs_once_for_each_view(tmp_path: Path) -> None:
    assembly = tiny.build(None)
    objective = Objective(assembly, tiny.data().splits["train"], CPU)
    place, ones = Place(0, 0), {"shape": 1.0, "kind": 1.0, "size": 1.0}
    tiny.CALLS.clear()
    objective.backward(ones, Order(place, 120).batch(1, 12), place, ones, step=1)
    assert tiny.CALLS.count("encoder") == 2
    assert tiny.CALLS.count("decoder") == 1


def test_optimizer_state_of_a_head_begins_when_it_is_turned_on(tmp_path: Path) -> None:
    run_tiny(tmp_path, until="first")
    folder = RunFolder(tmp_path)
    (found,) = folder.store.all()
    state = from_bytes(folder.store.load(found), "")
    assert {name.split(".")[1] for name in state.optimizer.parameters if "heads" in name} == {
        "shape"
    }


# --- law 5: what is shown is what is optimised -------------------------------------------------
@pytest.mark.parametrize(
    "change", [[], ["defaults.balance.kind=fixed", "defaults.accumulation_steps=4"]]
)
def test_the_total_is_the_sum_of_the_contributions_on_every_step(
    tmp_path: Path, change: list[str]
) -> None:
    steps = recorded(tmp_path, *change).of(events.Step)
    assert len(steps) == 16 + 20 + 25
    for step in steps:
        assert step.total == math.fsum(step.contributions.values())
        assert set(step.losses) == set(step.contributions)


def test_the_logged_loss_is_the_one_that_was_differentiated(tmp_path: Path) -> None:
    assembly = tiny.build(None, dropout=0.0)
    objective = Objective(assembly, tiny.data().splits["train"], CPU)
    place, weights = Place(0, 0), {"kind": 2.0, "size": 0.25}
    drawn = Order(place, 120).batch(1, 24)
    found = objective.backward(weights, drawn, place, weights, step=1)
    batch = objective.split.batch(drawn.samples)
    assembly.model.zero_grad()
    expected = torch.zeros(())
    for task in objective.active(weights):
        features = assembly.model.features(batch, task.reads)
        loss = task.loss_sum(assembly.model.heads[task.name](features), batch) / task.count(batch)
        part, count = found[task.name]
        assert float(part) / count == pytest.approx(loss.item(), rel=1e-6)
        expected = expected + weights[task.name] * loss
    expected.backward()
    fresh = {n: p.grad.clone() for n, p in assembly.model.named_parameters() if p.grad is not None}
    assembly.model.zero_grad()
    for module in assembly.model.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.reset_running_stats()
    objective.backward(weights, drawn, place, weights, step=1)
    for name, parameter in assembly.model.named_parameters():
        if name in fresh:
            assert parameter.grad is not None
            torch.testing.assert_close(parameter.grad, fresh[name], rtol=1e-5, atol=1e-7)


def test_accumulation_changes_memory_not_the_loss(tmp_path: Path) -> None:
    """Counts are of the whole global batch, so that uneven labels weigh as in one batch."""
    change = [
        "model.args={dropout: 0.0}",
        "phases.0.turn_on={size: 1.0}",
        "phases.0.duration=8 steps",
    ]
    once = recorded(tmp_path / "a", *change, until="first").of(events.Step)
    cut = recorded(tmp_path / "b", *change, "defaults.accumulation_steps=4", until="first").of(
        events.Step
    )
    for one, other in zip(once, cut, strict=True):
        assert one.losses["size"] == pytest.approx(other.losses["size"], rel=1e-5)
        assert one.gradient_norm == pytest.approx(other.gradient_norm, rel=1e-4)


def test_a_batch_without_labels_for_a_task_is_null_and_moves_nothing() -> None:
    assembly = tiny.build(None)
    data = tiny.data()
    unlabelled = np.flatnonzero(data.train["size"].isnan().numpy())[:4]
    objective = Objective(assembly, data.splits["train"], CPU)
    drawn = Drawn(unlabelled, np.zeros_like(unlabelled))
    tiny.CALLS.clear()
    found = objective.backward({"size": 1.0}, drawn, Place(0, 0), {"size": 1.0}, step=1)
    assert found["size"][1] == 0.0
    assert tiny.CALLS == []
    assert all(parameter.grad is None for parameter in assembly.model.parameters())


# --- law 8 and evaluation ----------------------------------------------------------------------
def test_scores_stand_beside_trivial_ones_and_do_not_depend_on_the_chunk() -> None:
    assembly, data = tiny.build(None), tiny.data()
    evaluator = Evaluator(assembly, data.splits["train"], data.splits, 7, CPU)
    whole = evaluator.evaluate(assembly.tasks, "validation")
    for chunk in (1, 7, 60):
        part = evaluator.evaluate(assembly.tasks, "validation", chunk=chunk)
        for name, value in whole.metrics.items():
            assert part.metrics[name] == pytest.approx(value, rel=1e-6)
        for name, loss in whole.losses.items():
            assert part.losses[name] == pytest.approx(loss, rel=1e-5)
    best = min(whole.trivial["shape/mse"].values())
    assert set(whole.trivial["shape/mse"]) == {"zero", "raw"}
    assert whole.skill["shape"] == pytest.approx(1 - whole.metrics["shape/mse"] / best)
    assert whole.trivial["kind/kind_balanced_accuracy"] == {"majority": pytest.approx(1 / 3)}


def test_worse_than_trivial_is_said_once_when_it_begins(tmp_path: Path) -> None:
    warned = recorded(
        tmp_path, "phases.0.duration=40 steps", "defaults.optimizer.learning_rate=1e-6"
    )
    said = [w for w in warned.of(events.Warned) if w.task == "shape" and w.phase == "first"]
    assert [w.step for w in said] == [10]
    assert "worse than its trivial predictor" in said[0].message


def test_every_phases_validation_losses_and_totals_are_in_the_journal(tmp_path: Path) -> None:
    run_tiny(tmp_path)
    last = {r["phase"]: r for r in trained(tmp_path) if r["event"] == "evaluated"}
    assert set(last["third"]["losses"]) == {"shape", "kind", "size"}
    for record in last.values():
        assert math.isfinite(record["total"])
        assert all(math.isfinite(loss) for loss in record["losses"].values())


# --- calibration and balance -------------------------------------------------------------------
def test_a_task_is_calibrated_when_it_is_turned_on(tmp_path: Path) -> None:
    recorder = recorded(tmp_path)
    found = recorder.of(events.Calibrated)
    assert [(c.phase, set(c.scales)) for c in found] == [
        ("first", {"shape"}),
        ("second", {"kind"}),
        ("third", {"size"}),
    ]
    assert all(norm > 0 for c in found for norm in c.trunk_gradient_norms.values())
    first = recorder.of(events.Step)[0]
    assert first.contributions["shape"] == pytest.approx(
        first.losses["shape"] / found[0].scales["shape"]
    )


def test_a_task_without_any_label_is_calibrated_aloud(tmp_path: Path) -> None:
    """The tiny data has a label for `size` in most batches; one of one sample may have none."""
    change = ["defaults.global_batch=1", "defaults.balance={kind: calibrated, batches: 1}"]
    for seed in range(12):
        warned = recorded(
            tmp_path / str(seed),
            f"seed={seed}",
            *change,
            "phases.0.turn_on={size: 1.0}",
            "phases.0.duration=1 step",
            "defaults.schedule.warmup=0 steps",
            until="first",
        ).of(events.Warned)
        if any("no batch of the calibration held a label for `size`" in w.message for w in warned):
            return
    pytest.fail("none of twelve single samples lacked a label")


@pytest.mark.parametrize("balance", ["calibrated", "fixed"])
def test_a_million_times_larger_target_swamps_nobody(tmp_path: Path, balance: str) -> None:
    change = ("data.args={scale: 1e6}", f"defaults.balance.kind={balance}")
    steps = [s for s in recorded(tmp_path, *change).of(events.Step) if s.phase == "third"]
    share = [step.contributions["size"] / step.contributions["shape"] for step in steps]
    assert 0.01 < min(share) < max(share) < 100


# --- policies and failures ---------------------------------------------------------------------
@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_stops_before_the_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: float
) -> None:
    whole, calls = tiny.Shape.loss_sum, []

    def loss_sum(self: tiny.Shape, prediction: torch.Tensor, inputs: object) -> torch.Tensor:
        calls.append(1)
        loss = whole(self, prediction, inputs)  # type: ignore[arg-type]
        return loss * bad if len(calls) == 8 + 5 else loss  # after 8 of calibration

    monkeypatch.setattr(tiny.Shape, "loss_sum", loss_sum)
    recorder = Recorder()
    with pytest.raises(
        PolicyStop, match=r"phase `first`, step \d+: every loss must be finite\. Found `shape`"
    ):
        run_tiny(tmp_path, observer=recorder)
    assert recorder.of(events.RunFailed)[0].exit_code == 4
    assert all(math.isfinite(step.total) for step in recorder.of(events.Step))


def test_a_validation_loss_that_is_not_finite_stops_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny.Shape.loss_sum

    def loss_sum(self: tiny.Shape, prediction: torch.Tensor, inputs: object) -> torch.Tensor:
        return whole(self, prediction, inputs) * (1 if torch.is_grad_enabled() else math.nan)  # type: ignore[arg-type]

    monkeypatch.setattr(tiny.Shape, "loss_sum", loss_sum)
    with pytest.raises(PolicyStop, match=r"the validation split: every loss must be finite"):
        run_tiny(tmp_path)


def test_a_gradient_that_is_not_finite_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = tiny.Shape.loss_sum

    def loss_sum(self: tiny.Shape, prediction: torch.Tensor, inputs: object) -> torch.Tensor:
        # The root of zero is finite and its slope is not.
        return whole(self, prediction, inputs) + (prediction * 0).sum().sqrt()  # type: ignore[arg-type]

    monkeypatch.setattr(tiny.Shape, "loss_sum", loss_sum)
    with pytest.raises(PolicyStop, match=r"the gradient must be finite.*not finite in encoder"):
        run_tiny(tmp_path, overrides=["defaults.balance.kind=fixed"])


def test_a_forgotten_task_ends_the_run_and_again_when_resumed(tmp_path: Path) -> None:
    change = [
        "phases.second={name: second, turn_on: {kind: 1000.0}, duration: 20 steps}",
        "phases.second.retain={shape: 0}",
        "phases.second.optimizer={learning_rate: 0.3}",
    ]
    recorder = Recorder()
    for _ in range(2):
        with pytest.raises(
            PolicyStop, match=r"what was learned must be retained\. Found `shape` fell"
        ):
            run_tiny(tmp_path, overrides=change, observer=recorder)
    assert any("`retain` allows" in w.message for w in recorder.of(events.Warned))
    assert [r.from_step for r in recorder.of(events.Resumed)] == [20]


def test_gradients_are_clipped_and_it_is_said(tmp_path: Path) -> None:
    free = recorded(tmp_path / "a", "defaults.gradient_clip=null", until="first").of(events.Step)
    clipped = recorded(tmp_path / "b", "defaults.gradient_clip=1e-3", until="first").of(events.Step)
    assert not any(step.clipped for step in free)
    assert all(step.clipped for step in clipped)
    assert free[0].gradient_norm == clipped[0].gradient_norm
    assert free[5].losses != clipped[5].losses


def test_another_optimizer_starts_afresh_and_says_so(tmp_path: Path) -> None:
    change = "phases.second.optimizer={kind: sgd, learning_rate: 0.01, momentum: 0.5}"
    warned = recorded(tmp_path, change, until="second").of(events.Warned)
    assert any(
        "the optimizer's memory starts afresh: adamw became sgd" in w.message for w in warned
    )


def test_a_second_run_in_the_folder_is_refused_at_once(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path).locked(),
        pytest.raises(RunLocked, match=r"it is held by process \d+ on "),
    ):
        run_tiny(tmp_path)
    run_tiny(tmp_path, until="first")


def test_a_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CurriculumError, match="must be a folder that can be written"):
        run_tiny(tmp_path / "file")


def test_code_of_a_plan_needs_trust(tmp_path: Path) -> None:
    loaded = load_plan_text(TINY, "tiny.yaml", Kinds())
    with pytest.raises(UsageError, match="imported only with `--trust-plan`"):
        run(Request(loaded=loaded, kinds=Kinds(), folder=RunFolder(tmp_path / "x")))
    assert not (tmp_path / "x").exists()


def test_names_of_a_users_model_are_checked_once_it_is_built(tmp_path: Path) -> None:
    with pytest.raises(PlanError, match="did you mean") as error:
        run_tiny(tmp_path, overrides=["phases.0.turn_on={shap: 1.0}"])
    assert "shap" in str(error.value)
    assert any(r["event"] == "run_failed" for r in _journal(tmp_path))


def _journal(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_a_fast_dev_run_keeps_nothing(tmp_path: Path) -> None:
    results = run_tiny(tmp_path / "a", dev=True)
    assert [phase["steps"] for phase in results] == [3, 3, 3]
    assert not (tmp_path / "a").exists()


def test_other_threads_are_announced(tmp_path: Path) -> None:
    run_tiny(tmp_path, until="first")
    environment = tmp_path / "environment.json"
    recorded_ = json.loads(environment.read_text())
    environment.write_text(json.dumps({**recorded_, "torch": "0.0"}))
    warned = recorded(tmp_path).of(events.Warned)
    assert any(w.message.startswith("torch was 0.0 and is") for w in warned)


# --- factories ---------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("place", "match"),
    [
        ("no_such_module:build", "must be a function that can be imported"),
        ("support.tiny:no_such", "must be a function that can be imported"),
        ("support.tiny:WIDTH", "must be a function that can be imported"),
    ],
)
def test_a_factory_that_is_not_there_is_named(place: str, match: str) -> None:
    with pytest.raises(UsageError, match=match):
        named(place)


def _assembly_of(model: object, tasks: tuple[object, ...]) -> object:
    return Assembly(model=model, tasks=tasks)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("made", "match"),
    [
        (lambda: "nothing", "must return a `curriculum.Assembly`. Found a str"),
        (lambda: _assembly_of(nn.Linear(1, 1), ()), "must have its heads in `heads`"),
        (lambda: _assembly_of(tiny.TinyModel(), (tiny.Shape(),)), "each head a task"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    monkeypatch: pytest.MonkeyPatch, made: object, match: str
) -> None:
    monkeypatch.setattr(tiny, "build", lambda **_: made())  # type: ignore[operator]
    choice = Choice(kind="python", settings=PythonFactory(factory="support.tiny:build"))
    with pytest.raises(CurriculumError, match=match):
        build(choice, Kinds(), tiny.data())


# --- state -------------------------------------------------------------------------------------
def test_the_optimizers_memory_follows_names_not_positions() -> None:
    model = tiny.TinyModel(dropout=0.0)
    from curriculum.config.schema import Training

    def stepped(heads: tuple[str, ...]) -> tuple[torch.optim.Optimizer, dict[str, nn.Parameter]]:
        parameters = trained_parameters(model, heads)
        return make_optimizer(Training(), parameters), parameters

    optimizer, parameters = stepped(("size",))
    for parameter in parameters.values():
        parameter.grad = torch.rand_like(parameter)
    optimizer.step()
    saved = export_state("adamw", optimizer, parameters)
    other, more = stepped(("shape", "size"))
    assert import_state(saved, "adamw", other, more)
    for name, parameter in more.items():
        if name in parameters:
            torch.testing.assert_close(
                other.state[parameter]["exp_avg"], optimizer.state[parameter]["exp_avg"]
            )
        else:
            assert not other.state.get(parameter)
    assert not import_state(saved, "sgd", other, more)


def test_the_digest_covers_names_shapes_types_and_bytes() -> None:
    base = {"a": torch.arange(4.0)}
    others = [
        {"b": torch.arange(4.0)},
        {"a": torch.arange(4.0).reshape(2, 2)},
        {"a": torch.arange(4.0).double()},
        {"a": torch.tensor([0.0, 1.0, 2.0, 3.0000002])},
    ]
    digests_ = {tensors_sha256(each) for each in [base, *others]}
    assert len(digests_) == 5
    assert tensors_sha256({"a": torch.arange(8.0)[::2] / 2}) == tensors_sha256(base)


def test_only_safe_values_are_saved(tmp_path: Path) -> None:
    import attrs

    from curriculum.errors import CheckpointError

    run_tiny(tmp_path, until="first")
    folder = RunFolder(tmp_path)
    (found,) = folder.store.all()
    state = from_bytes(folder.store.load(found), "")
    assert from_bytes(to_bytes(state), "").progress == state.progress
    progress = attrs.evolve(state.progress, references={"shape": np.float64(1.0)})
    unsafe = attrs.evolve(state, progress=progress)
    where = r"`state\.progress\.references\.shape` of type float64"
    with pytest.raises(CheckpointError, match=where):
        to_bytes(unsafe)


def test_the_weights_of_a_run_are_those_of_its_checkpoint(tmp_path: Path) -> None:
    results = run_tiny(tmp_path)
    folder = RunFolder(tmp_path)
    found = folder.store.all(contents=True)
    assert [f.manifest.weights_sha256 for f in found if f.manifest] == digests(results)
    state = from_bytes(folder.store.load(found[-1]), "")
    model = _initial_model()
    model.load_state_dict(dict(state.model))
    assert tensors_sha256(copy_of(model)) == digests(results)[-1]
