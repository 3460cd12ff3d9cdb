"""What pages are opened for: a protocol, or a stack for which one is written meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackmend import protocol
from stackmend.errors import StackmendError
from stackmend.preview.document import Document

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
    read
        Gives the protocol; that of a stack shows it as it is.
    file
        Where the protocol lies, if it is one.
    write
        Looks at the stack, telling what it does, and gives the text of the protocol that fits it;
        ``None`` for a protocol.
    """

    title: str
    read: Callable[[], Document]
    file: Path | None = None
    write: Write | None = None


def protocol_subject(file: Path, *, input: Path | None, set: Mapping[str, str]) -> Subject:
    """A protocol in a file, with what the command line puts into it."""
    base = file.absolute().parent

    def read() -> Document:
        text = protocol.text_of(file)
        return Document.opened(text, base=base, name=file.name, input=input, set=set)

    return Subject(str(file), read, file=file)


def stack_subject(title: str, quoted: str, write: Write) -> Subject:
    """A stack, and what writes the protocol that fits it.

    ``quoted`` is its path as it stands in a protocol.
    """
    text = _RAW.format(path=quoted)

    def read() -> Document:
        return Document.opened(text, base=Path.cwd(), name=_NEW_FILE)

    return Subject(title, read, write=write)


class _Ended(Exception):
    """Nobody waits for the look at a stack any more."""


class Opening:
    """The document with which a page begins; where it is for a stack, that is looked at meanwhile.

    Parameters
    ----------
    subject
        What pages are opened for.
    tell
        Is told what is done, as a message to all pages.
    looked
        Is given the text that fits the stack, or shows it as it is where none can be written.

    Attributes
    ----------
    document
        As it was read last.
    looking
        Whether a stack is being looked at.

    Raises
    ------
    UsageError, ProtocolError
        If a protocol cannot be read as text, or something from the command line has no place in it.
    """

    def __init__(
        self,
        subject: Subject,
        tell: Callable[[dict[str, Any]], None],
        looked: Callable[[str], None],
    ) -> None:
        self.subject = subject
        self._tell, self._looked = tell, looked
        self.document = subject.read()
        self.looking = False
        self._closed = False
        self._thread: threading.Thread | None = None

    def again(self) -> str | None:
        """Read the file again, or look at the stack again; the text if it is another than before.

        Raises
        ------
        StackmendError
            If the file cannot be read any more.
        """
        if self.subject.write is not None:
            self.look()
            return None
        before, self.document = self.document, self.subject.read()
        return None if self.document == before else self.document.text

    def look(self) -> None:
        """Look at the stack, if it is for one and this is not being done."""
        if self.subject.write is None or self.looking:
            return
        self.looking = True
        self._thread = threading.Thread(
            target=self._work, args=[self.subject.write], name="stackmend looking", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Leave the look at a stack, and wait for that."""
        self._closed = True
        if self._thread is not None:
            self._thread.join()

    def _work(self, write: Write) -> None:
        problem = ""
        try:
            self.document = self.document.with_text(write(self._say))
        except _Ended:
            return
        except StackmendError as error:
            problem = str(error)
        self.looking = False
        self._tell({"kind": "busy", "what": "", "done": 0, "needed": 0})
        self._looked(self.document.text)
        if problem:
            self._tell({"kind": "problem", "message": problem, "seq": None})

    def _say(self, what: str) -> None:
        if self._closed:
            raise _Ended
        self._tell({"kind": "busy", "what": what, "done": 0, "needed": 0})
