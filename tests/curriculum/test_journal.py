from __future__ import annotations

import json
import math
from pathlib import Path
from typing import get_args

import attrs
import pytest
from support import moments
from support.moments import WATCHED

from curriculum import journal
from curriculum.errors import CheckpointError
from curriculum.events import (
    Evaluated,
    Event,
    Heartbeat,
    PhaseReused,
    PhaseStarted,
    Resumed,
    RunStarted,
    Step,
    Warned,
)
from curriculum.journal import Journal


def step(number: int, phase: str = "one", loss: float = 1.0) -> Step:
    return Step(
        phase=phase,
        step=number,
        losses={"a": loss, "b": None},
        contributions={"a": loss},
        total=loss,
        learning_rate=1e-3,
        gradient_norm=2.0,
        clipped=False,
    )


def evaluated(number: int, phase: str = "one") -> Evaluated:
    return Evaluated(
        phase=phase,
        step=number,
        split="validation",
        losses={},
        total=0.0,
        metrics={},
        trivial={},
        skill={},
    )


def phase_started(phase: str, key: str = "k") -> PhaseStarted:
    return PhaseStarted(
        phase=phase, key=key, turned_on=(), weights={}, longest=3, steps_per_epoch=1
    )


def reused(phase: str, key: str) -> PhaseReused:
    return PhaseReused(phase=phase, steps=2, key=key)


RUN = RunStarted(
    experiment="e",
    run_folder="r",
    phases=("one", "two"),
    tasks={},
    threads=1,
    device="cpu",
    versions={},
)


def written(path: Path, *events: Event) -> list[journal.Record]:
    kept = Journal(path)
    for event in events:
        kept.on_event(event)
    kept.close()
    return journal.read(path)


def numbers(records: list[journal.Record]) -> list[tuple[str, int]]:
    return [(r["event"], r["step"]) for r in records if r["event"] in {"step", "evaluated"}]


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "j", step(1, loss=0.1))
    assert record["event"] == "step"
    assert record["schema"] == 1
    assert record["losses"] == {"a": 0.1, "b": None}
    assert record["clipped"] is False


