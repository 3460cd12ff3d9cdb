"""The picture of the last move: the visible window first, then all of it, then its figures.

A newer move overtakes an older one: there is never a queue of them.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import StackmendError
from stackmend.preview import Cancelled, Preview, State
from stackmend.tuner.answers import figures_facts
from stackmend.tuner.facts import Tell, picture_facts
from stackmend.tuner.painted import AFTER, AS_READ, BEFORE, MASK, OF_NEXT, SOURCES, Painted
from stackmend.tuner.pictures import Window

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Look:
    """What a page shows: a slice of a channel, some layers, the part of it that is visible."""

    number: int
    channel: int
    layers: tuple[str, ...]
    window: Window

    @property
    def names(self) -> tuple[str, ...]:
        """What must be computed for the layers."""
        names = [BEFORE]  # in whose range all else is shown
        for layer in self.layers:
            names += SOURCES.get(layer, (layer,))
        return tuple(dict.fromkeys(names))


@dataclass(frozen=True)
class _Task:
    """A look at what a text makes; ``overtaken`` says whether it is still wanted."""

    state: State
    look: Look
    overtaken: Callable[[], bool]

    @property
    def slice(self) -> tuple[State, int, int]:
        return self.state, self.look.number, self.look.channel

    @property
    def place(self) -> tuple[int, int, int]:
        return self.state.revision, self.look.number, self.look.channel

    def check(self) -> None:
        if self.overtaken():
            raise Cancelled


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

    def painted(self, place: tuple[int, ...], *, quick: bool) -> Painted | None:
        """What was painted last, if it is of that revision, slice and channel."""
        last = self._painted.get(quick)
        return last if last is not None and last.place == place else None

    def close(self) -> None:
        """Leave what is being done, and wait for that."""
        with self._news:
            self._closed = True
            self._turn += 1
            self._news.notify()
        self._thread.join()

    def _work(self) -> None:
        while (task := self._next()) is not None:
            try:
                self._paint(task)
            except Cancelled:
                continue
            except StackmendError as error:
                self._fail(task, str(error))
            # A defect of ours must not end what the page looks at.
            except Exception as error:  # noqa: BLE001 - see above
                _log.exception("slice %d could not be shown", task.look.number)
                self._fail(task, f"{type(error).__name__}: {error}")

    def _next(self) -> _Task | None:
        """The last thing that is wanted, as soon as there is one."""
        with self._news:
            self._news.wait_for(lambda: self._wanted is not None or self._closed)
            if self._closed or self._wanted is None:
                return None
            (state, look), turn = self._wanted, self._turn
            self._wanted = None
        return _Task(state, look, lambda: self._turn != turn)

    def _paint(self, task: _Task) -> None:
        if task.look.window is not None:
            self._paint_window(task, task.look.window)
        names = self._names(task)
        products = self._preview.products(*task.slice, names, cancelled=task.overtaken)
        found = {**products, **self._of_next(task)}
        layers = {name: each for name, each in found.items() if _is_layer(each)}
        self._take(task, Painted(task.place, False, (0, 0), layers), products)

        # What takes longer than the picture comes after it.
        assert task.state.job is not None
        searches = len(task.state.job.protocol.optimize)
        for losses in (False, True) if searches else (False,):
            figures = self._preview.figures(*task.slice, cancelled=task.overtaken, losses=losses)
            task.check()
            if figures is not None:
                facts = figures_facts(figures, searches=searches)
                self._tell({"kind": "figures", **_named(task), **facts})
        self._preview.read_ahead(*task.slice)

    def _names(self, task: _Task) -> list[str]:
        """What must be computed, as far as the chain makes it; the slice as it is comes first."""
        made = self._preview.product_names(task.state)
        known = {AS_READ, BEFORE, AFTER, MASK, *(each.name for each in made)}
        return [name for name in task.look.names if name in known]

    def _of_next(self, task: _Task) -> dict[str, Any]:
        """What is wanted of the slice behind, or of the one before where there is none."""
        wanted = [name for name in task.look.names if name in OF_NEXT]
        assert task.state.job is not None
        slices, number = task.state.job.slices, task.look.number
        near = [each for each in slices if each > number][:1]
        near += [each for each in slices if each < number][-1:]
        if not wanted or not near:
            return {}
        state, _, channel = task.slice
        names = [OF_NEXT[name] for name in wanted]
        found = self._preview.products(state, near[0], channel, names, cancelled=task.overtaken)
        return {name: found[OF_NEXT[name]] for name in wanted}

    def _paint_window(self, task: _Task, window: Window) -> None:
        """The visible part alone, where that can be said of every layer."""
        if not {AS_READ, *OF_NEXT}.isdisjoint(task.look.names):
            return
        before = self._preview.products(*task.slice, (BEFORE,), cancelled=task.overtaken)[BEFORE]
        if before is None:
            return
        window = window.within(before.shape)
        layers: dict[str, NDArray[Any]] = {BEFORE: before[window.cut]}
        for name in self._names(task)[1:]:
            layer = self._preview.quick(*task.slice, name, window.cut, cancelled=task.overtaken)
            if layer is None or not _is_layer(layer):
                return
            layers[name] = layer
        self._take(task, Painted(task.place, True, (window.y, window.x), layers), {})

    def _take(self, task: _Task, painted: Painted, products: Mapping[str, Any]) -> None:
        """Keep what pictures are cut from, and tell that it is there."""
        facts = picture_facts(painted, products)
        with self._news:
            task.check()
            self._painted[painted.quick] = painted
        self._tell({"kind": "picture", **_named(task), **facts})

    def _fail(self, task: _Task, why: str) -> None:
        """Tell that there is no picture, unless nobody waits for it any more."""
        if not task.overtaken():
            nothing = Painted(task.place, False, (0, 0), {})
            facts = picture_facts(nothing, {"status": "failed", "reason": why})
            self._tell({"kind": "picture", **_named(task), **facts})


def _is_layer(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.ndim == 2 and value.size > 0


def _named(task: _Task) -> dict[str, int]:
    return dict(zip(("revision", "slice", "channel"), task.place, strict=True))
