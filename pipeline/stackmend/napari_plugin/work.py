"""What is computed beside the window: the slice that is looked at, as long as it is wanted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Event
from typing import Any

from stackmend.errors import StackmendError
from stackmend.napari_plugin.source import KINDS, preview
from stackmend.preview import Cancelled, State
from stackmend.result.rows import Status, words_of


@dataclass(frozen=True)
class Made:
    """A slice at a position, with the products of each channel, or with why there are none."""

    state: State
    position: int
    products: Mapping[int, Mapping[str, Any]]
    error: str = ""

    @property
    def status(self) -> str:
        """What became of the slice in its channels."""
        if self.error:
            return "cannot be made"
        said = []
        for found in self.products.values():
            words = words_of(Status(found["status"]), found["reason"])
            said.append(f"{words} ({found['reason']})" if found["reason"] else words)
        return ", ".join(dict.fromkeys(said))


class Work:
    """One slice at a time; a newer question takes the place of an older one.

    Parameters
    ----------
    made
        Is told of what was made, in the thread of the window.
    """

    def __init__(self, made: Callable[[Made], None]) -> None:
        self._made = made
        self._unwanted = Event()

    def ask(self, state: State, position: int, number: int) -> None:
        """Make a slice of every channel."""
        from napari.qt.threading import create_worker

        self.cancel()
        unwanted = self._unwanted = Event()

        def finished(made: Made | None) -> None:
            if made is not None and not unwanted.is_set():
                self._made(made)

        worker = create_worker(_make, state, position, number, unwanted.is_set)
        worker.returned.connect(finished)
        worker.start()

    def cancel(self) -> None:
        """What is being made is not wanted any more."""
        self._unwanted.set()


def _make(state: State, position: int, number: int, cancelled: Callable[[], bool]) -> Made | None:
    """The slice, or nothing if it is not wanted any more."""
    found: dict[int, Mapping[str, Any]] = {}
    try:
        for channel in range(len(state.chains)):
            found[channel] = preview().products(state, number, channel, KINDS, cancelled=cancelled)
    except Cancelled:
        return None
    except StackmendError as error:
        return Made(state, position, {}, str(error))
    return Made(state, position, found)
