"""The events of a run, for those who watch and for those who look later."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stackmend.result import names
from stackmend.result.encoding import plain
from stackmend.result.events import log_line

Listener = Callable[[str, Mapping[str, Any]], None]
"""Is told of every event: its kind and its fields."""


class Log:
    """Events of a run: appended to a file as JSON lines, and passed on to a listener.

    Beside that file stands another, with the same in words.

    Progress events only go to the listener: they are for a person who is watching.
    """

    def __init__(self, path: Path | None = None, listener: Listener | None = None) -> None:
        self.path, self.listener = path, listener
        self.warnings: list[str] = []

    def event(self, kind: str, **fields: Any) -> None:
        """Note that something happened."""
        if self.path is not None:
            time = now()
            entry = {"time": time, "event": kind, **fields}
            line = json.dumps(entry, default=plain, ensure_ascii=False)
            with self.path.open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(line + "\n")
            with self.path.with_name(names.LOG_TEXT).open("a", encoding="utf-8") as file:
                file.write(log_line(time, kind, fields))
        if self.listener:
            self.listener(kind, fields)

    def warn(self, message: str) -> None:
        """Note a warning, once; it is also kept for the record."""
        if message not in self.warnings:
            self.warnings.append(message)
            self.event("warning", message=message)

    def progress(self, phase: str, done: int, total: int, **more: Any) -> None:
        """Tell the listener how far a phase has come.

        ``more`` may hold ``unit``, the plural of what is counted, and ``megapixels``, the size of
        one of them.
        """
        if self.listener:
            self.listener("progress", {"phase": phase, "done": done, "total": total, **more})


def now() -> str:
    """The time, in ISO 8601 with its offset."""
    return datetime.now(UTC).astimezone().isoformat(timespec="milliseconds")