def test_a_line_is_strict_json_and_floats_survive_exactly(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "j", step(1, loss=0.1 + 0.2))
    assert record["total"] == 0.1 + 0.2
    (odd,) = written(tmp_path / "k", step(1, loss=math.nan))
    assert odd["losses"]["a"] == "nan"
    line = (tmp_path / "k").read_text()
    json.loads(line, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


def test_heartbeats_are_not_kept(tmp_path: Path) -> None:
    assert written(tmp_path / "j", Heartbeat(doing="evaluating", done=1, of=2)) == []


def test_a_torn_last_line_is_dropped_and_written_over(tmp_path: Path) -> None:
    path = tmp_path / "j"
    written(path, step(1), step(2))
    path.write_bytes(path.read_bytes()[:-9])
    assert numbers(journal.read(path)) == [("step", 1)]
    assert numbers(written(path, step(3))) == [("step", 1), ("step", 3)]


@pytest.mark.parametrize("damage", [b"0", b"\n", b"\x00", b"}"])
def test_damage_in_the_middle_is_reported_with_its_line(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "j"
    written(path, step(1), step(2), step(3))
    content = path.read_bytes()
    second = content.index(b"\n") + 30
    path.write_bytes(content[:second] + damage + content[second + 1 :])
    with pytest.raises(CheckpointError, match=r"j:2: every line of a journal must be as it was"):
        journal.read(path)


def test_a_resume_voids_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    resumed = Resumed(phase="one", key="k", from_step=1, weights={}, longest=3)
    records = written(
        tmp_path / "j",
        RUN,
        phase_started("one"),
        step(1),
        evaluated(1),
        step(2),
        evaluated(2),
        resumed,
        step(2),
    )
    assert numbers(journal.live(records)) == [("step", 1), ("evaluated", 1), ("step", 2)]


def test_a_resume_voids_looks_at_the_balance_that_come_again(tmp_path: Path) -> None:
    resumed = Resumed(phase="one", key="k", from_step=2, weights={}, longest=9)
    looks = [attrs.evolve(WATCHED, phase="one", step=number) for number in (2, 4)]
    records = written(tmp_path / "j", RUN, phase_started("one"), *looks, resumed)
    live = journal.live(records)
    assert [r["step"] for r in live if r["event"] == "balance_watched"] == [2]
    again = journal.live([*records, *written(tmp_path / "i", phase_started("one"))])
    assert [r for r in again if r["event"] == "balance_watched"] == []


def test_a_record_that_is_older_than_a_field_has_its_default(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "j", Warned(message="old"))
    old = {name: value for name, value in record.items() if name != "severity"}
    assert journal.as_event(old) == Warned(message="old", severity="warning")


def test_a_phase_started_again_voids_its_results_and_those_after_it(tmp_path: Path) -> None:
    records = written(
        tmp_path / "j",
        RUN,
        phase_started("one"),
        step(1),
        phase_started("two"),
        step(1, "two"),
        Warned(message="kept", phase="two"),
        RUN,
        phase_started("one"),
        step(1, loss=9.0),
    )
    live = journal.live(records)
    assert [r["losses"]["a"] for r in journal.steps(live)] == [9.0]
    assert [r["message"] for r in live if r["event"] == "warning"] == ["kept"]


def losses(records: list[journal.Record], phase: str) -> list[float]:
    return [r["losses"]["a"] for r in journal.steps(journal.live(records)) if r["phase"] == phase]


def test_a_phase_that_is_reused_has_the_results_of_its_key(tmp_path: Path) -> None:
    first = [
        RUN,
        phase_started("one", "a"),
        step(1, loss=1.0),
        step(2, loss=2.0),
        Resumed(phase="one", key="a", from_step=1, weights={}, longest=3),
        step(2, loss=3.0),
        phase_started("two", "b"),
        step(1, "two", loss=4.0),
    ]
    changed = [RUN, phase_started("one", "c"), step(1, loss=9.0)]
    back = [RUN, reused("one", "a"), reused("two", "b")]
    records = written(tmp_path / "j", *first, *changed, *back)
    assert (losses(records, "one"), losses(records, "two")) == ([1.0, 3.0], [4.0])
    forth = written(tmp_path / "j", RUN, reused("one", "c"))
    assert losses(forth, "one") == [9.0]
    rerun = written(tmp_path / "j", RUN, phase_started("one", "a"), step(1, loss=5.0))
    assert losses(rerun, "one") == [5.0]
    again = written(tmp_path / "j", RUN, reused("one", "c"), RUN, reused("one", "a"))
    assert losses(again, "one") == [5.0]


def test_a_phase_that_is_reused_as_it_was_keeps_its_place(tmp_path: Path) -> None:
    run = [RUN, phase_started("one", "a"), step(1), phase_started("two", "b"), step(1, "two")]
    records = written(tmp_path / "j", *run, RUN, reused("one", "a"))
    assert [r["phase"] for r in journal.steps(journal.live(records))] == ["one", "two"]


def test_a_key_that_the_journal_does_not_know_has_no_results(tmp_path: Path) -> None:
    records = written(tmp_path / "j", RUN, phase_started("one", "a"), step(1), reused("one", "z"))
    assert losses(records, "one") == []


EVENTS = [event for event in vars(moments).values() if isinstance(event, get_args(Event))]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.event)
def test_a_record_is_the_event_that_it_was_written_for(tmp_path: Path, event: Event) -> None:
    records = written(tmp_path / "j", event)
    assert [journal.as_event(record) for record in records] == (
        [] if isinstance(event, Heartbeat) else [event]
    )


def test_a_record_of_another_version_is_no_event(tmp_path: Path) -> None:
    (record,) = written(tmp_path / "j", step(1))
    with pytest.raises(ValueError, match="'leapt' is no event of this version"):
        journal.as_event({**record, "event": "leapt"})


def test_last_finds_the_latest_of_an_event(tmp_path: Path) -> None:
    records = written(tmp_path / "j", evaluated(1), evaluated(2), evaluated(1, "two"))
    assert journal.last(records, "evaluated", "one")["step"] == 2  # type: ignore[index]
    assert journal.last(records, "evaluated")["phase"] == "two"  # type: ignore[index]
    assert journal.last(records, "phase_ended") is None


def test_no_file_holds_no_records(tmp_path: Path) -> None:
    assert journal.read(tmp_path / "none") == []


def test_records_reach_the_disk_at_sync(tmp_path: Path) -> None:
    kept = Journal(tmp_path / "j")
    kept.on_event(step(1))
    kept.sync()
    assert numbers(journal.read(tmp_path / "j")) == [("step", 1)]
    kept.close()
