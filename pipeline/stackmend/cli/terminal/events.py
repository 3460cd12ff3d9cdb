"""Events of a run as lines of JSON."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from stackmend.cli.terminal.streams import json_text, say

Fields = Mapping[str, Any]


class JsonLines:
    """Every event as a line of JSON on standard output; progress at most once a second."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._last: tuple[str, float] | None = None

    def __call__(self, kind: str, fields: Fields) -> None:
        if kind == "progress" and 0 < fields["done"] < fields["total"]:
            now = self._clock()
            if self._last and self._last[0] == fields["phase"] and now - self._last[1] < 1:
                return
            self._last = (fields["phase"], now)
        say_event(kind, fields)


def say_event(kind: str, fields: Fields) -> None:
    """One line of JSON on standard output."""
    from stackmend.result.log import now

    say(json_text({"event": kind, "time": now(), **fields}), sys.stdout)
