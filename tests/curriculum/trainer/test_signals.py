"""SIGINT and SIGTERM, as the trainer hears them; the runs that they end are in other tests."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from curriculum.errors import Interrupted
from curriculum.trainer.signals import Signals

BOTH = [signal.SIGINT, signal.SIGTERM]


@pytest.mark.parametrize("number", BOTH)
def test_while_there_is_nothing_to_save_a_signal_raises_where_it_comes(number: int) -> None:
    with Signals(), pytest.raises(Interrupted, match=r"ended at SIG\w+\. The same command goes on"):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", BOTH)
def test_later_it_is_noted_and_raised_when_the_state_is_whole(number: int) -> None:
    with Signals() as signals:
        signals.defer()
        signals.check()
        assert signals.requested is None
        os.kill(os.getpid(), number)
        assert signals.requested == signal.Signals(number).name
        with pytest.raises(Interrupted, match=signal.Signals(number).name) as ended:
            signals.check()
    assert (ended.value.signal_number, ended.value.exit_code) == (number, 128 + number)


def test_a_second_signal_ends_the_process_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    codes: list[int] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    with Signals() as signals:
        signals.defer()
        os.kill(os.getpid(), signal.SIGINT)
        assert codes == []
        os.kill(os.getpid(), signal.SIGTERM)
    assert codes == [128 + signal.SIGTERM]


def test_what_listened_before_listens_again() -> None:
    before = [signal.getsignal(number) for number in BOTH]
    with Signals():
        assert [signal.getsignal(number) for number in BOTH] != before
    assert [signal.getsignal(number) for number in BOTH] == before


def test_off_the_main_thread_it_is_idle() -> None:
    before, found = signal.getsignal(signal.SIGINT), []

    def listen() -> None:
        with Signals() as signals:
            found.append(signal.getsignal(signal.SIGINT))
            signals.check()

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert found == [before]
