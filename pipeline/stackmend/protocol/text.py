"""YAML text to plain data, with the place of every key and value.

Only data comes in: no tags, YAML 1.2 meaning of plain scalars, no duplicate keys, bounded size, depth and expansion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from stackmend.errors import Problem

MAX_BYTES = 256 * 1024
MAX_DEPTH = 40
MAX_VALUES = 50_000

Path = tuple[str | int, ...]
"""Where a value is in the data: keys and positions from the top."""

_NULL = re.compile(r"(~|null|Null|NULL|)")
_TRUE = re.compile(r"(true|True|TRUE)")
_FALSE = re.compile(r"(false|False|FALSE)")
_INT = re.compile(r"[-+]?[0-9]+")
_OCT = re.compile(r"0o[0-7]+")
_HEX = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Place:
    """A stretch of the text: line and column from 1, and a length within that line."""

    line: int
    column: int
    length: int = 1
    source: str = ""


@dataclass
class Text:
    """A parsed text: its data, the places in it, and what was wrong with it as YAML."""

    lines: list[str]
    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, path: Path, message: str, *, key: bool = False, severity: str = "error") -> Problem:
        """A problem at a value (or at its key); at the nearest enclosing place if that one is not in the text."""
        place = self.keys.get(path) if key else None
        for end in range(len(path), -1, -1):
            place = place or self.values.get(path[:end])
        place = place or Place(1, 1)
        source = place.source or (self.lines[place.line - 1] if 0 < place.line <= len(self.lines) else "")
        return Problem(spell(path), message, place.line, place.column, place.length, source, severity)


def spell(path: Path) -> str:
    """A path as people write it: ``chain[1].gf1_sigma``."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


class _TooMuch(Exception):
    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


@dataclass
class _Node:
    place: Place
    content: Any
    kind: str
    size: int = 1


def parse(text: str) -> Text:
    """Parse a YAML text; what is wrong with it is in ``problems`` of the result, whose ``data`` is then ``None``."""
    result = Text(lines=text.splitlines())
    try:
        root = _Composer(text).document()
        if root is not None:
            result.data = _build(root, (), result)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
        what = " ".join(part for part in (error.context, error.problem) if part)
        result.values[()] = place
        result.problems.append(result.problem((), f"not valid YAML: {what}"))
    except yaml.YAMLError as error:
        result.problems.append(result.problem((), f"not valid YAML: {str(error).splitlines()[0]}"))
    except _TooMuch as error:
        result.values[()] = error.place
        result.problems.append(result.problem((), error.message))
    return result


def scalar(text: str) -> Any:
    """The meaning of a plain scalar in the core schema of YAML 1.2."""
    if _NULL.fullmatch(text):
        return None
    if _TRUE.fullmatch(text) or _FALSE.fullmatch(text):
        return text.lower() == "true"
    if _INT.fullmatch(text):
        # Python refuses to convert absurdly long digit strings; as a number they would be out of any range.
        return int(text) if len(text) <= 400 else float("inf")
    for pattern, base in ((_OCT, 8), (_HEX, 16)):
        if pattern.fullmatch(text):
            return int(text[2:], base)
    if _FLOAT.fullmatch(text):
        return float(text)
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


class _Composer:
    """Turns the parser's events into nodes, iterating rather than trusting the depth of the file."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, _Node] = {}

    def document(self) -> _Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _TooMuch(
                        _place(event), "a protocol is one YAML document; remove everything from this line on"
                    )
                first = next(self._events)
                root = self._node(first, 0)
        return root

    def _node(self, event: Any, depth: int) -> _Node:
        place = _place(event)
        if depth > MAX_DEPTH:
            raise _TooMuch(place, f"nested deeper than {MAX_DEPTH} levels; a protocol needs five")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, place)
        if event.tag is not None:
            raise _TooMuch(place, f"tags such as {event.tag} are not allowed; write plain values")
        if isinstance(event, yaml.ScalarEvent):
            node = _Node(place, scalar(event.value) if event.implicit[0] else event.value, "scalar")
        elif isinstance(event, yaml.SequenceStartEvent):
            node = _Node(place, list(self._items(depth)), "list")
            node.size += sum(item.size for item in node.content)
        else:
            parts = list(self._items(depth))
            node = _Node(place, list(zip(parts[::2], parts[1::2], strict=True)), "mapping")
            node.size += sum(part.size for part in parts)
        if node.size > MAX_VALUES:
            raise _TooMuch(place, f"expands to more than {MAX_VALUES} values; a protocol is a page of text")
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _alias(self, event: Any, place: Place) -> _Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            raise _TooMuch(place, f"*{event.anchor} stands for nothing: there is no complete &{event.anchor} before it")
        return _Node(place, target.content, target.kind, target.size)

    def _items(self, depth: int) -> Iterator[_Node]:
        for event in self._events:
            if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                return
            yield self._node(event, depth + 1)


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    is_scalar = isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent))
    length = end.column - start.column if is_scalar and end.line == start.line else 1
    return Place(start.line + 1, start.column + 1, max(length, 1))


def _build(node: _Node, path: Path, result: Text) -> Any:
    result.values[path] = node.place
    if node.kind == "scalar":
        if isinstance(node.content, float) and not abs(node.content) < float("inf"):
            result.problems.append(result.problem(path, "must be a finite number"))
            return None
        return node.content
    if node.kind == "list":
        return [_build(item, (*path, index), result) for index, item in enumerate(node.content)]
    data: dict[str, Any] = {}
    for key, value in node.content:
        name = key.content
        if not isinstance(name, str):
            result.values[path] = key.place
            result.problems.append(result.problem(path, f"a key must be a word, got {name!r}; put it in quotes"))
            result.values[path] = node.place
        elif name in data:
            first = result.keys[*path, name].line
            result.values[path] = key.place
            result.problems.append(result.problem(path, f"{name} stands here twice (first in line {first}); keep one"))
            result.values[path] = node.place
        else:
            result.keys[*path, name] = key.place
            data[name] = _build(value, (*path, name), result)
    return data
