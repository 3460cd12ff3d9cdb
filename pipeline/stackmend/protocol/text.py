"""YAML text to plain data, with the place of every key and value.

Only data comes in: no tags, YAML 1.2 meaning of plain scalars, no duplicate keys, bounded size,
depth and expansion. Faults that concern one value are noted and the rest is read on; after the
others there are no data.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import yaml

from stackmend.errors import Problem
from stackmend.protocol.lookalikes import lookalike_hint
from stackmend.protocol.scalars import scalar
from stackmend.protocol.wording import syntax_error

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_VALUES = 50_000
MAX_NUMBER = 1e100
_LONGEST = 600
MAX_ENTRIES = 200
"""Keys of a mapping, and entries of a list that are not plain values: steps, searches."""

DataPath = tuple[str | int, ...]
"""Where a value is in the data: keys and positions from the top."""

_LEADING_ZERO = re.compile(r"0[0-9]+")
_WORD = re.compile(r"[^\W\d][\w-]*")
_NOT_TEXT = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Place:
    """A stretch of the text: line and column from 1, and a length within that line."""

    line: int
    column: int
    length: int = 1
    source: str = ""


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


class _Refused(Exception):
    """The text is not read any further."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


class _Node:
    """A value at its place: a scalar, a list of nodes, or a mapping as pairs of nodes."""

    def __init__(self, place: Place, content: Any, kind: str, fault: str = "") -> None:
        self.place, self.content, self.kind, self.fault = place, content, kind, fault
        self.size, self.height = 1, 0


def parse(text: str) -> Text:
    """Parse a YAML text; what is wrong with it is in ``problems`` of the result."""
    result = Text(text.splitlines())
    try:
        _refuse_control_characters(text)
        root = _Composer(text).document()
        if root is not None:
            result.data = _build(root, (), result)
        return result
    except yaml.MarkedYAMLError as error:
        message, mark = syntax_error(error, result.lines)
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
    except _Refused as error:
        place, message = error.place, error.message
    result.problems.append(result.problem_at(place, (), message))
    result.faults.add(())
    return result


def _refuse_control_characters(text: str) -> None:
    found = _NOT_TEXT.search(text)
    if found:
        lines = text[: found.end()].splitlines() or [""]
        what = f"a text file cannot hold the character U+{ord(found.group()):04X}; remove it"
        raise _Refused(Place(len(lines), max(len(lines[-1]), 1)), what)


class _Composer:
    """Turns the parser's events into nodes whose number and depth are bounded, aliases expanded."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, _Node] = {}

    def document(self) -> _Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused(
                        _place(event),
                        "a protocol is one YAML document; remove everything from here on",
                    )
                root = self._node(next(self._events), 0)
        return root

    def _node(self, event: Any, depth: int) -> _Node:
        place = _place(event)
        if depth > MAX_DEPTH:
            raise _too_deep(place)
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(event, place)
        elif isinstance(event, yaml.ScalarEvent):
            node = _scalar_node(event, place)
        else:
            node = self._collection(event, place, depth)
        if depth + node.height > MAX_DEPTH:
            raise _too_deep(place)
        if node.size > MAX_VALUES:
            raise _Refused(
                place, f"expands to more than {MAX_VALUES} values; a protocol is a page of text"
            )
        if getattr(event, "tag", None) is not None:
            node.fault = f"tags such as {event.tag} are not allowed; write the plain value"
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = node
        return node

    def _collection(self, event: Any, place: Place, depth: int) -> _Node:
        items = list(self._items(depth))
        if isinstance(event, yaml.SequenceStartEvent):
            node = _Node(place, items, "list")
        else:
            node = _Node(place, list(zip(items[::2], items[1::2], strict=True)), "mapping")
        node.size += sum(item.size for item in items)
        node.height = 1 + max((item.height for item in items), default=0)
        return node

    def _alias(self, event: Any, place: Place) -> _Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            what = (
                f"*{event.anchor} stands for nothing: "
                f"no complete &{event.anchor} comes before it; write the value"
            )
            return _Node(place, None, "scalar", what)
        node = copy(target)
        node.place = place
        return node

    def _items(self, depth: int) -> Iterator[_Node]:
        for event in self._events:
            if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                return
            yield self._node(event, depth + 1)


def _too_deep(place: Place) -> _Refused:
    return _Refused(place, f"nested deeper than {MAX_DEPTH} levels; a protocol needs five")


def _scalar_node(event: Any, place: Place) -> _Node:
    if not event.implicit[0]:
        return _Node(place, event.value, "scalar")
    value, fault = scalar(event.value), ""
    if isinstance(value, (int, float)) and not abs(value) <= MAX_NUMBER:
        fault = "is no finite number of a usable size; give another"
    elif _LEADING_ZERO.fullmatch(event.value):
        fault = (
            f"a number does not begin with 0; write {value}, or 0.{event.value[1:]} with a point"
        )
    return _Node(place, value, "scalar", fault)


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    is_scalar = isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent))
    length = end.column - start.column if is_scalar and end.line == start.line else 1
    return Place(start.line + 1, start.column + 1, max(length, 1))


def _build(node: _Node, path: DataPath, result: Text) -> Any:
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


def _bounded(node: _Node, path: DataPath, result: Text) -> int:
    """How many of the entries are looked at; what is wrong with further ones nobody would read."""
    number, is_list = len(node.content), node.kind == "list"
    if number <= MAX_ENTRIES or (is_list and all(item.kind == "scalar" for item in node.content)):
        return number
    what = "entries" if is_list else "keys"
    message = f"has {number} {what}, of which {MAX_ENTRIES} were looked at; no protocol needs more"
    result.problems.append(result.problem(path, message))
    return MAX_ENTRIES


def _key_fault(key: _Node) -> str:
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
