"""Where things stand in a YAML text: ends of values, comments, and room for more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property

from stackmend.protocol.nodes import Node

_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
_COMMENT = re.compile("(?<![^\\s\ufeff])#[^\n\r\x85\u2028\u2029]*")
_HEADER = re.compile("[|>][-+0-9]*")
_ALIGNED = re.compile(r"( {2,})#")


class Layout:
    """A YAML text and its nodes; places count characters."""

    def __init__(self, text: str, root: Node) -> None:
        self.text, self.root = text, root
        found = _BREAK.search(text)
        self.line_break = found.group() if found else "\n"

    def nodes(self) -> Iterator[Node]:
        """Every node that stands in the text, keys included; not what aliases stand for."""
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            yield node
            if node.target is None:
                waiting += children(node)

    @cached_property
    def comments(self) -> tuple[tuple[int, int], ...]:
        """Where each comment begins and ends, in order."""
        spans = []
        for node in self.nodes():
            if node.target is not None or node.kind == "scalar":
                header = _HEADER.search(self.text, node.start) if node.style in ("|", ">") else None
                spans.append((header.end() if header else node.start, node.stop, header))
        found = []
        at = 0
        for start, stop, header in sorted(spans, key=lambda each: each[:2]):
            found += [each.span() for each in _COMMENT.finditer(self.text, at, start)]
            if header:  # a comment may follow in its line
                first = _COMMENT.search(self.text, start, self.line_stop(start))
                found += [first.span()] if first else []
            at = max(at, stop)
        found += [each.span() for each in _COMMENT.finditer(self.text, at)]
        return tuple(found)

    def comments_in(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The comments that begin in a stretch."""
        return [each for each in self.comments if start <= each[0] < stop]

    def line_start(self, at: int) -> int:
        """Where the line begins that a place is in."""
        breaks = list(_BREAK.finditer(self.text, 0, at))
        if breaks and self.text[at - 1 : at + 1] == "\r\n":
            breaks.pop()
        return breaks[-1].end() if breaks else 0

    def line_stop(self, at: int) -> int:
        """Where that line ends, before its break."""
        found = _BREAK.search(self.text, at)
        return found.start() if found else len(self.text)

    def next_line(self, at: int) -> int:
        """Where the next line begins, or the end of the text."""
        found = _BREAK.search(self.text, at)
        return found.end() if found else len(self.text)

    def indent(self, at: int) -> str:
        """As many blanks as stand before a place in its line, or what stands for them there."""
        before = self.text[self.line_start(at) : at]
        return before if not before.strip() else " " * len(before.removeprefix("\ufeff"))

    def blanks(self, at: int) -> str:
        """The blanks with which the line of a place begins."""
        line = self.text[self.line_start(at) : at]
        return line[: len(line) - len(line.lstrip(" "))]

    def stop(self, node: Node) -> int:
        """Where a value really ends, without the blank lines and comments behind it."""
        if node.target is None and node.style == "block":
            return self.stop(children(node)[-1])
        if node.target is None and node.style in ("|", ">"):
            header = _HEADER.search(self.text, node.start)
            if header and "+" not in header.group():
                return node.start + len(self.text[node.start : node.stop].rstrip())
        return node.stop

    def replaced(self, start: int, stop: int, new: str) -> str:
        """The text with another one in the place of a stretch, whose comments stay behind it."""
        kept, rest = self.comments_in(start, stop), self.text[stop:]
        for first, last in kept:
            comment = self.text[first:last]
            if _BREAK.search(self.text, start, first):
                new += self.line_break + self.blanks(first) + comment
            else:
                new += f"  {comment}"
        if kept:
            line = self.text[stop : self.line_stop(stop)]
            if line.strip():  # must not become a part of the comment
                rest = self.line_break + self.blanks(start) + " " + rest.lstrip(" \t")
        elif aligned := _ALIGNED.match(rest):
            gap = len(aligned[1]) + (stop - start) - len(new)
            rest = " " * max(gap, 2) + rest[len(aligned[1]) :]
        return self.text[:start] + new + rest

    def without_lines(self, start: int, stop: int) -> str:
        """The text without the lines of a stretch; their comments get lines of their own."""
        first, after = self.line_start(start), self.next_line(stop)
        kept = ""
        for begin, end in self.comments_in(first, after):
            kept += self.indent(start) + self.text[begin:end] + self.line_break
        return self.text[:first] + kept + self.text[after:]

    def with_line(self, stop: int, line: str) -> str:
        """The text with a line behind the one in which something ends."""
        if stop and self.line_start(stop) == stop:  # a text that keeps its last breaks
            return self.text[:stop] + line + self.line_break + self.text[stop:]
        at = self.line_stop(stop)
        return self.text[:at] + self.line_break + line + self.text[at:]


def children(node: Node) -> list[Node]:
    """The values of a list, the keys and values of a mapping, in order."""
    if node.kind == "mapping":
        found: list[Node] = []
        for key, value in node.content:
            found += [key, value]
        return found
    return list(node.content) if node.kind == "list" else []
