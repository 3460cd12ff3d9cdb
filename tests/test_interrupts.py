"""Signals: one interruption, whatever comes after it; the third ends the program at once."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from commands import posix
from stackmend import interrupts
from stackmend.interrupts import Interrupts, as_interruption, held_back, listening

pytestmark = posix


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Pytest runs without our handlers, before and after; a shell may have it ignore signals."""
    given = [signal.getsignal(number) for number in interrupts.SIGNALS]
    for number in interrupts.SIGNALS:
        signal.signal(number, signal.default_int_handler)
    yield
    assert all(signal.getsignal(each) == signal.default_int_handler for each in interrupts.SIGNALS)
    for number, handler in zip(interrupts.SIGNALS, given, strict=True):
        signal.signal(number, handler)
    assert not interrupts.seen()


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_the_first_signal_interrupts_and_the_second_tells(
    number: signal.Signals, capfd: pytest.CaptureFixture[str]
) -> None:
    cleared_up = False
    with listening() as signals:
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - what is cleared up meanwhile
            try:
                signals.allow()
                signal.raise_signal(number)
                raise AssertionError("must not be reached")
            finally:
                signal.raise_signal(number)
                cleared_up = True
        assert interrupts.seen()
    assert cleared_up
    assert capfd.readouterr().err == "stackmend: stopping; once more to leave at once\n"


def test_the_third_leaves_with_the_workers(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    killed: list[str] = []

    class Child:
        def __init__(self, name: str) -> None:
            self.name = name

        def children(self, *, recursive: bool) -> list[Child]:
            return [Child("worker"), Child("from loky import resource_tracker")]

        def cmdline(self) -> list[str]:
            return ["python", "-c", self.name]

        def kill(self) -> None:
            killed.append(self.name)

    class Psutil:
        Error = OSError

        def Process(self) -> Child:  # noqa: N802 - the name that psutil has for it
            return Child("head")

    monkeypatch.setitem(sys.modules, "psutil", Psutil())
    monkeypatch.setattr("os._exit", lambda status: killed.append(str(status)))
    signals = Interrupts()
    for _ in range(3):
        signals.handle(signal.SIGINT)
    assert killed == ["worker", "130"]
    assert capfd.readouterr().err.endswith("stackmend: ended at once; the same command goes on\n")


def test_a_signal_waits_until_it_is_allowed() -> None:
    with listening() as signals:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt):
            signals.allow()


def test_what_came_before_the_command_line_listened_is_heard() -> None:
    with listening():
        signal.raise_signal(signal.SIGTERM)
        with listening() as signals, pytest.raises(KeyboardInterrupt):
            signals.allow()


def test_after_the_end_nothing_is_heard() -> None:
    try:
        with listening(ignored_later=True):
            pass
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        for number in interrupts.SIGNALS:
            signal.signal(number, signal.default_int_handler)


def test_a_decided_outcome_stays() -> None:
    with listening() as signals:
        signals.allow()
        signals.ignore()
        signal.raise_signal(signal.SIGINT)


def test_a_signal_while_processes_start_comes_afterwards() -> None:
    reached = []
    with listening() as signals:
        signals.allow()
        with pytest.raises(KeyboardInterrupt), held_back():  # noqa: PT012 - it comes at the end
            signal.raise_signal(signal.SIGTERM)
            reached.append("end")
            assert signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, ())
    assert reached == ["end"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())


def test_in_a_program_of_somebody_else_its_own_handler_hears_it() -> None:
    heard: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    try:
        with held_back():
            for _ in range(3):
                signal.raise_signal(signal.SIGTERM)
            assert heard == []
    finally:
        signal.signal(signal.SIGTERM, before)
    assert heard == [signal.SIGTERM]


def test_an_ignored_signal_stays_ignored() -> None:
    """As ``nohup`` has it, and a shell for what it runs in the background."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening() as signals:
            signals.allow()
            signal.raise_signal(signal.SIGHUP)
            assert signals.count == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_interruption_that_python_drops_comes_again(
    capfd: pytest.CaptureFixture[str],
) -> None:
    class Freed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)

    with listening() as signals:
        signals.allow()
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes at any moment
            thing = Freed()
            del thing
            for _ in range(3000):
                time.sleep(0.01)
    assert capfd.readouterr().err == ""


def test_what_fails_after_a_signal_is_the_interruption(
    capfd: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise AttributeError("'NoneType' object has no attribute 'submit'")

    with pytest.raises(AttributeError), as_interruption():
        fail()
    with listening() as signals:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(KeyboardInterrupt), as_interruption():
            fail()
        thread = threading.Thread(target=fail)
        thread.start()
        thread.join()
        assert signals.count == 1
    assert capfd.readouterr().err == ""
