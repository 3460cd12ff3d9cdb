"""All pages of a server: each has a session of its own, and all share one preview."""

from __future__ import annotations

import secrets
import threading
from typing import Any

from stackmend.preview import Event, Preview
from stackmend.tuner.opening import Opening, Subject
from stackmend.tuner.session import Session

MOST = 64
"""Sessions that are kept; beyond these, the one that was left longest is forgotten."""


class Sessions:
    """The sessions of a server, by the names that their pages know.

    Parameters
    ----------
    subject
        What pages are opened for.
    memory
        Bytes that results may take together.
    """

    def __init__(self, subject: Subject, memory: int | None = None) -> None:
        self._preview = Preview(memory=memory, say=self._busy)
        self._all: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._opening = Opening(subject, self._tell, self._looked)
        self._opening.look()

    @property
    def memory(self) -> int:
        """Bytes that remembered results take together at the most."""
        return self._preview.memory.limit

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
            session = self._begun(before)
            self._all[session.id] = session
            left = [each for each in self._all.values() if not each.has_page and each != session]
            gone = left[0] if len(self._all) > MOST and left else None
            if gone is not None:
                del self._all[gone.id]
        if gone is not None:
            gone.close()
        return session, False

    def close(self) -> None:
        """End what they do, and wait for it."""
        self._opening.close()
        for session in self._every():
            session.close()
        self._preview.close()

    def _begun(self, copied: Session | None) -> Session:
        document = copied.history.now if copied else self._opening.document
        return Session(secrets.token_urlsafe(12), self._preview, document, self._opening)

    def _every(self) -> list[Session]:
        with self._lock:
            return list(self._all.values())

    def _busy(self, event: Event) -> None:
        """Tell what is done for all pages, and when it is."""
        going_on = event.done < event.needed
        what = {"what": event.what if going_on else "", "done": event.done, "needed": event.needed}
        self._tell({"kind": "busy", **what})

    def _tell(self, message: dict[str, Any]) -> None:
        for session in self._every():
            session.tell(message)

    def _looked(self, text: str) -> None:
        for session in self._every():
            session.receive({"do": "looked", "text": text, "seq": None})
