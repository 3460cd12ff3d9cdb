"""Paths of a protocol: what cannot be one, and what may not be written to."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

from stackmend.addresses import Address
from stackmend.errors import Problem
from stackmend.protocol.lookalikes import quoted_by_lookalikes
from stackmend.protocol.model import Protocol
from stackmend.protocol.text import DataPath


def check_paths(protocol: Protocol) -> Iterator[Problem]:
    """Problems with the paths of input and output."""
    yield from _odd_paths(protocol)
    source, target = protocol.input.path, protocol.output.path
    if protocol.input.path is not None and protocol.input.phantom is not None:
        yield protocol.text.problem(
            ("input", "phantom"), "there is a path as well; keep one of the two", key=True
        )
    if isinstance(source, Address) and source.has_credentials:
        place: DataPath = ("input", "path")
        if not protocol.text.place(place).source:
            what = "has a password in it, which every copy of the protocol would hold"
            yield protocol.text.problem(place, f"{what}; give the address with --input")
    if source is None or target is None:
        return
    path: DataPath = ("output", "path")
    if target == source or source in target.parents:
        yield protocol.text.problem(
            path, "lies in the input stack, which is never written to; choose another folder"
        )
    elif _result_of(source, target):
        yield protocol.text.problem(
            path, "the input stack is the result in this folder; choose another folder"
        )


def _odd_paths(protocol: Protocol) -> Iterator[Problem]:
    """Paths in the file that are hardly what was meant; on the command line, they are given so."""
    for name in ("input", "output"):
        path: DataPath = (name, "path")
        section = protocol.text.data.get(name)
        given = section.get("path") if isinstance(section, dict) else None
        if not isinstance(given, str) or not protocol.text.place(path).line:
            continue
        control = next((each for each in given if unicodedata.category(each) == "Cc"), None)
        if control is not None:
            what = f"holds the control character U+{ord(control):04X}"
            advice = "in double quotes \\ is special: use single quotes, or / in paths"
            yield protocol.text.problem(path, f"{what}; {advice}")
        elif quoted_by_lookalikes(given):
            what = "its typographic quotes are a part of the path"
            yield protocol.text.problem(path, f"{what}; write plain ones, or none")


def _result_of(source: Path, target: Path) -> bool:
    return source.parent == target and source.name.split(".")[0] in ("stack", "truth", "masks")
