"""Changing one value in the text of a protocol; comments, layout and all else stay as they are.

Every edit is proved: the new text is read again and must hold the data that were meant. Where an
edit cannot be made in the text as it is written, that is an error, and nothing is changed.

An alias (``*name``) whose meaning an edit would change is replaced by the value it stands for.
Comments inside of what is replaced or removed stay, if need be on lines of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stackmend.protocol import entries
from stackmend.protocol.layout import Layout, children
from stackmend.protocol.nodes import Node, child_of, key_of, plain
from stackmend.protocol.proved import (
    BOM,
    NotEditable,
    edited,
    has,
    holder_of,
    no_place,
    node_at,
    value_at,
)
from stackmend.protocol.spelling import same, spelled
from stackmend.protocol.text import DataPath

__all__ = ["BOM", "NotEditable", "insert", "note", "put", "remove", "value_at"]


def put(text: str, path: DataPath, value: Any) -> str:
    """The text with a value at a path, in the place of what is there or as something new.

    Parameters
    ----------
    text
        A protocol.
    path
        Keys and positions from the top. Keys that are missing are added, and so is the entry behind
        the last one of a list.
    value
        Plain data. Where a list or a mapping takes the place of another one that is written over
        several lines, only what differs is changed.

    Raises
    ------
    NotEditable
        If there is no such place, or the text cannot be changed there.
    """
    spelled(value)  # which refuses what no protocol can hold

    def intended(data: Any) -> Any:
        target, last = holder_of(data, path)
        if isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value
        return data

    return edited(text, path, intended, lambda layout: _put(layout, path, value))


def insert(text: str, path: DataPath, value: Any) -> str:
    """The text with a new entry of a list, before the one that has this path so far.

    Raises
    ------
    NotEditable
        As for ``put``.
    """
    spelled(value)

    def intended(data: Any) -> Any:
        target, last = holder_of(data, path)
        if not isinstance(target, list) or not isinstance(last, int) or last > len(target):
            raise no_place(path)
        target.insert(last, value)
        return data

    def change(layout: Layout) -> str:
        node, at = node_at(layout, path[:-1], path), int(path[-1])
        return entries.with_item(layout, node, at, value)

    return edited(text, path, intended, change)


def remove(text: str, path: DataPath) -> str:
    """The text without a key of a mapping or an entry of a list.

    Raises
    ------
    NotEditable
        As for ``put``.
    """

    def intended(data: Any) -> Any:
        target, last = holder_of(data, path)
        if not has(target, last):
            raise no_place(path)
        del target[last]
        return data

    def change(layout: Layout) -> str:
        parent, node = node_at(layout, path[:-1], path), node_at(layout, path, path)
        if len(children(parent)) == (1 if parent.kind == "list" else 2):
            empty: Any = [] if parent.kind == "list" else {}
            return _inline(layout, path[:-1], parent, empty)
        if parent.kind == "list":
            return entries.without_item(layout, parent, int(path[-1]))
        return entries.without_key(layout, parent, node)

    return edited(text, path, intended, change)


def note(text: str, path: DataPath, words: str) -> str:
    """The text with a comment beside a value, or above its line where there is no room beside it.

    Raises
    ------
    NotEditable
        If there is no such value.
    """

    def change(layout: Layout) -> str:
        node = node_at(layout, path, path)
        stop = layout.stop(node)
        rest = layout.text[stop : layout.line_stop(stop)]
        if not rest.strip() and node.style not in ("|", ">"):
            return f"{layout.text[:stop]}  # {words}{layout.text[stop:]}"
        owner = node_at(layout, path[:-1], path)
        at = key_of(owner, node).start if owner.kind == "mapping" else node.start
        first = layout.line_start(at)
        line = f"{layout.blanks(at)}# {path[-1]}: {words}{layout.line_break}"
        return layout.text[:first] + line + layout.text[first:]

    return edited(text, (), lambda data: data, change)


def _put(layout: Layout, path: DataPath, value: Any) -> str:
    """The text with a value in the place of another one, or as a new one."""
    node, end = layout.root, 0
    while end < len(path) and (child := child_of(node, path[end])):
        node, end = child, end + 1
    if end == len(path):
        return _replaced(layout, path, node, value)
    for part in reversed(path[end + 1 :]):
        value = {part: value}
    part = path[end]
    if node.kind == "mapping" and isinstance(part, str):
        return entries.with_key(layout, node, part, value)
    if node.kind == "list" and part == len(node.content):
        return entries.with_item(layout, node, part, value)
    return _inline(layout, path[:end], node, {part: value})


def _replaced(layout: Layout, path: DataPath, node: Node, value: Any) -> str:
    """The text with a value in the place of a node; of large ones only what differs is changed."""
    old = plain(node)
    if not node.fault and same(old, value):
        return layout.text
    written = node.style == "block" or layout.comments_in(node.start, layout.stop(node))
    alike = isinstance(old, dict | list) and type(old) is type(value)
    if not (written and alike and old and value):
        return _inline(layout, path, node, value)
    text = layout.text
    if isinstance(value, Mapping):
        for key, each in value.items():
            if key not in old or not same(old[key], each):
                text = put(text, (*path, key), each)
        for key in [key for key in old if key not in value]:
            text = remove(text, (*path, key))
        return text
    for index, each in enumerate(value):
        if index >= len(old) or not same(old[index], each):
            text = put(text, (*path, index), each)
    for index in reversed(range(len(value), len(old))):
        text = remove(text, (*path, index))
    return text


def _inline(layout: Layout, path: DataPath, node: Node, value: Any) -> str:
    """The text with a value on one line in the place of a node."""
    if not path:
        raise NotEditable("protocol: cannot be replaced as a whole; change what is in it")
    new = spelled(value, node.style if node.style in ("'", '"') else "")
    start, stop = node.start, layout.stop(node)
    if node.style == "block" and node.target is None:
        parent = node_at(layout, path[:-1], path)
        start, new = entries.lead(layout, parent, node), f" {new}"
    elif start == stop:  # nothing is written there
        before = layout.text[:start]
        if before[-1:] in (":", "-"):
            new = f" {new}"
        elif before.rstrip(" ")[-1:] != ":":
            new = f": {new}"
    return layout.replaced(start, stop, new)
