"""Facts for people: rows of a label and a text, as wide as a terminal."""

from __future__ import annotations

import re
from collections.abc import Iterable
from textwrap import TextWrapper

from stackmend.words import glue, printable, unglue

Row = tuple[str, str]
"""A label (empty where the one above goes on), and what is to be said under it."""

_LABEL = 11
_HELD_TOGETHER = re.compile(r"(?<=\d) |(?<=\d min) |(?<=\d h) ")
"""Spaces at which no line is broken: those between a number and what it counts."""


def rows_text(rows: Iterable[Row], width: int) -> str:
    """Rows in lines of at most ``width`` columns."""
    wrapper = TextWrapper(max(width, 30), break_long_words=False, break_on_hyphens=False)
    wrapper.subsequent_indent = " " * _LABEL
    lines = []
    for label, text in rows:
        wrapper.initial_indent = f"{label:<{_LABEL - 1}} "
        # escapes take room: they are written before lines are broken
        safe = glue(" ").join(map(printable, text.split(glue(" "))))
        lines += wrapper.wrap(_HELD_TOGETHER.sub(glue(" "), safe)) or [label]
    return unglue("\n".join(lines))
