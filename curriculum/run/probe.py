"""What a plan costs, measured: the model's size, and memory and time of a step in each phase.

Model and data are built as for a run. Then, phase by phase, a few steps are taken with the phase's
own tasks, batch, balance and optimizer, at a learning rate of 0. Nothing is written anywhere.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from statistics import median
from typing import Any, cast

import attrs
import numpy as np
import torch
from torch import Tensor, nn

from curriculum.balance import make_balance
from curriculum.config import Kinds, LoadedPlan
from curriculum.events import Heartbeat, Observer, Warned
from curriculum.plan import PlannedPhase
from curriculum.run.assemble import build_seeded, check_labels, load_data, require_trust
from curriculum.run.memory import measured
from curriculum.run.restored import prepare_machine
from curriculum.sampling import Place
from curriculum.state import OptimizerState, Progress, TrainingState, size_in_bytes
from curriculum.tasks import Assembly, Batch, DataSource, SharedModel, Split
from curriculum.trainer.classes import PhaseClasses, TrainLabels
from curriculum.trainer.evaluation import CHUNK, Evaluator
from curriculum.trainer.objective import Objective
from curriculum.trainer.teacher import with_teacher
from curriculum.trainer.update import Updater

STEPS = 5
ENOUGH_SECONDS = 20.0
"""No further step of a phase is timed once those before have taken this long."""


def probe(
    loaded: LoadedPlan,
    kinds: Kinds,
    phases: Sequence[PlannedPhase],
    observer: Observer,
    *,
    device: str = "cpu",
    threads: int | None = None,
    trust: bool = False,
) -> dict[str, Any]:
    """What `plan --probe --json` adds: to the plan, and under `phases` to each phase in its order.

    Raises:
        UsageError: the plan names code that nobody said may be imported, or no such device.
        DataError: the data cannot be read, or holds a label that cannot be learned.
        PolicyStop: a loss or a gradient is not finite in the first steps.
    """
    require_trust(loaded, trust=trust)
    prepare_machine(device, threads)
    plan, place = loaded.plan, torch.device(device)
    observer.on_event(Heartbeat(doing="loading data", done=0, of=None))
    data = load_data(plan.data, kinds, plan.seed)
    observer.on_event(Heartbeat(doing="building the model", done=0, of=None))
    assembly = build_seeded(loaded, kinds, data)
    for notice in assembly.notices:
        observer.on_event(Warned(message=notice))
    assembly.model.to(place)
    check_labels(assembly, {task for phase in phases for task in phase.turn_on}, data)
    labels = TrainLabels(data.splits["train"])
    _Probe(assembly, data, labels, phases[0], plan.seed, place).warm_up()
    costs: list[dict[str, Any]] = []
    for done, phase in enumerate(phases):
        observer.on_event(Heartbeat(doing="probing phase", done=done + 1, of=len(phases)))
        costs.append(_Probe(assembly, data, labels, phase, plan.seed, place).cost())
    by_part = parameters_by_part(assembly.model)
    seconds = [cost["seconds"] for cost in costs]
    return {
        "parameters": sum(by_part.values()),
        "parameters_by_part": by_part,
        "device": device,
        "threads": torch.get_num_threads(),
        "seconds": None if None in seconds else math.fsum(seconds),
        "checkpoint_bytes": max(cost["checkpoint_bytes"] for cost in costs),
        "phases": costs,
    }


def parameters_by_part(model: nn.Module) -> dict[str, int]:
    """How many parameters the `trunk` has, and each head as `heads.<task>`; shared ones count once.

    What lies outside `heads` is the trunk.
    """
    found = {"trunk": 0, **{f"heads.{name}": 0 for name in cast("SharedModel", model).heads}}
    for name, parameter in model.named_parameters():
        head = ".".join(name.split(".")[:2])  # a module's name has no dot
        found[head if name.startswith("heads.") else "trunk"] += parameter.numel()
    return found


@attrs.frozen
class _First:
    """The first samples of a split."""

    split: Split
    size: int

    def __len__(self) -> int:
        return self.size

    def batch(self, indices: np.ndarray) -> Batch:
        return self.split.batch(indices)


class _Probe:
    """Steps and evaluations of one phase, with a model that keeps its weights."""

    def __init__(
        self,
        assembly: Assembly,
        data: DataSource,
        labels: TrainLabels,
        phase: PlannedPhase,
        seed: int,
        device: torch.device,
    ) -> None:
        self._assembly, self._data, self._phase = assembly, data, phase
        self._seed, self._device = seed, device
        self._place = Place(seed, phase.place)
        train = data.splits["train"]
        classes = PhaseClasses.of(phase, self._place, assembly, labels)
        self._order = classes.order
        self._balance = make_balance(phase.training.balance, phase.steps)
        self._balance_state = self._balance.start({}, dict.fromkeys(phase.weights, 1.0))
        untrained = self._state(OptimizerState(kind="none", parameters={}))
        teaching = classes.assembly, phase, untrained, train, self._place, device
        self._objective = Objective(with_teacher(*teaching), train, device)
        self._updater = Updater(self._objective, self._balance, phase, self._place)

    def warm_up(self) -> None:
        """A step that nobody counts: the first of a process also loads libraries."""
        self._assembly.model.train()
        self._step(1)

    def cost(self) -> dict[str, Any]:
        self._assembly.model.train()
        with measured(self._device) as memory:
            self._step(1)  # warms up, and makes the optimizer's memory
            step_seconds = self._time_steps()
        evaluation_seconds = self._time_evaluation()
        trained = list(self._updater.parameters.values())
        moments = [v for state in self._updater.optimizer.state.values() for v in state.values()]
        return {
            "name": self._phase.name,
            "step_seconds": step_seconds,
            "evaluation_seconds": evaluation_seconds,
            "seconds": self._seconds(step_seconds, evaluation_seconds),
            "step_memory_bytes": memory.growth,
            "peak_memory_bytes": memory.peak,
            "weights_bytes": _bytes(self._assembly.model.state_dict().values()),
            "gradients_bytes": _bytes(trained),
            "optimizer_bytes": _bytes(value for value in moments if isinstance(value, Tensor)),
            "checkpoint_bytes": size_in_bytes(self._state(self._updater.export_state())),
        }

    def _step(self, number: int) -> None:
        weights = dict(self._phase.weights)
        drawn = self._order.batch(number, self._phase.training.global_batch)
        terms = self._balance.terms(self._balance_state, weights)
        after = self._phase.warmup_steps + number  # the cost of a whole step, heads warm
        self._updater.differentiate(weights, terms, drawn, after)
        self._updater.apply(0.0)

    def _time_steps(self) -> float:
        """The median of a few steps."""
        found: list[float] = []
        while len(found) < STEPS and math.fsum(found) < ENOUGH_SECONDS:
            found.append(self._time(partial(self._step, len(found) + 2)))
        return median(found)

    def _time_evaluation(self) -> float:
        """An evaluation of the validation split, scaled up from a chunk of it."""
        whole = self._data.splits["validation"]
        part = _First(whole, min(len(whole), CHUNK))
        train = self._data.splits["train"]
        evaluator = Evaluator(self._assembly, train, {"validation": part}, self._seed, self._device)
        tasks = self._objective.active(self._phase.weights)
        evaluator.evaluate(tasks, "validation")  # judges the trivial predictors, once for all
        seconds = self._time(partial(evaluator.evaluate, tasks, "validation"))
        return seconds * len(whole) / part.size

    def _time(self, work: Callable[[], object]) -> float:
        began = time.perf_counter()
        work()
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter() - began

    def _seconds(self, step: float, evaluation: float) -> float | None:
        """The phase at its longest; the last step is always followed by an evaluation."""
        longest = self._phase.longest
        if longest is None:
            return None
        return step * longest + evaluation * -(-longest // self._phase.evaluate_every)

    def _state(self, optimizer: OptimizerState) -> TrainingState:
        return TrainingState(
            phase=self._phase.name,
            phase_key=self._phase.key,
            model=self._assembly.model.state_dict(),
            optimizer=optimizer,
            progress=Progress(balance_kind=self._phase.training.balance.kind),
        )


def _bytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
