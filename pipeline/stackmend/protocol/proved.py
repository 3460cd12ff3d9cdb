"""Proof of every edit: what has become of a text is read again and compared with what was meant."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import yaml

from stackmend.errors import UsageError
from stackmend.protocol.layout import Layout
from stackmend.protocol.nodes import Node, Refused, child_of, compose, plain
from stackmend.protocol.spelling import same, spelled
from stackmend.protocol.text import DataPath, parse, spell

BOM = "\ufeff"


class NotEditable(UsageError):
    """The text has no such place, or is written so that only a person can change it there."""


def edited(
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


def _without_aliases(layout: Layout, path: DataPath) -> Layout:
    """The same data without the aliases that stand for what is to be changed, or lead there."""
    while True:
        node, touched = layout.root, [layout.root]
        for part in path:
            child = child_of(node, part)
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
        text = text[: alias.start] + spelled(plain(alias)) + text[alias.stop :]
    return _laid_out(text)


def value_at(data: Any, path: DataPath) -> Any:
    """The value at a path of plain data.

    Raises
    ------
    NotEditable
        If there is none.
    """
    for end, part in enumerate(path, start=1):
        if not has(data, part):
            raise no_place(path[:end])
        data = data[part]
    return data


def holder_of(data: Any, path: DataPath) -> tuple[Any, Any]:
    """What holds the last part of a path, made on the way where it is missing, and that part."""
    if not path:
        raise NotEditable("protocol: cannot be replaced as a whole; change what is in it")
    for end, part in enumerate(path[:-1], start=1):
        if isinstance(data, dict) and isinstance(part, str):
            data.setdefault(part, None)
        if not has(data, part):
            raise no_place(path[:end])
        if data[part] is None and isinstance(path[end], str):
            data[part] = {}
        data = data[part]
    last = path[-1]
    fits = isinstance(last, str) if isinstance(data, dict) else isinstance(last, int)
    if not isinstance(data, dict | list) or not fits:
        raise no_place(path)
    if isinstance(data, list) and not 0 <= int(last) <= len(data):
        raise no_place(path)
    return data, last


def has(data: Any, part: str | int) -> bool:
    """Whether data hold such a key or entry."""
    if isinstance(part, int):
        return isinstance(data, list) and 0 <= part < len(data)
    return isinstance(data, dict) and isinstance(part, str) and part in data


def no_place(path: DataPath) -> NotEditable:
    """What is said of a path that leads nowhere."""
    return NotEditable(f"{spell(path)}: there is no such place in the text; look at its keys")


def node_at(layout: Layout, path: DataPath, wanted: DataPath) -> Node:
    """The node at a path, on the way to what is wanted."""
    node: Node | None = layout.root
    for part in path:
        node = child_of(node, part) if node else None
    if node is None:
        raise no_place(wanted)
    return node
