"""Texts in the cells of a table: none is a formula to a spreadsheet, all come back as they were."""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "'")
"""Beginnings of texts that a spreadsheet would take for something else; the last is its mark."""

_ESCAPE = re.compile(r"\\(?:(\\)|x([0-9a-f]{2})|u([0-9a-f]{4})|U([0-9a-f]{8}))")


def cell_of(text: str) -> str:
    r"""A text as it stands in a cell.

    What begins like a formula, or holds characters that are not printed, begins with the mark by
    which spreadsheets know a text; these characters, and backslashes beside them, are escaped.

    Examples
    --------
    >>> cell_of("s0.tif"), cell_of("=cmd.tif"), cell_of("a\x1b[2J")
    ('s0.tif', "'=cmd.tif", "'a\\x1b[2J")
    """
    if text.isprintable() and not text.startswith(_FORMULA):
        return text
    return "'" + "".join(map(_escaped, text))


def text_of(cell: str) -> str:
    """The text that stands in a cell."""
    if not cell.startswith("'"):
        return cell
    return _ESCAPE.sub(_unescaped, cell[1:])


def _escaped(character: str) -> str:
    code = ord(character)
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _unescaped(found: re.Match[str]) -> str:
    return found[1] or chr(min(int(next(filter(None, found.groups())), 16), 0x10FFFF))
