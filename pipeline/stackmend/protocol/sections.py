"""Larger changes of a protocol's text: a section made a comment, one of several chains taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stackmend.protocol.editing import insert, put, remove, value_at
from stackmend.protocol.entries import dash
from stackmend.protocol.layout import Layout
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.nodes import Node, key_of
from stackmend.protocol.proved import NotEditable, edited, has, no_place, node_at
from stackmend.protocol.text import DataPath, parse


def headed(text: str, words: str) -> str:
    """The text with a comment at its beginning, behind the line that names the schema."""
    line_break = "\r\n" if "\r\n" in text else "\n"
    first, rest = "", text
    if text.startswith("# yaml-language-server"):
        first, _, rest = text.partition(line_break)
        first += line_break
    return f"{first}# {words}{line_break}{rest}"


def above(text: str, name: str, words: str) -> str:
    """The text with a comment above a section of the protocol.

    Raises
    ------
    NotEditable
        If there is no such section.
    """

    def change(layout: Layout) -> str:
        key = key_of(layout.root, node_at(layout, (name,), (name,)))
        at = layout.line_start(key.start)
        return f"{layout.text[:at]}# {words}{layout.line_break}{layout.text[at:]}"

    return edited(text, (), lambda data: data, change)


def commented_out(text: str, name: str, words: str) -> str:
    """The text with a section of the protocol as comments, under a line that says why.

    Raises
    ------
    NotEditable
        If there is no such section.
    """
    path: DataPath = (name,)

    def intended(data: Any) -> Any:
        if not has(data, name):
            raise no_place(path)
        del data[name]
        return data

    def change(layout: Layout) -> str:
        node = node_at(layout, path, path)
        key = key_of(layout.root, node)
        first, stop = layout.line_start(key.start), layout.line_stop(layout.stop(node))
        lines = layout.text[first:stop].split(layout.line_break)
        commented = [f"# {line}" if line.strip() else "#" for line in lines]
        new = layout.line_break.join([f"# {words}", *commented])
        return layout.text[:first] + new + layout.text[stop:]

    try:
        return edited(text, path, intended, change)
    except NotEditable:  # a protocol in braces
        return remove(text, path)


def with_alternative(text: str, name: str) -> str:
    """The text with one of the chains under ``one_of`` in their place in the chain.

    Comments of the other chains go with these.

    Raises
    ------
    NotEditable
        If there is no such chain, or the text cannot be changed there.
    """
    chain = value_at(parse(text).data, ("chain",))
    at = next(
        place for place, item in enumerate(chain) if isinstance(item, dict) and ONE_OF in item
    )
    steps = value_at(chain, (at, ONE_OF, name))

    def intended(data: Any) -> Any:
        data["chain"][at : at + 1] = steps
        return data

    try:
        return edited(text, ("chain",), intended, lambda layout: _lifted(layout, at, name))
    except NotEditable:  # what is in brackets is written anew
        for place, step in enumerate(steps, start=at + 1):
            text = insert(text, ("chain", place), step)
        return remove(text, ("chain", at))


def instead_of_chain(text: str, steps: Sequence[Mapping[str, Any]]) -> str:
    """The text with other steps for the chain, which stays as a comment.

    Raises
    ------
    NotEditable
        If the text cannot be changed there.
    """
    text = commented_out(text, "chain", "Nothing was found, so this chain was replaced:")
    return put(text, ("chain",), list(steps))


def without_alternatives(text: str) -> str:
    """The text without the chains under ``one_of``: none of them is taken."""
    chain = value_at(parse(text).data, ("chain",))
    at = next(
        place for place, item in enumerate(chain) if isinstance(item, dict) and ONE_OF in item
    )
    return remove(text, ("chain", at))


def _lifted(layout: Layout, at: int, name: str) -> str:
    """The lines of one of the chains, as far to the left as the chain, in the place of all."""
    path: DataPath = ("chain", at, ONE_OF, name)
    chain, item = (node_at(layout, path[:end], path) for end in (1, 2))
    several, taken = (node_at(layout, path[:end], path) for end in (3, 4))
    if "flow" in (chain.style, item.style, several.style, taken.style):
        raise no_place(path)
    outer, inner = dash(layout, chain, at), dash(layout, taken, 0)
    key = key_of(several, taken)
    indent = layout.indent(outer)
    kept = ""
    for start, stop in _comments_of(layout, outer, several, key, inner):
        kept += indent + layout.text[start:stop] + layout.line_break
    shift = len(layout.indent(inner)) - len(indent)
    first, last = layout.line_start(inner), layout.line_stop(layout.stop(taken))
    lines = layout.text[first:last].split(layout.line_break)
    lifted = [line[min(shift, len(line) - len(line.lstrip(" "))) :] for line in lines]
    end = layout.line_stop(layout.stop(item))
    begin = layout.line_start(outer)
    return layout.text[:begin] + kept + layout.line_break.join(lifted) + layout.text[end:]


def _comments_of(
    layout: Layout, outer: int, several: Node, key: Node, inner: int
) -> list[tuple[int, int]]:
    """The comments that stand with ``one_of`` itself and with the name of the chain taken."""
    first = several.content[0][0].start
    found = layout.comments_in(outer, first)
    return found + [each for each in layout.comments_in(key.stop, inner) if each not in found]
