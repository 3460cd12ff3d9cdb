"""Keys of mappings and entries of lists: adding and removing them in the text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stackmend.protocol.layout import Layout, children
from stackmend.protocol.nodes import Node
from stackmend.protocol.spelling import spelled

_COLON = re.compile(r"[ \t]*:")
_DASH = re.compile("(?:\\s|#[^\n\r\x85\u2028\u2029]*)*-")


def lead(layout: Layout, parent: Node, node: Node) -> int:
    """Behind the colon or the dash that a value in a block follows."""
    if parent.kind == "list":
        return dash(layout, parent, parent.content.index(node)) + 1
    key = next(key for key, value in parent.content if value is node)
    colon = _COLON.match(layout.text, key.stop)
    return colon.end() if colon else key.stop


def with_key(layout: Layout, mapping: Node, name: str, value: Any) -> str:
    """The text with a further key at the end of a mapping."""
    key = spelled(name)
    if mapping.style == "flow":
        return _in_flow(layout, mapping, len(mapping.content), f"{key}: {spelled(value)}")
    indent = layout.indent(mapping.content[0][0].start)
    below = _below(value) if mapping is layout.root else None
    line = f"{indent}{key}: {spelled(value)}"
    if below:
        line = layout.line_break.join([f"{indent}{key}:", *(f"{indent}  {each}" for each in below)])
    return layout.with_line(layout.stop(mapping), line)


def _below(value: Any) -> list[str]:
    """A section of a protocol in a line for each of its parts, as people write it."""
    if isinstance(value, Mapping):
        return [f"{spelled(key)}: {spelled(each)}" for key, each in value.items()]
    if isinstance(value, list) and any(isinstance(each, Mapping) for each in value):
        return [f"- {_item(each)}" for each in value]
    return []


def with_item(layout: Layout, items: Node, at: int, value: Any) -> str:
    """The text with a further entry of a list, at a position."""
    if items.style == "flow":
        return _in_flow(layout, items, at, spelled(value))
    first = dash(layout, items, 0)
    line = f"{layout.indent(first)}- {_item(value)}"
    if at:
        return layout.with_line(layout.stop(items.content[at - 1]), line)
    start = layout.line_start(first)
    if layout.text[start:first].strip():  # the list begins behind another dash or a key
        line = f"- {_item(value)}{layout.line_break}{layout.indent(first)}"
        return layout.text[:first] + line + layout.text[first:]
    return layout.text[:start] + line + layout.line_break + layout.text[start:]


def _item(value: Any) -> str:
    """An entry of a list behind its dash; a mapping with one plain value needs no braces."""
    if isinstance(value, Mapping) and len(value) == 1:
        ((key, only),) = value.items()
        if not isinstance(only, Mapping | list):
            return f"{spelled(str(key))}: {spelled(only)}"
    return spelled(value)


def _in_flow(layout: Layout, node: Node, at: int, entry: str) -> str:
    """The text with an entry between the brackets of a list or a mapping."""
    text, each = layout.text, 2 if node.kind == "mapping" else 1
    if at:
        before = layout.stop(children(node)[at * each - 1])
        return f"{text[:before]}, {entry}{text[before:]}"
    opened = re.compile(r"[\[{]").search(text, node.start)
    inside = opened.end() if opened else node.start
    comma = ", " if node.content else ""
    return f"{text[:inside]}{entry}{comma}{text[inside:]}"


def without_key(layout: Layout, mapping: Node, node: Node) -> str:
    """The text without a key of a mapping that has others."""
    at = next(place for place, (_, value) in enumerate(mapping.content) if value is node)
    key, stop = mapping.content[at][0], layout.stop(node)
    if mapping.style == "flow":
        return _out_of_flow(layout, mapping, 2 * at, 2)
    if not layout.text[layout.line_start(key.start) : key.start].strip():
        return layout.without_lines(key.start, stop)
    return _up(layout, key.start, mapping.content[at + 1][0].start)


def without_item(layout: Layout, items: Node, at: int) -> str:
    """The text without an entry of a list that has others."""
    if items.style == "flow":
        return _out_of_flow(layout, items, at, 1)
    start = dash(layout, items, at)
    stop = max(layout.stop(items.content[at]), start + 1)
    if not layout.text[layout.line_start(start) : start].strip():
        return layout.without_lines(start, stop)
    return _up(layout, start, dash(layout, items, at + 1))


def _up(layout: Layout, start: int, after: int) -> str:
    """The text without a stretch in whose place comes what follows; comments go above the line."""
    first, kept = layout.line_start(start), ""
    for begin, stop in layout.comments_in(start, after):
        kept += layout.blanks(start) + layout.text[begin:stop] + layout.line_break
    text = layout.text
    return text[:first] + kept + text[first:start] + text[after:]


def _out_of_flow(layout: Layout, node: Node, at: int, count: int) -> str:
    """The text without some children of a list or mapping in brackets, and without a comma."""
    inside = children(node)
    if at + count < len(inside):
        return layout.replaced(inside[at].start, inside[at + count].start, "")
    return layout.replaced(layout.stop(inside[at - 1]), layout.stop(inside[-1]), "")


def dash(layout: Layout, items: Node, at: int) -> int:
    """Where the dash of an entry of a list is."""
    before = items.start
    if at:
        before = layout.stop(items.content[at - 1])
    elif layout.text[before : before + 1] == "&":
        before += len(layout.text[before:].split(maxsplit=1)[0])
    found = _DASH.match(layout.text, before)
    return found.end() - 1 if found else items.content[at].start
