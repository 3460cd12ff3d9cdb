"""The search that a page has asked for: one at a time, followed as it goes on."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Any

from stackmend.errors import StackmendError, UsageError
from stackmend.preview import Cancelled, Preview, State
from stackmend.preview.searches import SearchNews
from stackmend.tuner.answers import search_facts
from stackmend.tuner.facts import Tell

_log = logging.getLogger(__name__)


class Search:
    """Searches for the values of an ``optimize`` entry, in a thread of its own.

    Parameters
    ----------
    preview
        Searches.
    tell
        Is told how far it is.
    chosen
        Is given what was found for a state, if anything was.
    """

    def __init__(
        self, preview: Preview, tell: Tell, chosen: Callable[[State, SearchNews], None]
    ) -> None:
        self._preview, self._tell, self._chosen = preview, tell, chosen
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._last: dict[str, Any] | None = None

    @property
    def running(self) -> bool:
        """Whether it is at work."""
        return self._thread is not None and self._thread.is_alive()

    def begin(self, state: State, entry: int) -> None:
        """Search; news and values come by themselves.

        Raises
        ------
        UsageError
            If a search is at work already, or the protocol has errors.
        """
        if self.running:
            raise UsageError("search: there is one at work; stop it first")
        if state.job is None:
            raise UsageError("search: the protocol has errors; mend these first")
        self._stopped.clear()
        self._last = None
        self._thread = threading.Thread(
            target=self._work, args=(state, entry), name="stackmend search", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Stop it soon, if it is at work."""
        self._stopped.set()

    def tell_again(self) -> None:
        """Tell a page that has come back what it has missed."""
        if self._last is not None:
            self._tell(self._last)

    def close(self) -> None:
        """Stop it, and wait for that."""
        self.stop()
        if self._thread is not None:
            self._thread.join()

    def _work(self, state: State, entry: int) -> None:
        try:
            found = self._preview.search(
                state,
                entry,
                told=lambda news: self._follow(state, news),
                cancelled=self._stopped.is_set,
            )
        except Cancelled:
            self._end(state, entry, "stopped")
        except StackmendError as error:
            self._end(state, entry, str(error))
        # A defect of ours must not end what the page works on.
        except Exception as error:  # noqa: BLE001 - see above
            _log.exception("the search could not be done")
            self._end(state, entry, f"{type(error).__name__}: {error}")
        else:
            if found.chosen is not None:
                self._chosen(state, found)

    def _follow(self, state: State, news: SearchNews) -> None:
        self._say(state, news.entry, search_facts(news))

    def _end(self, state: State, entry: int, reason: str) -> None:
        """Tell that nothing comes any more, with what is known so far."""
        known = self._last or {"points": [], "done": 0, "needed": 0}
        self._say(state, entry, {**known, "running": False, "chosen": None, "reason": reason})

    def _say(self, state: State, entry: int, facts: dict[str, Any]) -> None:
        self._last = {**facts, "kind": "search", "entry": entry, "revision": state.revision}
        self._tell(self._last)
