"""Changing one value in the text of a protocol; comments, layout and all else stay as they are.

Every edit is proved: the new text is read again and must hold the data that were meant. Where an
edit cannot be made in the text as it is written, that is an error, and nothing is changed.

An alias (``*name``) whose meaning an edit would change is replaced by the value it stands for.
Comments inside of what is replaced or removed stay, if need be on lines of their own.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import yaml

from stackmend.errors import UsageError
from stackmend.protocol import entries
from stackmend.protocol.layout import Layout, children
from stackmend.protocol.nodes import Node, Refused, compose
from stackmend.protocol.spelling import same, spelled
from stackmend.protocol.text import DataPath, parse, spell

BOM = "\ufeff"


class NotEditable(UsageError):
    """The text has no such place, or is written so that only a person can change it there."""


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

    def intended(data: Any) -> Any:
        target, last = _target(data, path)
        if isinstance(target, list) and last == len(target):
            target.append(value)
        else:
            target[last] = value
        return data

    return _edited(text, path, intended, lambda layout: _put(layout, path, value))


def insert(text: str, path: DataPath, value: Any) -> str:
    """The text with a new entry of a list, before the one that has this path so far.

    Raises
    ------
    NotEditable
        As for ``put``.
    """

    def intended(data: Any) -> Any:
        target, last = _target(data, path)
        if not isinstance(target, list) or not isinstance(last, int) or last > len(target):
            raise _no_place(path)
        target.insert(last, value)
        return data

    def change(layout: Layout) -> str:
        node, at = _found(layout, path[:-1], path), int(path[-1])
        return entries.with_item(layout, node, at, value)

    return _edited(text, path, intended, change)


def remove(text: str, path: DataPath) -> str:
    """The text without a key of a mapping or an entry of a list.

    Raises
    ------
    NotEditable
        As for ``put``.
    """

    def intended(data: Any) -> Any:
        target, last = _target(data, path)
        if not _has(target, last):
            raise _no_place(path)
        del target[last]
        return data

    def change(layout: Layout) -> str:
        parent, node = _found(layout, path[:-1], path), _found(layout, path, path)
        if len(children(parent)) == (1 if parent.kind == "list" else 2):
            empty: Any = [] if parent.kind == "list" else {}
            return _inline(layout, path[:-1], parent, empty)
        if parent.kind == "list":
            return entries.without_item(layout, parent, int(path[-1]))
        return entries.without_key(layout, parent, node)

    return _edited(text, path, intended, change)


def note(text: str, path: DataPath, words: str) -> str:
    """The text with a comment beside a value, or above its line where there is no room beside it.

    Raises
    ------
    NotEditable
        If there is no such value.
    """

    def change(layout: Layout) -> str:
        node = _found(layout, path, path)
        stop = layout.stop(node)
        rest = layout.text[stop : layout.line_stop(stop)]
        if not rest.strip() and node.style not in ("|", ">"):
            return f"{layout.text[:stop]}  # {words}{layout.text[stop:]}"
        owner = _found(layout, path[:-1], path)
        at = _key(owner, node).start if owner.kind == "mapping" else node.start
        first = layout.line_start(at)
        line = f"{layout.blanks(at)}# {path[-1]}: {words}{layout.line_break}"
        return layout.text[:first] + line + layout.text[first:]

    return _edited(text, (), lambda data: data, change)


def value_at(data: Any, path: DataPath) -> Any:
    """The value at a path of plain data.

    Raises
    ------
    NotEditable
        If there is none.
    """
    for end, part in enumerate(path, start=1):
        if not _has(data, part):
            raise _no_place(path[:end])
        data = data[part]
    return data


def _edited(
    text: str,
    path: DataPath,
    intended: Callable[[Any], Any],
    change: Callable[[Layout], str],
) -> str:
    """The text after a change, which is proved to come to what is intended."""
    mark = BOM if text.startswith(BOM) else ""
    text = text.removeprefix(BOM)
    before = parse(text)
    if not isinstance(before.data, dict):
        where = f"line {before.problems[0].line}" if before.problems else "the text"
        raise NotEditable(f"{where}: is no protocol that can be read; correct the text first")
    wanted = intended(copy.deepcopy(before.data))
    layout = _without_aliases(_laid_out(text), path)
    after = change(layout)
    found = parse(after)
    if not same(found.data, wanted) or len(found.problems) > len(before.problems):
        what = "is written in a way that cannot be changed in place"
        raise NotEditable(f"{spell(path)}: {what}; change the text by hand")
    return mark + after


def _laid_out(text: str) -> Layout:
    try:
        root = compose(text)
    except (yaml.MarkedYAMLError, Refused) as error:
        what = "the change would make the text unreadable"
        raise NotEditable(f"{what} ({error}); change it by hand") from error
    assert root is not None
    return Layout(text, root)


def _put(layout: Layout, path: DataPath, value: Any) -> str:
    """The text with a value in the place of another one, or as a new one."""
    node, end = layout.root, 0
    while end < len(path) and (child := _child(node, path[end])):
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
    old = _plain(node)
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
        parent = _found(layout, path[:-1], path)
        start, new = entries.lead(layout, parent, node), f" {new}"
    elif start == stop:  # nothing is written there
        before = layout.text[:start]
        if before[-1:] in (":", "-"):
            new = f" {new}"
        elif before.rstrip(" ")[-1:] != ":":
            new = f": {new}"
    return layout.replaced(start, stop, new)


def _without_aliases(layout: Layout, path: DataPath) -> Layout:
    """The same data without the aliases that stand for what is to be changed, or lead there."""
    while True:
        node, touched = layout.root, [layout.root]
        for part in path:
            child = _child(node, part)
            if child is None:
                break
            node = child
            touched.append(node)
            if node.target is not None and len(touched) <= len(path):
                break
        if node.target is not None and len(touched) <= len(path):
            layout = _spelled_out(layout, [node])
            continue
        inner = Layout(layout.text, node).nodes() if node.target is None else ()
        changed = {id(each) for each in (*touched, *inner)}
        found = [each for each in layout.nodes() if id(each.target) in changed]
        return _spelled_out(layout, found) if found else layout


def _spelled_out(layout: Layout, aliases: list[Node]) -> Layout:
    text = layout.text
    for alias in sorted(aliases, key=lambda each: -each.start):
        text = text[: alias.start] + spelled(_plain(alias)) + text[alias.stop :]
    return _laid_out(text)


def _plain(node: Node) -> Any:
    """The data that a node stands for."""
    if node.kind == "list":
        return [_plain(each) for each in node.content]
    if node.kind == "mapping":
        data: dict[str, Any] = {}
        for key, value in node.content:
            data.setdefault(str(key.content), _plain(value))
        return data
    return node.content


def _child(node: Node, part: str | int) -> Node | None:
    if node.kind == "list" and isinstance(part, int):
        return node.content[part] if 0 <= part < len(node.content) else None
    if node.kind == "mapping":
        return next((value for key, value in node.content if key.content == part), None)
    return None


def _key(mapping: Node, value: Node) -> Node:
    key: Node = next(key for key, each in mapping.content if each is value)
    return key


def _found(layout: Layout, path: DataPath, wanted: DataPath) -> Node:
    node: Node | None = layout.root
    for part in path:
        node = _child(node, part) if node else None
    if node is None:
        raise _no_place(wanted)
    return node


def _target(data: Any, path: DataPath) -> tuple[Any, Any]:
    """What holds the last part of a path, made on the way where it is missing, and that part."""
    if not path:
        raise NotEditable("protocol: cannot be replaced as a whole; change what is in it")
    for end, part in enumerate(path[:-1], start=1):
        if isinstance(data, dict) and isinstance(part, str):
            data.setdefault(part, None)
        if not _has(data, part):
            raise _no_place(path[:end])
        if data[part] is None and isinstance(path[end], str):
            data[part] = {}
        data = data[part]
    last = path[-1]
    fits = isinstance(last, str) if isinstance(data, dict) else isinstance(last, int)
    if not isinstance(data, dict | list) or not fits:
        raise _no_place(path)
    if isinstance(data, list) and not 0 <= int(last) <= len(data):
        raise _no_place(path)
    return data, last


def _has(data: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(data, list) and 0 <= part < len(data)
    return isinstance(data, dict) and part in data


def _no_place(path: DataPath) -> NotEditable:
    return NotEditable(f"{spell(path)}: there is no such place in the text; look at its keys")
