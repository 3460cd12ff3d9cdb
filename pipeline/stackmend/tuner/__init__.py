"""The page on which parameters are seen before a stack is run, and its server on this machine."""

from __future__ import annotations

from pathlib import Path

from stackmend.tuner.serving import Server
from stackmend.tuner.session import Session
from stackmend.tuner.sessions import Sessions
from stackmend.tuner.standin import Document, Preview


def open_tuner(file: Path, *, port: int = 0) -> Server:
    """Serve the page for a protocol."""
    preview = Preview()
    text = file.read_text(encoding="utf-8")

    def begin(id: str, copied: Session | None) -> Session:
        own = copied.document.state.text if copied else text
        document = Document(preview, own, base=file.resolve().parent, name=file.name)
        return Session(id, file.name, preview, document)

    return Server(Sessions(begin), port)
