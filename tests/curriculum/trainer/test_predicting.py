"""Predicting a whole split, chunk by chunk."""

from __future__ import annotations

from typing import Any

import torch
from support import tiny

from curriculum.trainer.evaluation import Evaluator
from curriculum.trainer.predicting import Predicted, predict

CPU = torch.device("cpu")


def predicted(chunk: int, names: tuple[str, ...] = ("shape", "kind")) -> list[Predicted]:
    torch.manual_seed(0)
    assembly, data = tiny.build(None), tiny.data()
    tasks = [task for task in assembly.tasks if task.name in names]
    split = data.splits["validation"]
    return list(predict(assembly, tasks, split, 3, CPU, lambda *_: None, chunk))


def whole(chunks: list[Predicted], task: str) -> Any:
    return torch.cat([chunk.predictions[task] for chunk in chunks])


def test_the_size_of_a_chunk_changes_nothing() -> None:
    one, many = predicted(60), predicted(7)
    assert [len(chunk.indices) for chunk in many] == [7] * 8 + [4]
    for task in ("shape", "kind"):
        torch.testing.assert_close(whole(one, task), whole(many, task))


def test_only_what_is_asked_for_runs() -> None:
    tiny.CALLS.clear()
    predicted(60, ("kind",))
    assert tiny.CALLS == ["encoder", "kind"]


def test_each_task_comes_with_what_its_view_prepared() -> None:
    (chunk,) = predicted(60)
    assert not torch.equal(chunk.inputs["shape"]["x"], chunk.batch["x"])  # noised
    assert torch.equal(chunk.inputs["kind"]["x"], chunk.batch["x"])


def test_dropout_is_off_and_training_goes_on_as_before() -> None:
    assembly, split = tiny.build(None), tiny.data().splits["validation"]
    assembly.model.train()
    progress: list[tuple[int, int]] = []
    tasks = assembly.tasks[1:2]
    chunks = predict(assembly, tasks, split, 3, CPU, lambda *at: progress.append(at), 40)
    first = [each.predictions["kind"] for each in chunks]
    assert assembly.model.training
    assert progress == [(0, 60), (40, 60), (60, 60)]
    again = [each.predictions["kind"] for each in predict(assembly, tasks, split, 3, CPU, len2, 40)]
    torch.testing.assert_close(first, again)
    evaluator = Evaluator(assembly, split, {"validation": split}, 3, CPU)
    found = evaluator.evaluate(tasks, "validation").metrics["kind/kind_balanced_accuracy"]
    label = split.tensors["kind"]
    said = torch.cat(first).argmax(1)
    recalls = [(said[label == k] == k).double().mean() for k in range(3)]
    assert abs(float(torch.stack(recalls).mean()) - found) < 1e-9


def len2(done: int, of: int) -> None:
    assert 0 <= done <= of
