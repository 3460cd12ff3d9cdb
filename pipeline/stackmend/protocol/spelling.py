"""Plain data as YAML text on one line."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from stackmend.errors import UsageError
from stackmend.protocol.scalars import scalar

_PLAIN = re.compile(r"(?:\.{0,2}/)*[^\W\d][\w./+-]*( [\w./+-]+)*")
_ODD = re.compile(
    "[^\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]"
)


def spelled(value: Any, quote: str = "") -> str:
    """A value as a protocol has it in one line: ``{sweep: [40, 80]}``.

    Parameters
    ----------
    value
        Numbers, texts, truth values, ``None``, lists, and mappings with texts as keys.
    quote
        The quote in which a text is put; by default only where it needs one.

    Raises
    ------
    UsageError
        If the value is of another kind, or a number that is not finite.
    """
    if isinstance(value, Mapping):
        pairs = (f"{spelled(str(key))}: {spelled(each)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(spelled, value)) + "]"
    if isinstance(value, str):
        return _text(value, quote)
    if value is None or isinstance(value, bool | int):
        return json.dumps(value)
    if isinstance(value, float) and math.isfinite(value):
        return repr(value)
    raise UsageError(f"value: a protocol holds numbers and texts, got {value!r}; give one of these")


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same data; 1, 1.0 and true differ."""
    return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)


def _text(value: str, quote: str) -> str:
    if not quote and _PLAIN.fullmatch(value) and scalar(value) == value and value.isprintable():
        return value
    if quote == "'" and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return _ODD.sub(_escaped, json.dumps(value, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    return f"\\u{ord(found.group()):04x}"
