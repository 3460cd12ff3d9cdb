"""YAML text to plain data, with the place of every key and value.

Only data comes in: no tags, YAML 1.2 meaning of plain scalars, no duplicate keys, bounded size,
depth and expansion. Faults that concern one value are noted and the rest is read on; after the
others there are no data.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from stackmend.errors import Problem
from stackmend.protocol.lookalikes import lookalike_hint
from stackmend.protocol.nodes import Node, Place, Refused, compose
from stackmend.protocol.wording import syntax_error

MAX_BYTES = 256 * 1024
_LONGEST = 600
MAX_ENTRIES = 200
"""Keys of a mapping, and entries of a list that are not plain values: steps, searches."""

DataPath = tuple[str | int, ...]
"""Where a value is in the data: keys and positions from the top."""

_WORD = re.compile(r"[^\W\d][\w-]*")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Text:
    """A parsed text: its data, the places in it, and what was wrong with it as YAML.

    ``faults`` are the paths of values that could not be understood, or not in full.
    """

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        self.data: Any = None
        self.values: dict[DataPath, Place] = {}
        self.keys: dict[DataPath, Place] = {}
        self.problems: list[Problem] = []
        self.faults: set[DataPath] = set()

    def place(self, path: DataPath, *, key: bool = False) -> Place:
        """Where a value (or its key) is, or the nearest enclosing place that is in the text."""
        if key and path in self.keys:
            return self.keys[path]
        inside_out = (self.values.get(path[:end]) for end in range(len(path), -1, -1))
        return next((place for place in inside_out if place), Place(1, 1))

    def problem(
        self, path: DataPath, message: str, *, key: bool = False, severity: str = "error"
    ) -> Problem:
        """A problem at a value (or at its key)."""
        return self.problem_at(self.place(path, key=key), path, message, severity)

    def problem_at(
        self, place: Place, path: DataPath, message: str, severity: str = "error"
    ) -> Problem:
        """A problem at a place that is known."""
        source = place.source or (
            self.lines[place.line - 1] if 0 < place.line <= len(self.lines) else ""
        )
        where, what = (
            _clipped(spell(path)),
            _clipped(message) + lookalike_hint(source, place.column),
        )
        return Problem(where, what, place.line, place.column, place.length, source, severity)


def _clipped(text: str) -> str:
    """A text of which nobody has to read more than a few lines, whatever a file puts into it."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def spell(path: DataPath) -> str:
    """A path as people write it: ``chain[1].gf1_sigma``."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            name = part if _WORD.fullmatch(part) else json.dumps(part)
            text += f".{name}" if text else name
    return text


def parse(text: str) -> Text:
    """Parse a YAML text; what is wrong with it is in ``problems`` of the result."""
    result = Text(text.splitlines())
    try:
        _refuse_control_characters(text)
        root = compose(text)
        if root is not None:
            result.data = _build(root, (), result)
        return result
    except yaml.MarkedYAMLError as error:
        message, mark = syntax_error(error, result.lines)
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    except Refused as error:
        place, message = error.place, error.message
    result.problems.append(result.problem_at(place, (), message))
    result.faults.add(())
    return result


def _refuse_control_characters(text: str) -> None:
    found = _NOT_TEXT.search(text)
    if found:
        lines = text[: found.end()].splitlines() or [""]
        what = f"a text file cannot hold the character U+{ord(found.group()):04X}; remove it"
        raise Refused(Place(len(lines), max(len(lines[-1]), 1)), what)


def _build(node: Node, path: DataPath, result: Text) -> Any:
    result.values[path] = node.place
    if node.fault:
        result.faults.add(path)
        result.problems.append(result.problem(path, node.fault))
        return None
    if node.kind == "scalar":
        return node.content
    content = node.content[: _bounded(node, path, result)]
    if node.kind == "list":
        return [_build(item, (*path, index), result) for index, item in enumerate(content)]
    data: dict[str, Any] = {}
    for key, value in content:
        name = key.content
        fault = _key_fault(key)
        if fault:
            result.faults.update({path} if path else ())
            result.problems.append(result.problem_at(key.place, path, fault))
        elif name in data:
            first = result.keys[*path, name].line
            what = f"{name} stands here twice (first in line {first}); keep one"
            result.problems.append(result.problem_at(key.place, (*path, name), what))
        else:
            result.keys[*path, name] = key.place
            data[name] = _build(value, (*path, name), result)
    return data


def _bounded(node: Node, path: DataPath, result: Text) -> int:
    """How many of the entries are looked at; what is wrong with further ones nobody would read."""
    number, is_list = len(node.content), node.kind == "list"
    if number <= MAX_ENTRIES or (is_list and all(item.kind == "scalar" for item in node.content)):
        return number
    what = "entries" if is_list else "keys"
    message = f"has {number} {what}, of which {MAX_ENTRIES} were looked at; no protocol needs more"
    result.problems.append(result.problem(path, message))
    return MAX_ENTRIES


def _key_fault(key: Node) -> str:
    if key.fault:
        return key.fault
    if key.kind != "scalar":
        return f"a key must be a word, got a {key.kind}; write a name before the colon"
    if not isinstance(key.content, str):
        got = json.dumps(key.content)
        return f"a key must be a word, got {got}; write a name, or put it in quotes"
    if key.content == "<<":
        return "merging (<<) is not part of YAML 1.2; write the keys themselves"
    return ""
