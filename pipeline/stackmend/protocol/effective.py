"""A protocol's text with what the command line says in it, and for another folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from stackmend.addresses import Address, as_path, full_text
from stackmend.errors import UsageError
from stackmend.protocol.editing import put, remove
from stackmend.protocol.overrides import path_of
from stackmend.protocol.text import parse

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
        The protocol.
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
    for key, written in (set or {}).items():
        source = f"--set {key}={written}"
        value = parse(written)
        if value.problems:
            raise UsageError(f"{source}: {value.problems[0].message}")
        data = parse(text).data
        if isinstance(data, dict):
            text = put(text, path_of(data, key, source), value.data)
    for name, path in (("input", input), ("output", output)):
        if path is None:
            continue
        section = (parse(text).data or {}).get(name)
        if name == "input" and isinstance(section, dict) and "phantom" in section:
            text = remove(text, ("input", "phantom"))
        text = put(text, (name, "path"), _from(base, path))
    return text


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
