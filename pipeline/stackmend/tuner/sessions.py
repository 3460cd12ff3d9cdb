"""All pages of a server: each has a session of its own, and all share one preview."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable

from stackmend.tuner.session import Session

MOST = 64
"""Sessions that are kept; beyond these, the one that was left longest is forgotten."""


class Sessions:
    """The sessions of a server, by the names that their pages know.

    Parameters
    ----------
    begin
        Makes a new session, a copy of another if one is given.
    """

    def __init__(self, begin: Callable[[str, Session | None], Session]) -> None:
        self._begin = begin
        self._all: dict[str, Session] = {}
        self._lock = threading.Lock()

    def known(self, id: str) -> Session | None:
        """The session of a page, if there is one of that name."""
        with self._lock:
            return self._all.get(id)

    def enter(self, id: str) -> tuple[Session, bool]:
        """The session of a page that connects, and whether it has been here before.

        A page that was opened as a copy of another, which is still there, goes on with a copy.
        """
        with self._lock:
            before = self._all.get(id)
            if before is not None and not before.has_page:
                self._all[id] = self._all.pop(id)  # the latest stands last
                return before, True
            session = self._begin(secrets.token_urlsafe(12), before)
            self._all[session.id] = session
            left = [each for each in self._all.values() if not each.has_page and each != session]
            gone = left[0] if len(self._all) > MOST and left else None
            if gone is not None:
                del self._all[gone.id]
        if gone is not None:
            gone.close()
        return session, False

    def every(self) -> list[Session]:
        """All of them."""
        with self._lock:
            return list(self._all.values())

    def close(self) -> None:
        """End what they do, and wait for it."""
        for session in self.every():
            session.close()
