"""SIGINT and SIGTERM: the first asks the run to end in order, the second ends it at once."""

from __future__ import annotations

import os
import signal
import threading
from types import FrameType
from typing import Any

from curriculum.errors import Interrupted

_NUMBERS = (signal.SIGINT, signal.SIGTERM)


class Signals:
    """Listens while entered; idle off the main thread, where Python allows no handlers.

    Until `defer` is called there is nothing to save, and a signal raises where it finds the
    program; after it, `check` raises at the next point where the state is whole.
    """

    def __init__(self) -> None:
        self._deferred = False
        self._requested: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._on_signal) for number in _NUMBERS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def requested(self) -> str | None:
        """Name of the signal that asked the run to end, if one has."""
        return None if self._requested is None else signal.Signals(self._requested).name

    def defer(self) -> None:
        """From here on there is something to save: only take note of a signal."""
        self._deferred = True

    def check(self) -> None:
        """Raise if the run was asked to end.

        Raises:
            Interrupted: with the signal's number.
        """
        if self._requested is not None:
            raise Interrupted(
                self._requested,
                f"the run ended at {self.requested}",
                hint="The same command goes on from here",
            )

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        if self._requested is not None:
            os._exit(128 + number)
        self._requested = number
        if not self._deferred:
            self.check()
