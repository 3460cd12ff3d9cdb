"""Work ahead of the next question, in the background, that gives way to any question."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event

from stackmend.errors import StackmendError
from stackmend.tuning.remembered import Cancelled

Work = Callable[[Callable[[], bool]], None]


class Ahead:
    """Does one thing at a time, the latest that was asked for."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "ahead")
        self._stop = Event()

    def start(self, work: Work) -> None:
        """Do this instead of what is being done."""
        self.stop()
        self._stop = stop = Event()
        self._thread.submit(self._do, work, stop.is_set)

    def _do(self, work: Work, stopped: Callable[[], bool]) -> None:
        # What goes wrong here is said when it is asked for.
        with suppress(Cancelled, StackmendError):
            if not stopped():
                work(stopped)

    def stop(self) -> None:
        """Stop at the next stage."""
        self._stop.set()

    def close(self) -> None:
        """Stop for good."""
        self.stop()
        self._thread.shutdown(wait=False, cancel_futures=True)
