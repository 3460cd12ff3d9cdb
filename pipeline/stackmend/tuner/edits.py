"""What a page does to its protocol: each message as an edit of the document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stackmend.preview.document import Document, History

Message = Mapping[str, Any]
Edit = Callable[[Document, Message], Document]


def _set(document: Document, message: Message) -> Document:
    return document.with_value(tuple(message["path"]), message["value"])


def _set_current(document: Document, message: Message) -> Document:
    return document.with_current(message["name"], message["value"])


def _sweep(document: Document, message: Message) -> Document:
    return document.with_sweep(tuple(message["path"]), message["sweep"])


def _remove(document: Document, message: Message) -> Document:
    return document.without(tuple(message["path"]))


def _optimize(document: Document, message: Message) -> Document:
    keys = ("slices", "validate", "clean", "region")
    changes = {key: message[key] for key in keys if key in message}
    return document.with_search(message["entry"], changes or None)


def _choose(document: Document, message: Message) -> Document:
    return document.with_alternative(message["name"])


def _retype(document: Document, message: Message) -> Document:
    return document.with_text(message["text"])


EDITS: Mapping[str, Edit] = {
    "set": _set,
    "value": _set_current,
    "sweep": _sweep,
    "remove": _remove,
    "optimize": _optimize,
    "alternative": _choose,
    "text": _retype,
}
"""Messages that make another document."""


def edit(history: History, message: Message) -> bool:
    """Do what a message says to a document, if it is about that; whether it is.

    Raises
    ------
    UsageError
        If it cannot be done; the document is as before then.
    """
    match message["do"]:
        case "undo":
            history.undo()
        case "redo":
            history.redo()
        case "keep":
            history.keep(message["slot"])
        case "take":
            history.take(message["slot"])
        case do if do in EDITS:
            history.do(EDITS[do](history.now, message), message.get("gesture", ""))
        case _:
            return False
    return True
