"""A whole run: the folder, the model and data, and one phase after another."""

from __future__ import annotations

import tempfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
import torch

from curriculum import journal as journals
from curriculum.config import DataSummary, Kinds, LoadedPlan, to_plain
from curriculum.errors import CurriculumError
from curriculum.events import (
    Event,
    Heartbeat,
    Observer,
    PhaseReused,
    RunEnded,
    RunFailed,
    RunStarted,
    Warned,
)
from curriculum.journal import Journal
from curriculum.plan import PlannedPhase, resolve, shorten
from curriculum.run.actions import (
    Action,
    decide_actions,
    refuse_a_changed_phase,
    require_phases,
    settings_changed,
)
from curriculum.run.assemble import build_seeded, check_labels, directions, load_data, require_trust
from curriculum.run.folder import RunFolder
from curriculum.run.machine import environment, require_machine
from curriculum.run.results import results
from curriculum.state import TrainingState, from_bytes
from curriculum.tasks import Assembly, DataSource
from curriculum.trainer.evaluation import Evaluator
from curriculum.trainer.phase import PhaseTrainer
from curriculum.trainer.setting import Setting
from curriculum.trainer.signals import Signals

DEV_STEPS = 3


@attrs.frozen(kw_only=True)
class Request:
    """What to run, where, and how much of it."""

    loaded: LoadedPlan
    kinds: Kinds
    folder: RunFolder
    device: str = "cpu"
    threads: int | None = None  # None: as the run was started with, or torch's own choice
    rerun_from: str | None = None
    until: str | None = None
    fresh: bool = False
    dev: bool = False  # a few steps of each phase, in a folder that is thrown away
    trust: bool = False


def run(request: Request, observers: Sequence[Observer] = ()) -> list[dict[str, Any]]:
    """Train the phases of a plan; returns what `run --json` says of each.

    Raises:
        CurriculumError: one of its kinds, each with its exit code; the journal keeps it.
    """
    require_trust(request.loaded, trust=request.trust)
    require_phases(request.loaded.plan, request.rerun_from, request.until)
    require_machine(request.device, request.threads)
    with Signals() as signals, _folder(request) as folder, folder.locked():
        journals.read(folder.journal)  # damage shows now, not after hours of training
        journal = Journal(folder.journal)
        emit = _fan_out([journal, *observers])
        try:
            return _Run(request, folder, journal, signals, emit).run()
        except BaseException as error:
            emit(_failure(error))
            raise
        finally:
            journal.close()


