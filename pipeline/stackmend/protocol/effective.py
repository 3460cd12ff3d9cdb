"""A protocol's text with what the command line says in it, and for another folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stackmend.addresses import Address, as_path, full_text
from stackmend.errors import UsageError
from stackmend.protocol.editing import NotEditable, put, remove, value_at
from stackmend.protocol.loading import file_places
from stackmend.protocol.migration import in_newest_format
from stackmend.protocol.overrides import apply, path_of
from stackmend.protocol.spelling import spelled
from stackmend.protocol.text import parse

ANEW = "Written anew without comments, as the original is written in a way that cannot be edited."
"""Stands above a text that could not be changed in place."""

PATHS = (("input", "path"), ("output", "path"))
"""Where a protocol has paths."""


def with_given(
    text: str,
    *,
    base: Path,
    input: Path | None = None,
    output: Path | None = None,
    set: Mapping[str, str] | None = None,
) -> str:
    """The text with values and paths from the command line in their places.

    Parameters
    ----------
    text
        The protocol; one of an earlier format is brought to the newest.
    base
        Where relative paths in it start.
    input, output
        Paths, relative to the working directory; what was given so is written relative to ``base``.
    set
        Values by path, as for ``examine``.

    Raises
    ------
    UsageError
        If a value cannot be read, or has no place in the text.
    """
    text = in_newest_format(text)
    for key, written in (set or {}).items():
        source = f"--set {key}={written}"
        value = parse(written)
        if value.problems:
            raise UsageError(f"{source}: {value.problems[0].message}")
        data = parse(text).data
        if isinstance(data, dict):
            path = path_of(data, key, source)
            if isinstance(path[-1], int):
                value_at(data, path)  # nothing is added to a list
            text = put(text, path, value.data)
    for name, place in (("input", input), ("output", output)):
        if place is None:
            continue
        section = (parse(text).data or {}).get(name)
        if name == "input" and isinstance(section, dict) and "phantom" in section:
            text = remove(text, ("input", "phantom"))
        text = put(text, (name, "path"), _from(base, place))
    return text


def as_run(
    text: str,
    *,
    base: Path,
    folder: Path,
    input: Path | None,
    output: Path | None,
    set: Mapping[str, str],
) -> str:
    """The text of a protocol that was run, with what the command line gave, for another folder.

    Parameters
    ----------
    text, base, input, output, set
        As for ``with_given``, of a protocol that is sound with these.
    folder
        Where the text will lie.
    """
    try:
        effective = with_given(text, base=base, input=input, output=output, set=set)
        return rebased(effective, base, folder)
    except NotEditable:  # its data can be written all the same
        document = parse(text)
        apply(document, input=input, output=output, set=set)
        lines = [f"{spelled(key)}: {spelled(value)}" for key, value in document.data.items()]
        return rebased("\n".join([f"# {ANEW}", *lines, ""]), base, folder)


def rebased(text: str, before: Path, after: Path) -> str:
    """The text for another folder: relative paths lead from there to the same places."""
    if before.resolve() == after.resolve():
        return text
    data = parse(text).data
    for name, key in PATHS:
        section = data.get(name) if isinstance(data, dict) else None
        written = section.get(key) if isinstance(section, dict) else None
        if not isinstance(written, str) or as_path(written).expanduser().is_absolute():
            continue
        found = before.resolve() / written
        text = put(text, (name, key), _relative(found, after))
    for path, written in list(file_places(data)):
        if not Path(written).expanduser().is_absolute():
            text = put(text, path, _relative(before.resolve() / written, after))
    return text


def _from(base: Path, path: Path) -> str:
    """A path as it is written in a protocol of a folder: relative where it was given so."""
    if isinstance(path, Address) or path.expanduser().is_absolute():
        return full_text(path.expanduser())
    return _relative(path.resolve(), base)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return str(path)
