"""YAML text to nodes whose number and depth are bounded, each with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from copy import copy
from dataclasses import dataclass
from typing import Any

import yaml

from stackmend.protocol.scalars import scalar

MAX_DEPTH = 40
MAX_VALUES = 50_000
MAX_NUMBER = 1e100

_LEADING_ZERO = re.compile(r"0[0-9]+")

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class Place:
    """A stretch of the text: line and column from 1, and a length within that line."""

    line: int
    column: int
    length: int = 1
    source: str = ""


class Refused(Exception):
    """The text is not read any further."""

    def __init__(self, place: Place, message: str) -> None:
        super().__init__(message)
        self.place = place
        self.message = message


class Node:
    """A value at its place: a scalar, a list of nodes, or a mapping as pairs of nodes.

    ``start`` and ``stop`` count the characters of the text; a block ends where what follows begins.
    ``style`` is the parser's: a quote, ``|``, ``>`` or nothing of scalars, ``flow`` or ``block``.
    ``target`` is what an alias stands for, whose content it has.
    """

    def __init__(self, place: Place, content: Any, kind: str, fault: str = "") -> None:
        self.place, self.content, self.kind, self.fault = place, content, kind, fault
        self.size, self.height = 1, 0
        self.start, self.stop, self.style = 0, 0, ""
        self.target: Node | None = None


def compose(text: str) -> Node | None:
    """The nodes of a text that ``parse`` can read, for who needs their places to the character."""
    return _Composer(text).document()


class _Composer:
    """Turns the parser's events into nodes whose number and depth are bounded, aliases expanded."""

    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = yaml.parse(text, Loader=_Loader)
        self._anchors: dict[str, Node] = {}
        self._stop = 0

    def document(self) -> Node | None:
        root = None
        for event in self._events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise Refused(
                        _place(event),
                        "a protocol is one YAML document; remove everything from here on",
                    )
                root = self._node(next(self._events), 0)
        return root

    def _node(self, event: Any, depth: int) -> Node:
        place = _place(event)
        if depth > MAX_DEPTH:
            raise _too_deep(place)
        if isinstance(event, yaml.AliasEvent):
            node = self._alias(event, place)
        elif isinstance(event, yaml.ScalarEvent):
            node = _scalar_node(event, place)
        else:
            node = self._collection(event, place, depth)
        node.start = event.start_mark.index
        node.stop = max(self._stop, event.end_mark.index)
        if depth + node.height > MAX_DEPTH:
            raise _too_deep(place)
        if node.size > MAX_VALUES:
            raise Refused(
                place, f"expands to more than {MAX_VALUES} values; a protocol is a page of text"
            )
        if getattr(event, "tag", None) is not None:
            node.fault = f"tags such as {event.tag} are not allowed; write the plain value"
        if event.anchor and not isinstance(event, yaml.AliasEvent):
            self._anchors[event.anchor] = node
        return node

    def _collection(self, event: Any, place: Place, depth: int) -> Node:
        items = list(self._items(depth))
        if isinstance(event, yaml.SequenceStartEvent):
            node = Node(place, items, "list")
        else:
            node = Node(place, list(zip(items[::2], items[1::2], strict=True)), "mapping")
        node.size += sum(item.size for item in items)
        node.height = 1 + max((item.height for item in items), default=0)
        node.style = "flow" if event.flow_style else "block"
        return node

    def _alias(self, event: Any, place: Place) -> Node:
        target = self._anchors.get(event.anchor)
        if target is None:
            what = (
                f"*{event.anchor} stands for nothing: "
                f"no complete &{event.anchor} comes before it; write the value"
            )
            return Node(place, None, "scalar", what)
        node = copy(target)
        node.place, node.target = place, target
        return node

    def _items(self, depth: int) -> Iterator[Node]:
        for event in self._events:
            if isinstance(event, (yaml.SequenceEndEvent, yaml.MappingEndEvent)):
                self._stop = event.end_mark.index if event.end_mark else self._stop
                return
            yield self._node(event, depth + 1)


def _too_deep(place: Place) -> Refused:
    return Refused(place, f"nested deeper than {MAX_DEPTH} levels; a protocol needs five")


def _scalar_node(event: Any, place: Place) -> Node:
    if not event.implicit[0]:
        node = Node(place, event.value, "scalar")
        node.style = event.style or ""
        return node
    value, fault = scalar(event.value), ""
    if isinstance(value, (int, float)) and not abs(value) <= MAX_NUMBER:
        fault = "is no finite number of a usable size; give another"
    elif _LEADING_ZERO.fullmatch(event.value):
        fault = (
            f"a number does not begin with 0; write {value}, or 0.{event.value[1:]} with a point"
        )
    return Node(place, value, "scalar", fault)


def _place(event: Any) -> Place:
    start, end = event.start_mark, event.end_mark
    is_scalar = isinstance(event, (yaml.ScalarEvent, yaml.AliasEvent))
    length = end.column - start.column if is_scalar and end.line == start.line else 1
    return Place(start.line + 1, start.column + 1, max(length, 1))


def plain(node: Node) -> Any:
    """The data that a node stands for."""
    if node.kind == "list":
        return [plain(each) for each in node.content]
    if node.kind == "mapping":
        data: dict[str, Any] = {}
        for key, value in node.content:
            data.setdefault(str(key.content), plain(value))
        return data
    return node.content


def child_of(node: Node, part: str | int) -> Node | None:
    """The entry of a list, or the value of a key, if there is one."""
    if node.kind == "list" and isinstance(part, int):
        return node.content[part] if 0 <= part < len(node.content) else None
    if node.kind == "mapping":
        return next((value for key, value in node.content if key.content == part), None)
    return None


def key_of(mapping: Node, value: Node) -> Node:
    """The key of a value of a mapping."""
    key: Node = next(key for key, each in mapping.content if each is value)
    return key