class _Run:
    def __init__(
        self,
        request: Request,
        folder: RunFolder,
        journal: Journal,
        signals: Signals,
        emit: Any,
    ) -> None:
        self._request, self._folder = request, folder
        self._journal, self._signals, self._emit = journal, signals, emit

    def run(self) -> list[dict[str, Any]]:
        request, plan = self._request, self._request.loaded.plan
        self._set_threads()
        self._emit(Heartbeat(doing="loading data", done=0, of=None))
        data = load_data(plan.data, request.kinds, plan.seed)
        self._emit(Heartbeat(doing="building the model", done=0, of=None))
        assembly = build_seeded(request.loaded, request.kinds, data)
        assembly.model.to(request.device)
        phases = self._phases(data)
        check_labels(assembly, {task for phase in phases for task in phase.turn_on}, data)
        actions = self._decide(phases)
        self._signals.defer()
        self._write_down(phases)
        self._announce(phases, assembly, data)
        self._folder.store.clear_temporary()
        self._train(actions, self._setting(assembly, data))
        self._emit(RunEnded(phases=tuple(phase.name for phase in phases)))
        self._journal.sync()
        return results(self._folder, [(action.phase, action) for action in actions])

    def _phases(self, data: DataSource) -> tuple[PlannedPhase, ...]:
        plan = self._request.loaded.plan
        summary = DataSummary(fingerprint=data.fingerprint, train_size=len(data.splits["train"]))
        phases = resolve(plan, summary)
        if self._request.until is not None:
            names = [phase.name for phase in phases]
            phases = phases[: names.index(self._request.until) + 1]
        return tuple(shorten(p, DEV_STEPS) for p in phases) if self._request.dev else phases

    def _decide(self, phases: Sequence[PlannedPhase]) -> tuple[Action, ...]:
        store, changes = (
            self._folder.store,
            settings_changed(self._folder, self._request.loaded.plan),
        )
        first = phases[0].name if self._request.fresh else self._request.rerun_from
        actions = decide_actions(phases, store, changes, rerun_from=first)
        refuse_a_changed_phase(actions, store, changes, str(self._folder.path))
        return actions

    def _train(self, actions: Sequence[Action], setting: Setting) -> None:
        state: TrainingState | None = None
        for place, action in enumerate(actions):
            for damaged in action.damaged:
                self._emit(Warned(message=f"{damaged.path} {damaged.problem}: not used"))
            following = actions[place + 1].action if place + 1 < len(actions) else None
            if action.start is not None and not (action.action == following == "reuse"):
                state = from_bytes(setting.store.load(action.start), str(action.start.path))
            if action.action == "reuse":
                manifest = action.start.manifest if action.start else None
                steps = manifest.step if manifest else 0
                self._emit(PhaseReused(phase=action.phase.name, steps=steps, key=action.phase.key))
                continue
            if action.action == "run" and (aside := setting.store.set_aside(action.phase.folder)):
                message = (
                    f"the earlier checkpoints of `{action.phase.name}` are kept in {aside.name}"
                )
                self._emit(Warned(message=message, phase=action.phase.name))
            ended = self._ended_before(place, actions, state, setting)
            state = PhaseTrainer(setting, action.phase, ended).train(state)

    def _ended_before(
        self,
        place: int,
        actions: Sequence[Action],
        state: TrainingState | None,
        setting: Setting,
    ) -> TrainingState | None:
        """The state at the end of the phase before, where the phase holds tasks to it."""
        action = actions[place]
        if not action.phase.held or action.action != "resume":
            return state
        start = actions[place - 1].start
        assert start is not None  # what comes before a phase that is resumed is reused
        return from_bytes(setting.store.load(start), str(start.path))

    def _setting(self, assembly: Assembly, data: DataSource) -> Setting:
        plan, device = self._request.loaded.plan, torch.device(self._request.device)
        return Setting(
            assembly=assembly,
            data=data,
            evaluator=Evaluator(assembly, data.splits["train"], data.splits, plan.seed, device),
            directions=directions(assembly),
            store=self._folder.store,
            checkpoints=plan.checkpoints,
            seed=plan.seed,
            device=device,
            signals=self._signals,
            emit=self._emit,
            sync_journal=self._journal.sync,
        )

    def _set_threads(self) -> None:
        recorded = self._folder.read_json(self._folder.environment) or {}
        threads = self._request.threads or recorded.get("threads")
        if threads is not None:
            torch.set_num_threads(threads)
        now = environment(self._request.device)
        for name in ("torch", "threads", "device"):
            if recorded.get(name, now[name]) != now[name]:
                message = (
                    f"{name} was {recorded[name]} and is {now[name]}: "
                    "the run goes on, but not to the last bit as it would have"
                )
                self._emit(Warned(message=message))

    def _write_down(self, phases: Sequence[PlannedPhase]) -> None:
        folder, loaded = self._folder, self._request.loaded
        folder.write_text(folder.plan, loaded.text)
        keys = {phase.name: phase.key for phase in phases}
        steps = {phase.name: phase.longest for phase in phases}
        resolved = {"plan": to_plain(loaded.plan), "keys": keys, "steps": steps}
        folder.write_json(folder.resolved, resolved)
        folder.write_json(folder.environment, environment(self._request.device))

    def _announce(
        self, phases: Sequence[PlannedPhase], assembly: Assembly, data: DataSource
    ) -> None:
        now = environment(self._request.device)
        self._emit(
            RunStarted(
                experiment=self._request.loaded.plan.experiment,
                run_folder=str(self._folder.path),
                phases=tuple(phase.name for phase in phases),
                tasks={task.name: task.group for task in assembly.tasks},
                threads=now["threads"],
                device=self._request.device,
                versions={name: now[name] for name in ("python", "torch", "numpy", "curriculum")},
            )
        )
        for warning in self._request.loaded.warnings:
            self._emit(Warned(message=str(warning)))
        for notice in (*data.notices, *assembly.notices):
            self._emit(Warned(message=notice))


def _fan_out(observers: Sequence[Observer]) -> Any:
    def emit(event: Event) -> None:
        for observer in observers:
            observer.on_event(event)

    return emit


def _failure(error: BaseException) -> RunFailed:
    if isinstance(error, CurriculumError):
        return RunFailed(kind=type(error).__name__, message=str(error), exit_code=error.exit_code)
    return RunFailed(
        kind=type(error).__name__, message=f"{type(error).__name__}: {error}", exit_code=1
    )


@contextmanager
def _folder(request: Request) -> Generator[RunFolder]:
    if request.dev:
        with tempfile.TemporaryDirectory(prefix="abr-curriculum-") as temporary:
            yield RunFolder(Path(temporary) / request.folder.path.name)
    else:
        yield request.folder
