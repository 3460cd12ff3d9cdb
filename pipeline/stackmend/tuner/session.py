"""One page: the protocol that it edits, what it looks at, and what is computed for it."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from stackmend.errors import OutputError, StackmendError, UsageError
from stackmend.preview import Preview, State
from stackmend.preview.controls import UNKNOWN, search_controls, step_controls
from stackmend.preview.document import Document, History
from stackmend.preview.saving import save
from stackmend.preview.searches import SearchNews
from stackmend.protocol.freezing import Origin
from stackmend.tuner.answers import origins_of, profile_facts
from stackmend.tuner.edits import Message, edit
from stackmend.tuner.facts import Tell, plain, state_facts
from stackmend.tuner.opening import Opening
from stackmend.tuner.painted import Painted
from stackmend.tuner.painter import Look, Painter
from stackmend.tuner.pictures import Window
from stackmend.tuner.searching import Search

_MOST_WAITING = 1000
"""Messages that a page may be ahead of what is done; nobody's hand is so fast."""

_MOVES = {"set": "path", "value": "name", "sweep": "path", "text": None, "look": None}
"""Messages that a later one of the same kind overtakes, if it is about the same thing."""

_log = logging.getLogger(__name__)


class Session:
    """What a page works on, and the thread that does what it asks for, one thing at a time."""

    def __init__(self, id: str, preview: Preview, document: Document, opening: Opening) -> None:
        self.id, self.opening = id, opening
        self.preview = preview
        self.history = History(document)
        self.state: State | None = None
        self.sound: State | None = None
        self.saved: str | None = None
        self._origins: dict[str, Origin] = {}
        self._page: Tell | None = None
        self._look: Look | None = None
        self._painter = Painter(preview, self.tell)
        self._search = Search(preview, self.tell, self._chosen)
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

    def tell(self, message: dict[str, Any]) -> None:
        """Tell the page something, if it is there."""
        page = self._page
        if page is not None:
            page(message)

    def receive(self, message: Message) -> None:
        """Do something as soon as what was asked for before is done."""
        with self._news:
            if len(self._inbox) < _MOST_WAITING:
                self._inbox.append(message)
                self._news.notify()
                return
        self._problem("too much was asked for at once; this was left out", message)

    def painted(self, place: tuple[int, ...], *, quick: bool) -> Painted | None:
        """What was painted last, if it is of that revision, slice and channel."""
        return self._painter.painted(place, quick=quick)

    def close(self) -> None:
        """End what is being done, and wait for that."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._search.close()
        self._painter.close()
        self._thread.join()

    def controls(self) -> list[dict[str, Any]]:
        """What can be moved in the protocol."""
        job = self.sound.job if self.sound else None
        sizes = job.reader.metadata.pixel_size if job else UNKNOWN
        return step_controls(self.history.now, sizes)

    def search_controls(self) -> list[dict[str, Any]]:
        """What can be chosen for its searches: losses, second losses, strategies."""
        return search_controls(self.history.now)

    def _problem(self, what: str, message: Message, **more: Any) -> None:
        self.tell({"kind": "problem", "message": what, "seq": message["seq"], **more})

    def _work(self) -> None:
        while (message := self._next()) is not None:
            try:
                self._do(message)
            except StackmendError as error:
                self._problem(str(error), message)
            # A defect of ours must not end what the page works on.
            except Exception as error:  # noqa: BLE001 - see above
                _log.exception("the tuner could not do: %s", message["do"])
                self._problem(f"{type(error).__name__}: {error}", message)

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

    def _do(self, message: Message) -> None:
        before = self.history.now
        if not edit(self.history, message):
            _DO[message["do"]](self, message)
        elif self.state is None or self.history.now != before:
            self._show(message)
        else:
            self.tell(state_facts(self, self.state, message["seq"]))

    def _examine(self) -> State:
        """The document as it is now; where it has no errors, that is what is shown from now on."""
        now = self.history.now
        self.state = self.preview.take(
            now.text, base=now.base, name=now.name, values=now.values, alternative=now.alternative
        )
        if self.state.job:
            self.sound = self.state
        return self.state

    def _show(self, message: Message) -> None:
        """Examine the document as it is now, and show what it makes."""
        state = self._examine()
        self.tell(state_facts(self, state, message["seq"]))  # before any picture of it
        if state.job and self._look:
            self._painter.show(state, self._look)

    def _hello(self, message: Message) -> None:
        self._show(message)
        self._search.tell_again()

    def _again(self, message: Message) -> None:
        """The file, or the stack, may have been mended meanwhile."""
        text = self.opening.again()
        if text is not None:
            self.history.do(self.history.now.with_text(text))
        self._show(message)

    def _looked(self, message: Message) -> None:
        """The protocol that fits the stack takes the place of the one that shows it as it is."""
        if not self.history.can_undo:
            self.history.do(self.history.now.with_text(message["text"]))
        self._show(message)

    def _look_at(self, message: Message) -> None:
        sides = (round(message["window"][side]) for side in ("y", "x", "height", "width"))
        layers = tuple(message["layers"])
        self._look = Look(message["slice"], message["channel"], layers, Window(*sides))
        if self.state is None:
            self._examine()
        if self.sound is not None:
            self._painter.show(self.sound, self._look)

    def _profile(self, message: Message) -> None:
        if self.sound is not None and self._look is not None:
            ends = [(float(y), float(x)) for y, x in (message["start"], message["stop"])]
            place = self._look.number, self._look.channel
            found = self.preview.profile(self.sound, *place, *ends)
            named = {"slice": place[0], "channel": place[1], "revision": self.sound.revision}
            self.tell({"kind": "profile", **named, **profile_facts(found, ends)})

    def _begin_search(self, message: Message) -> None:
        self._search.begin(self.state or self._examine(), message["entry"])

    def _stop_search(self, message: Message) -> None:
        self._search.stop()

    def _chosen(self, state: State, found: SearchNews) -> None:
        """A search has found values: show what they make."""
        origins = origins_of(state, found)
        self.receive({"do": "chosen", "found": found, "origins": origins, "seq": None})

    def _show_chosen(self, message: Message) -> None:
        found: SearchNews = message["found"]
        document = self.history.now
        for name, value in (found.chosen or {}).items():
            document = document.with_current(name, value)
        if found.alternative:
            document = document.with_alternative(found.alternative)
        self.history.do(document)
        self._origins |= message["origins"]
        self._show(message)

    def _save(self, message: Message) -> None:
        how = {name: message.get(name, False) for name in ("replace", "freeze")}
        try:
            folder = self._folder_for(message.get("folder", ""))
            name = message["name"]
            saved = save(self.history.now, name, folder=folder, origins=self._origins, **how)
        except OutputError as error:
            self._problem(str(error), message, exists=isinstance(error.__cause__, FileExistsError))
            return
        self.saved = str(saved.path)
        self.tell({"kind": "saved", "seq": message["seq"], **plain(saved._asdict())})

    def _folder_for(self, folder: str) -> Path:
        """Where a page may save: in the folder of the protocol, or below it."""
        base = self.history.now.base.resolve()
        wanted = (base / folder).resolve()
        if not wanted.is_relative_to(base):
            what = f"a page saves in {base} and in folders of it only, got {wanted}"
            raise UsageError(f"folder: {what}; choose one of these")
        return wanted


def _overtakes(later: Message, earlier: Message) -> bool:
    if later["do"] != earlier["do"] or later["do"] not in _MOVES:
        return False
    about = _MOVES[later["do"]]
    return about is None or later[about] == earlier[about]


_DO: dict[str, Callable[[Session, Message], None]] = {
    "hello": Session._hello,
    "again": Session._again,
    "looked": Session._looked,
    "look": Session._look_at,
    "profile": Session._profile,
    "search": Session._begin_search,
    "chosen": Session._show_chosen,
    "stop": Session._stop_search,
    "save": Session._save,
}
