"""Values of parameters that name a file: the path as it was written, and what is in the file."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Self


class LoadedFile(str):
    """A path as a protocol gives it, with what the step made of the content of the file.

    Attributes
    ----------
    content
        What ``Step.files`` returned.
    hash : str
        SHA-256 of the file, which is what results depend on; where it lies says nothing.
    path : Path
        Where it was found.
    """

    __slots__ = ("content", "hash", "path")

    content: Any
    hash: str
    path: Path

    @classmethod
    def of(cls, written: str, path: Path, data: bytes, content: Any) -> Self:
        """A file that was read."""
        found = cls(written)
        found.content, found.path = content, path
        found.hash = hashlib.sha256(data).hexdigest()
        return found


def decisive(value: Any) -> Any:
    """What of a parameter's value decides about pixels: of a file, its content."""
    return {"file": value.hash} if isinstance(value, LoadedFile) else value
