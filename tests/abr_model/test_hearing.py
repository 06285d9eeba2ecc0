"""Classes of hearing: what each loss makes of their logits, in scores, `predict` and exports."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from support.abr import RUN, abr, train
from torch import Tensor

from abr_model.cli import CLIENT
from abr_model.cli_predict.model import open_model
from abr_model.config import ABR_KINDS
from abr_model.data import synthetic_data
from abr_model.standards import CLASSES, Standards, measure
from abr_model.tasks.exports import inputs_of
from abr_model.tasks.hearing import HearingTask, hearing_task, without_prior
from abr_model.tasks.views import ObservedView
from curriculum.class_losses import Frequencies, make_class_loss
from curriculum.cli.client import load_run
from curriculum.config.class_settings import ClassBalanced, ClassLossSettings, CrossEntropy, Focal
from curriculum.tasks import ClassTask
from curriculum.trainer.predicting import predict

COUNTS = (800, 8, 106, 33, 53)
LOGITS = torch.tensor([[2.0, 0.5, 1.0, 0.0, -1.0], [0.0, 0.2, -1.0, 1.0, 0.5]])
BATCH = {"hearing_class": torch.tensor([0, 3]), "subject": torch.tensor([0, 1])}


@pytest.fixture(scope="module")
def standards() -> Standards:
    found = measure(synthetic_data(200, 1, 15.0, 0.15, 0.15, seed=3).splits["train"])
    assert bool((found.class_prior > 0).all())
    return found


@pytest.fixture(scope="module")
def task(standards: Standards) -> HearingTask:
    return hearing_task(standards, ObservedView(standards), ObservedView(standards))


def kept(task: HearingTask) -> Mapping[str, Tensor]:
    return task.score.keep(LOGITS, BATCH)


def test_it_is_a_task_with_classes(task: HearingTask) -> None:
    assert isinstance(task, ClassTask)
    assert task.labels(BATCH).tolist() == [0, 3]
    assert task.count(BATCH) == 2


def test_until_a_run_says_otherwise_logits_are_balanced_scores(
    task: HearingTask, standards: Standards
) -> None:
    assert torch.equal(without_prior({"classification": LOGITS}, [task])["classification"], LOGITS)
    expected = (LOGITS + standards.class_prior.log()).softmax(1)
    torch.testing.assert_close(kept(task)["probability"], expected)


def test_with_cross_entropy_they_are_probabilities_as_frequent_as_in_the_data(
    task: HearingTask, standards: Standards
) -> None:
    shares = Frequencies.of(standards.class_prior.tolist())
    plain = task.with_loss(make_class_loss(CrossEntropy(), shares))
    assert torch.equal(kept(plain)["score"], LOGITS)
    torch.testing.assert_close(kept(plain)["probability"], LOGITS.softmax(1))
    said = without_prior({"classification": LOGITS, "threshold": LOGITS}, [plain])
    torch.testing.assert_close(said["classification"], LOGITS - standards.class_prior.log())
    assert said["threshold"] is LOGITS


@pytest.mark.parametrize("settings", [ClassBalanced(), Focal()], ids=lambda s: s.kind)
def test_the_score_judges_decisions_as_trained_and_probabilities_as_they_are_meant(
    task: HearingTask, standards: Standards, settings: ClassLossSettings
) -> None:
    shares = [1000 * share for share in standards.class_prior.tolist()]
    loss = make_class_loss(settings, Frequencies.of(shares))
    found = kept(task.with_loss(loss))
    assert torch.equal(found["score"], LOGITS)
    torch.testing.assert_close(found["probability"], loss.log_posteriors(LOGITS).exp())


@pytest.mark.parametrize("settings", [CrossEntropy(), ClassBalanced()], ids=lambda s: s.kind)
def test_the_majority_is_trivial_whatever_the_loss(
    task: HearingTask, standards: Standards, settings: ClassLossSettings
) -> None:
    other = task.with_loss(make_class_loss(settings, Frequencies.of(COUNTS)))
    train = {"hearing_class": torch.tensor([2, 2, 1, -1, -1, -1])}
    (predictor,) = other.score.trivial(train).values()
    found = other.score.keep(predictor(BATCH), BATCH)
    assert found["score"].argmax(1).tolist() == [2, 2]
    torch.testing.assert_close(found["probability"], standards.class_prior.expand(2, -1))


# --- a run --------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run whose loss and sampler are other ones at the end."""
    folder = tmp_path_factory.mktemp("runs")
    train(
        folder,
        *("--set", "defaults.sampler={kind: tempered, task: classification}"),
        *("--set", "phases.threshold.class_loss={kind: cross_entropy}"),
    )
    return folder


def test_predict_says_what_the_last_loss_means(runs: Path) -> None:
    folder, loaded = load_run(CLIENT, Path(RUN), runs)
    model = open_model(folder, loaded, "cpu", None, with_signal=False)
    (task,) = (task for task in model.tasks if isinstance(task, HearingTask))
    assert task.loss.settings == CrossEntropy()
    prior, drawn = (torch.tensor(each) for each in _shares(task))
    assert (prior - drawn).abs().max() > 0.1
    torch.testing.assert_close(prior, model.standards.class_prior)
    data = ABR_KINDS.data["synthetic"].load
    assert isinstance(data, str)
    split = synthetic_data(200, 2, 15.0, 0.15, 0.15, seed=1).splits["test"]
    chunks = predict(model.assembly, [task], split, 1, model.device, _silent)
    logits = torch.cat([chunk.predictions[task.name] for chunk in chunks])
    # Cross entropy under the sampler: its prior is what has to be replaced.
    expected = (logits - drawn.clamp_min(1e-8).log() + prior.clamp_min(1e-8).log()).softmax(1)
    table = abr("predict", RUN, "--split", "test", "--runs-dir", runs, "--quiet").out
    rows = list(csv.DictReader(io.StringIO(table)))
    said = torch.tensor([[float(row[f"probability_{name}"]) for name in CLASSES] for row in rows])
    torch.testing.assert_close(said, expected, atol=1e-5, rtol=1e-4)


def test_exports_say_the_same(runs: Path, tmp_path: Path) -> None:
    where = ["--runs-dir", runs, "--quiet"]
    answer = abr("export", RUN, tmp_path, "--format", "torch-export", *where)
    assert answer.code == 0, answer.err
    split = synthetic_data(200, 2, 15.0, 0.15, 0.15, seed=1).splits["test"]
    table = abr("predict", RUN, "--split", "test", *where).out
    rows = list(csv.DictReader(io.StringIO(table)))
    batch = split.batch(torch.arange(len(split)).numpy())
    found = torch.export.load(tmp_path / "heads.pt2").module()(*inputs_of(batch))[0]
    said = torch.tensor([[float(row[f"probability_{name}"]) for name in CLASSES] for row in rows])
    torch.testing.assert_close(found, said, atol=1e-4, rtol=1e-3)


def _shares(task: HearingTask) -> tuple[list[float], list[float]]:
    found = task.loss.frequencies
    return (
        [each / sum(found.counts) for each in found.counts],
        [each / sum(found.drawn) for each in found.drawn],
    )


def _silent(done: int, of: int) -> None:
    del done, of
