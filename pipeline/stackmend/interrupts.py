"""Ctrl-C and signals to terminate: the one place that handles them.

The first becomes a ``KeyboardInterrupt``, and no other ever does: what clears up after it is not
torn. Further ones are counted. The second says that one more ends the program at once, and the
third does so, with its workers; that loses no more than a pulled plug, after which the same command
goes on as well.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, NoReturn

from stackmend.errors import INTERRUPTED

SIGNALS = tuple(
    signal.Signals[name]
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if name in signal.Signals.__members__
)
"""What a person, a system that shuts down and a terminal that closes send."""

_LATER = ("SIGINT", "SIGHUP")
"""What reaches all processes of a terminal; the one at the head stops the others."""
_LEAVE_AT = 3
_RAISE_AGAIN_S = 0.02


class Interrupts:
    """What signals have come, and whether the first may be raised now."""

    def __init__(self) -> None:
        self.count = 0
        self.held = True
        self.raised = False

    def handle(self, number: int, frame: FrameType | None = None) -> None:
        """Take a signal."""
        self.count += 1
        if self.count == _LEAVE_AT:
            with suppress(OSError):
                os.write(2, b"\x1b[?25h" * os.isatty(2))  # the cursor is shown again
            _tell("ended at once; the same command goes on")
            leave()
        if self.count == _LEAVE_AT - 1:
            _tell("stopping; once more to leave at once")
        self._raise_if_due()

    def allow(self) -> None:
        """Raise the first signal from now on, and now if it has come already."""
        self.held = False
        self._raise_if_due()

    def ignore(self) -> None:
        """Raise none any more: the outcome is decided."""
        self.raised = True

    def _raise_if_due(self) -> None:
        if self.count and not self.held and not self.raised:
            self.raised = True
            raise KeyboardInterrupt

    def _raise_again(self) -> None:
        self.raised = False
        self.count -= 1
        signal.raise_signal(signal.SIGINT)

    def swallowed(self, error: type[BaseException] | None) -> bool:
        """Whether an error that came to nothing was the interruption; it is raised again then.

        Python drops what is raised while it frees an object.
        """
        if error is None or not issubclass(error, KeyboardInterrupt):
            return False
        again = threading.Timer(_RAISE_AGAIN_S, self._raise_again)
        again.daemon = True
        again.start()
        return True


_active: Interrupts | None = None


def seen() -> bool:
    """Whether the program has been told to stop."""
    return _active is not None and _active.count > 0


@contextmanager
def listening(*, ignored_later: bool = False) -> Iterator[Interrupts]:
    """Handle the signals until the end. They are held back until they are allowed.

    Threads and freed objects of a program that stops have nothing to say any more. What came
    while somebody listened around this has come for this, too.
    """
    global _active
    before, interrupts = _active, Interrupts()
    interrupts.count = before.count if before else 0
    thread_hook, free_hook = threading.excepthook, sys.unraisablehook

    def in_thread(arguments: Any) -> None:
        if not interrupts.count:
            thread_hook(arguments)

    def while_freeing(arguments: Any) -> None:
        if not interrupts.swallowed(arguments.exc_type) and not interrupts.count:
            free_hook(arguments)

    with _handled_by(interrupts.handle, ignored_later=ignored_later):
        _active, threading.excepthook, sys.unraisablehook = interrupts, in_thread, while_freeing
        try:
            yield interrupts
        finally:
            _active, threading.excepthook, sys.unraisablehook = before, thread_hook, free_hook


@contextmanager
def held_back() -> Iterator[None]:
    """Processes started meanwhile never see Ctrl-C; here it is seen afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    if _active is None:  # in somebody's program, which has handlers of its own
        came: list[int] = []
        with _handled_by(lambda number, _: came.append(number)), blocked(*_LATER):
            yield
        for number in came[:1]:
            signal.raise_signal(number)
        return
    held, _active.held = _active.held, True
    try:
        with blocked(*_LATER):
            yield
    finally:
        _active.held = held
    if not held:
        _active.allow()


@contextmanager
def blocked(*names: str) -> Iterator[None]:
    """Processes started meanwhile never see these signals, by name; this thread sees them later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.Signals[name] for name in names])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


@contextmanager
def as_interruption() -> Iterator[None]:
    """Whatever fails once the program has been told to stop is that it was told to stop."""
    try:
        yield
    # Libraries that are torn down fail in ways of their own.
    except Exception as error:
        if seen():
            raise KeyboardInterrupt from error
        raise


@contextmanager
def _handled_by(
    handler: Callable[[int, FrameType | None], None], *, ignored_later: bool = False
) -> Iterator[None]:
    """Signals go to a handler, but for those that this process was started to ignore."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {
        number: signal.signal(number, handler)
        for number in SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, handler_before in before.items():
            signal.signal(number, signal.SIG_IGN if ignored_later else handler_before)


def _tell(text: str) -> None:
    """Write past the streams, which may be in the middle of writing."""
    with suppress(OSError):
        os.write(2, b"\n" * os.isatty(2) + f"stackmend: {text}\n".encode())


def leave() -> NoReturn:
    """End this process and its workers at once, whatever its threads are doing."""
    psutil: Any = sys.modules.get("psutil")  # without it, there are no workers
    for child in psutil.Process().children(recursive=True) if psutil else ():
        with suppress(psutil.Error):
            if "resource_tracker" not in " ".join(child.cmdline()):  # clears up after workers
                child.kill()
    os._exit(INTERRUPTED)
