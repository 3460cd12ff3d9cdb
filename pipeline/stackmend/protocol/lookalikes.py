"""Characters that look like those of YAML and are others, as word processors write them."""

from __future__ import annotations

_LOOKALIKES = {
    **dict.fromkeys(
        "\u00a0\u2002\u2003\u2007\u2009\u202f\u3000", ("a blank of another kind", "a plain blank")
    ),
    **dict.fromkeys("\u200b\u2060\ufeff", ("an invisible character", "nothing in its place")),
    **dict.fromkeys(
        "\u2010\u2011\u2012\u2013\u2014\u2212", ("a dash of another kind", "a plain -")
    ),
    **dict.fromkeys(
        "\u201c\u201d\u201e\u00ab\u00bb\u2033", ("a typographic quote", "a plain quote")
    ),
    **dict.fromkeys("\u2018\u2019\u201a\u2032", ("a typographic quote", "a plain quote")),
    **dict.fromkeys("\uff1a\ua789", ("a colon of another kind", "a plain :")),
    **dict.fromkeys("\uff0c\u201a", ("a comma of another kind", "a plain ,")),
}
_AROUND = 200
"""Characters before and after a place that are looked at."""


def lookalike_hint(line: str, column: int) -> str:
    """What to put behind a message on a line in which a character only looks right."""
    start = max(column - 1 - _AROUND, 0)
    part = line[start : start + 2 * _AROUND].partition(" #")[0]
    for place, character in enumerate(part, start=start + 1):
        if character in _LOOKALIKES:
            what, instead = _LOOKALIKES[character]
            code = f"U+{ord(character):04X}"
            return f"; {code} in column {place} is {what}: write {instead}"
    return ""


def quoted_by_lookalikes(text: str) -> bool:
    """Whether quotes that YAML does not know have become a part of the text."""
    quotes = "\u201c\u201d\u201e\u00ab\u00bb\u2018\u2019\u201a"
    return len(text) > 1 and text[0] in quotes and text[-1] in quotes
