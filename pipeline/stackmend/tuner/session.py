"""One page: the protocol that it edits, what it looks at, and what is computed for it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from stackmend.errors import StackmendError
from stackmend.tuner.facts import Tell, state_facts
from stackmend.tuner.opening import Opening
from stackmend.tuner.painted import Painted
from stackmend.tuner.painter import Look, Painter
from stackmend.tuner.pictures import Window
from stackmend.tuner.standin import Document, Preview

Message = Mapping[str, Any]

_MOST_WAITING = 1000
"""Messages that a page may be ahead of what is done; nobody's hand is so fast."""

_MOVES = {"set": "path", "value": "name", "sweep": "path", "look": None, "profile": None}
"""Messages that a later one of the same kind overtakes, if it is about the same thing."""

_log = logging.getLogger(__name__)


class Session:
    """What a page works on, and the thread that does what it asks for, one thing at a time."""

    def __init__(self, id: str, preview: Preview, document: Document, opening: Opening) -> None:
        self.id, self.document, self.opening = id, document, opening
        self._preview = preview
        self._page: Tell | None = None
        self._look = Look()
        self.sound = document.state if document.state.job else None
        self._painter = Painter(preview, self.tell)
        self._inbox: deque[Message] = deque()
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="stackmend session", daemon=True)
        self._thread.start()

    @property
    def has_page(self) -> bool:
        """Whether its page is there."""
        return self._page is not None

    def page_comes(self, page: Tell) -> None:
        """Tell a page everything from now on."""
        self._page = page

    def page_goes(self) -> None:
        """The page has gone; what it has edited stays."""
        self._page = None

    def receive(self, message: Message) -> None:
        """Do something as soon as what was asked for before is done."""
        with self._news:
            if len(self._inbox) < _MOST_WAITING:
                self._inbox.append(message)
                self._news.notify()
                return
        self._problem("too much was asked for at once; this was left out", message["seq"])

    def painted(self, place: tuple[int, ...], *, quick: bool) -> Painted | None:
        """What was painted last, if it is of that revision, slice and channel."""
        return self._painter.painted(place, quick=quick)

    def close(self) -> None:
        """End what is being done, and wait for that."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._painter.close()
        self._thread.join()

    def tell(self, message: dict[str, Any]) -> None:
        """Tell the page something, if it is there."""
        page = self._page
        if page is not None:
            page(message)

    def _problem(self, what: str, seq: int | None) -> None:
        self.tell({"kind": "problem", "message": what, "seq": seq})

    def _work(self) -> None:
        while (message := self._next()) is not None:
            try:
                _DO[message["do"]](self, message)
            except StackmendError as error:
                self._problem(str(error), message["seq"])
            # A defect of ours or of somebody's step must not end what the page works on.
            except Exception as error:
                _log.exception("the tuner could not do: %s", message["do"])
                self._problem(f"{type(error).__name__}: {error}", message["seq"])

    def _next(self) -> Message | None:
        """What is to be done next, but for what is overtaken already."""
        with self._news:
            self._news.wait_for(lambda: self._inbox or self._closed)
            if self._closed:
                return None
            message = self._inbox.popleft()
            while self._inbox and _overtakes(self._inbox[0], message):
                message = self._inbox.popleft()
            return message

    def _edited(self, message: Message) -> None:
        """Show what an edit has come to."""
        state = self.document.state
        if state.job:
            self.sound = state
            self._painter.show(state, self._look)
        self.tell(state_facts(self, message["seq"]))

    def _hello(self, message: Message) -> None:
        self._edited(message)

    def _again(self, message: Message) -> None:
        """The file, or the stack, may have been mended meanwhile."""
        before = self.opening.text
        text = self.opening.again()
        if text != before:
            self.document.retype(text)
        else:
            self.document.again()
        self._edited(message)

    def _looked(self, message: Message) -> None:
        if not self.document.edited:
            self.document.retype(message["text"])
        self._edited(message)

    def _set(self, message: Message) -> None:
        self.document.set(message["path"], message["value"], message.get("gesture"))
        self._edited(message)

    def _value(self, message: Message) -> None:
        self.document.value(message["name"], message["value"], message.get("gesture"))
        self._edited(message)

    def _sweep(self, message: Message) -> None:
        self.document.sweep(message["path"], message["sweep"])
        self._edited(message)

    def _remove(self, message: Message) -> None:
        self.document.remove(message["path"])
        self._edited(message)

    def _retype(self, message: Message) -> None:
        self.document.retype(message["text"])
        self._edited(message)

    def _undo(self, message: Message) -> None:
        self.document.undo()
        self._edited(message)

    def _redo(self, message: Message) -> None:
        self.document.redo()
        self._edited(message)

    def _keep(self, message: Message) -> None:
        self.document.keep(message["slot"])
        self._edited(message)

    def _take(self, message: Message) -> None:
        self.document.take(message["slot"])
        self._edited(message)

    def _look_at(self, message: Message) -> None:
        window = Window(*(round(message["window"][side]) for side in ("y", "x", "height", "width")))
        self._look = Look(message["slice"], message["channel"], tuple(message["layers"]), window)
        if self.sound is not None:
            self._painter.show(self.sound, self._look)


def _overtakes(later: Message, earlier: Message) -> bool:
    if later["do"] != earlier["do"] or later["do"] not in _MOVES:
        return False
    about = _MOVES[later["do"]]
    return about is None or later[about] == earlier[about]


_DO: dict[str, Callable[[Session, Message], None]] = {
    "hello": Session._hello,
    "again": Session._again,
    "looked": Session._looked,
    "set": Session._set,
    "value": Session._value,
    "sweep": Session._sweep,
    "remove": Session._remove,
    "text": Session._retype,
    "undo": Session._undo,
    "redo": Session._redo,
    "keep": Session._keep,
    "take": Session._take,
    "look": Session._look_at,
}
