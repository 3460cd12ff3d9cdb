"""What pages are opened for: a protocol, or a stack for which one is written meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackmend.errors import StackmendError


Write = Callable[[Callable[[str], None]], str]
"""Writes a protocol, and tells what it does meanwhile."""

_NEW_FILE = "protocol.yaml"
_RAW = """\
# What fits this stack is looked for; until then it is shown as it is.
protocol: 1
name: unchanged
input:
  path: {path}
chain:
  - step: crop                          # of nothing
"""


@dataclass(frozen=True)
class Subject:
    """A protocol or a stack.

    Attributes
    ----------
    title
        What people call it.
    base, name
        The folder in which relative paths start and new files are saved, and the name of the file
        for messages.
    read
        Gives the text of the protocol; that of a stack shows it as it is.
    write
        Looks at the stack, telling what it does, and gives the text of the protocol that fits it;
        ``None`` for a protocol.
    """

    title: str
    base: Path
    name: str
    read: Callable[[], str]
    write: Write | None = None


def protocol_subject(file: Path, *, input: Path | None, set: Mapping[str, str]) -> Subject:
    """A protocol in a file, with what the command line puts into it.

    Raises
    ------
    UsageError, ProtocolError
        If it cannot be read as text, or something from the command line has no place in it.
    """

    def read() -> str:
        return file.read_text(encoding="utf-8")

    return Subject(str(file), file.absolute().parent, file.name, read)


def stack_subject(title: str, quoted: str, write: Write) -> Subject:
    """A stack, and what writes the protocol that fits it.

    ``quoted`` is its path as it stands in a protocol.
    """
    text = _RAW.format(path=quoted)
    return Subject(title, Path.cwd(), _NEW_FILE, lambda: text, write)


class _Ended(Exception):  # noqa: N818 - nothing has failed
    """Nobody waits for the look at a stack any more."""


class Opening:
    """The text with which a page begins; where it is for a stack, that is looked at meanwhile.

    Parameters
    ----------
    subject
        What pages are opened for.
    tell
        Is told what is done, as a message to all pages.
    looked
        Is given the protocol that fits the stack.
    """

    def __init__(
        self,
        subject: Subject,
        tell: Callable[[dict[str, Any]], None],
        looked: Callable[[str], None],
    ) -> None:
        self.subject = subject
        self._tell, self._looked = tell, looked
        self.text = subject.read()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._look()

    @property
    def looking(self) -> bool:
        """Whether a stack is being looked at."""
        return self._thread is not None and self._thread.is_alive()

    def again(self) -> str:
        """The text as it is now: the file is read again, or the stack looked at again.

        Raises
        ------
        StackmendError
            If the file cannot be read any more.
        """
        if self.subject.write is None:
            self.text = self.subject.read()
        elif not self.looking:
            self._look()
        return self.text

    def close(self) -> None:
        """Leave the look at a stack, and wait for that."""
        self._closed = True
        if self._thread is not None:
            self._thread.join()

    def _look(self) -> None:
        write = self.subject.write
        if write is None:
            return

        def work() -> None:
            try:
                self.text = write(self._say)
            except _Ended:
                return
            # Why a stack cannot be looked at is a problem of the text that shows it as it is.
            except StackmendError as error:
                self._tell({"kind": "problem", "message": str(error), "seq": None})
            else:
                self._looked(self.text)
            self._tell({"kind": "busy", "what": "", "done": 0, "needed": 0})

        self._thread = threading.Thread(target=work, name="stackmend looking", daemon=True)
        self._thread.start()

    def _say(self, what: str) -> None:
        if self._closed:
            raise _Ended
        self._tell({"kind": "busy", "what": what, "done": 0, "needed": 0})
