"""The picture of the last move: the visible window first, then all of it, then its figures.

A newer move overtakes an older one: there is never a queue of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import StackmendError
from stackmend.tuner.painted import AFTER, BEFORE, SOURCES, Painted
from stackmend.tuner.pictures import Window
from stackmend.tuner.standin import Cancelled, Preview, State

Tell = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class Look:
    """What a page shows: a slice of a channel, some layers, the part of it that is visible."""

    number: int = 0
    channel: int = 0
    layers: tuple[str, ...] = (BEFORE, AFTER)
    window: Window | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What must be computed for the layers."""
        names: list[str] = []
        for layer in self.layers:
            names += SOURCES.get(layer, (layer,))
        return tuple(dict.fromkeys(names))


class Painter:
    """Computes what one page looks at, in a thread of its own.

    Parameters
    ----------
    preview
        Computes.
    tell
        Is told of every picture and every figure.
    """

    def __init__(self, preview: Preview, tell: Tell) -> None:
        self._preview, self._tell = preview, tell
        self._news = threading.Condition()
        self._wanted: tuple[State, Look] | None = None
        self._turn = 0
        self._closed = False
        self._painted: dict[bool, Painted] = {}
        self._thread = threading.Thread(target=self._work, name="stackmend painter", daemon=True)
        self._thread.start()

    def show(self, state: State, look: Look) -> None:
        """Look at a slice as a text has it, from now on; whatever was begun before is left."""
        with self._news:
            self._wanted = state, look
            self._turn += 1
            self._news.notify()

    def painted(self, revision: int, number: int, channel: int, *, quick: bool) -> Painted | None:
        """What was painted last, if it is that."""
        last = self._painted.get(quick)
        if last is None or (last.revision, last.number, last.channel) != (
            *(revision, number, channel),
        ):
            return None
        return last

    def close(self) -> None:
        """Leave what is being done, and wait for that."""
        with self._news:
            self._closed = True
            self._turn += 1
            self._news.notify()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._news:
                self._news.wait_for(lambda: self._wanted or self._closed)
                if self._closed or self._wanted is None:
                    return
                (state, look), turn = self._wanted, self._turn
                self._wanted = None
            try:
                self._paint(state, look, lambda turn=turn: self._turn != turn)
            except Cancelled:
                continue
            except StackmendError as error:
                if self._turn == turn:
                    self._tell(
                        {
                            "kind": "picture",
                            "revision": state.revision,
                            "slice": look.number,
                            "channel": look.channel,
                            "quick": False,
                            "status": "failed",
                            "reason": str(error),
                            "ranges": {},
                            "window": None,
                        }
                    )

    def _paint(self, state: State, look: Look, cancelled: Callable[[], bool]) -> None:
        place = state, look.number, look.channel
        if look.window is not None:
            self._paint_window(state, look, look.window, cancelled)
        products = self._preview.products(*place, look.names, cancelled=cancelled)
        layers = {name: products[name] for name in look.names if _is_layer(products.get(name))}
        self._take(Painted(*_place(state, look), False, (0, 0), layers), products, cancelled)
        figures = self._preview.figures(*place, cancelled=cancelled)
        if cancelled():
            raise Cancelled
        self._tell({"kind": "figures", **_named(state, look), **figures})
        for number in (look.number + 1, look.number - 1):
            if 0 <= number < state.job.reader.shape[0]:
                self._preview.read_ahead(state, number, look.channel)

    def _paint_window(
        self, state: State, look: Look, window: Window, cancelled: Callable[[], bool]
    ) -> None:
        """The visible part alone, where that can be said of every layer."""
        layers: dict[str, NDArray[Any]] = {}
        for name in look.names:
            layer = self._preview.quick(
                *(state, look.number, look.channel, name, window), cancelled=cancelled
            )
            if not _is_layer(layer):
                return
            layers[name] = layer
        origin = window.y, window.x
        self._take(Painted(*_place(state, look), True, origin, layers), {}, cancelled)

    def _take(
        self, painted: Painted, products: dict[str, Any], cancelled: Callable[[], bool]
    ) -> None:
        ranges = painted.ranges  # computed before it is told, so that no picture waits for it
        with self._news:
            if cancelled():
                raise Cancelled
            self._painted[painted.quick] = painted
        shown = painted.window
        self._tell(
            {
                "kind": "picture",
                "revision": painted.revision,
                "slice": painted.number,
                "channel": painted.channel,
                "quick": painted.quick,
                "status": products.get("status", ""),
                "reason": products.get("reason", ""),
                "ranges": ranges,
                "window": None if shown is None else vars(shown),
            }
        )


def _is_layer(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.size > 0


def _place(state: State, look: Look) -> tuple[int, int, int]:
    return state.revision, look.number, look.channel


def _named(state: State, look: Look) -> dict[str, int]:
    return dict(zip(("revision", "slice", "channel"), _place(state, look), strict=True))
