"""What a page may ask for: each message is read and held against what it must have."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

LONGEST = 1 << 20
"""Characters of a message; a protocol has a quarter of that at the most."""

_DEEPEST = 40
_LONGEST_NAME = 1000
_MOST_LAYERS = 32

Check = Callable[[Any], bool]


class Wrong(ValueError):
    """A message that cannot be understood; ``seq`` is its number, if that can be read."""

    def __init__(self, why: str, seq: int | None = None) -> None:
        super().__init__(why)
        self.seq = seq


def read(text: str) -> dict[str, Any]:
    """A message, with everything in it that what it asks for needs.

    Raises
    ------
    Wrong
        If it is no such message.
    """
    if len(text) > LONGEST:
        raise Wrong(f"a message has at most {LONGEST} characters, got {len(text)}")
    try:
        message = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise Wrong(f"a message must be JSON ({error})") from error
    if not isinstance(message, dict):
        raise Wrong("a message must be a JSON object")
    seq = message.get("seq")
    if not (seq is None or _is_count(seq)):
        raise Wrong("seq: must be a whole number")
    if not _is_shallow(message, _DEEPEST):
        raise Wrong(f"a message is nested at most {_DEEPEST} deep", seq)
    do = message.get("do")
    if not isinstance(do, str) or do not in FIELDS:
        raise Wrong(f"do: must be one of {', '.join(FIELDS)}", seq)
    return {"do": do, "seq": seq, **_fields(message, FIELDS[do], seq)}


def _fields(message: Mapping[str, Any], known: Fields, seq: int | None) -> dict[str, Any]:
    """What is known of a message; what else is in it says nothing here."""
    found: dict[str, Any] = {}
    for name, (check, needed, what) in known.items():
        if name not in message:
            if needed:
                raise Wrong(f"{message['do']}: {name} is missing; it must be {what}", seq)
            continue
        if check is not None and not check(message[name]):
            raise Wrong(f"{message['do']}: {name} must be {what}", seq)
        found[name] = message[name]
    return found


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")


def _is_shallow(value: Any, left: int) -> bool:
    if not isinstance(value, dict | list):
        return True
    inner = value.values() if isinstance(value, dict) else value
    return left > 0 and all(_is_shallow(each, left - 1) for each in inner)


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 10**9


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= _LONGEST_NAME


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_path(value: Any) -> bool:
    parts = isinstance(value, list) and 0 < len(value) <= 20
    return parts and all(_is_name(part) or _is_count(part) for part in value)


def _is_sweep(value: Any) -> bool:
    return isinstance(value, list | dict)


def _is_slot(value: Any) -> bool:
    return value in ("A", "B")


def _is_point(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(_is_number, value))


def _is_window(value: Any) -> bool:
    sides = ("y", "x", "height", "width")
    fits = isinstance(value, dict) and set(value) == set(sides)
    return fits and all(_is_number(side) and abs(side) < 10**9 for side in value.values())


def _are_layers(value: Any) -> bool:
    return isinstance(value, list) and len(value) <= _MOST_LAYERS and all(map(_is_name, value))


Fields = Mapping[str, tuple[Check | None, bool, str]]

_NUMBER = (_is_count, True, "a whole number, 0 or more")
_NAME = (_is_name, True, "a name")
_PATH = (_is_path, True, "a list of names and numbers")
_SLOT = (_is_slot, True, "A or B")
_POINT = (_is_point, True, "[y, x]")
_VALUE = (None, True, "a value")
_GESTURE = (_is_name, False, "a name")
_SWITCH = (_is_switch, False, "true or false")

FIELDS: Mapping[str, Fields] = {
    "hello": dict.fromkeys(("width", "height"), (_is_number, False, "a number")),
    "again": {},
    "set": {"path": _PATH, "value": _VALUE, "gesture": _GESTURE},
    "value": {"name": _NAME, "value": _VALUE, "gesture": _GESTURE},
    "sweep": {"path": _PATH, "sweep": (_is_sweep, True, "a list of values, or a range")},
    "remove": {"path": _PATH},
    "optimize": {
        "entry": _NUMBER,
        **dict.fromkeys(("slices", "validate", "clean", "region"), (None, False, "")),
    },
    "alternative": {"name": _NAME, "gesture": _GESTURE},
    "undo": {},
    "redo": {},
    "keep": {"slot": _SLOT},
    "take": {"slot": _SLOT},
    "look": {
        "slice": _NUMBER,
        "channel": _NUMBER,
        "layers": (_are_layers, True, "a list of names"),
        "window": (_is_window, True, "{y, x, height, width}"),
        "scale": (_is_number, True, "a number"),
    },
    "profile": {"start": _POINT, "stop": _POINT},
    "search": {"entry": _NUMBER},
    "stop": {},
    "save": {
        "name": _NAME,
        "folder": (_is_text, False, "a folder"),
        "replace": _SWITCH,
        "freeze": _SWITCH,
    },
    "text": {"text": (_is_text, True, "the text of a protocol"), "gesture": _GESTURE},
}
"""What each message must have, and may have: how it is checked, whether it must be there, and what
it must be."""
