"""Protocols of earlier formats, brought to the newest one; their comments and layout stay.

``MIGRATIONS`` has one entry for every format that came before, by its number. Format 1 is the first
one, so there is none yet.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version as installed
from typing import Any, Final

from stackmend.protocol.editing import NotEditable, put
from stackmend.protocol.text import Text, parse

NEWEST: Final = 1
"""The format of protocols that the schema describes."""

KEY = "protocol"
"""Where a protocol says its format."""


@dataclass(frozen=True)
class Migration:
    """The way from one format to the next one.

    ``change`` gives the text of the next format, by the functions of ``editing``; the number of the
    format need not be changed. ``said`` is what it does, in words that go on from "as".
    """

    said: str
    change: Callable[[str], str]


MIGRATIONS: Final[dict[int, Migration]] = {}


@dataclass(frozen=True)
class Migrated:
    """A text of the newest format, from which one it was brought there, and what was changed."""

    text: str
    before: int
    said: tuple[str, ...]


def migrated(text: str) -> Migrated | None:
    """A protocol of an earlier format in the newest one; ``None`` for all others.

    Raises
    ------
    NotEditable
        If the text is written so that only a person can change it.
    """
    before = version_of(parse(text).data)
    if before is None or before not in MIGRATIONS:
        return None
    said, version = [], before
    while version < NEWEST:
        migration = MIGRATIONS[version]
        version += 1
        text = put(migration.change(text), (KEY,), version)
        said.append(migration.said)
    return Migrated(text, before, tuple(said))


def in_newest_format(text: str) -> str:
    """A protocol of any format that is known in the newest one; any other text as it is.

    Raises
    ------
    NotEditable
        As ``migrated``.
    """
    found = migrated(text)
    return text if found is None else found.text


def read(text: str) -> tuple[Text, bool]:
    """A protocol's data in the newest format, and whether it is one that this program knows.

    What was done to it, or why that cannot be, is among the problems.
    """
    document = parse(text)
    version = version_of(document.data)
    if version is not None and version > NEWEST:
        document.problems = [document.problem((KEY,), _too_new(document.data))]
        return document, False
    if version not in MIGRATIONS:
        return document, True
    try:
        found = migrated(text)
    except NotEditable as error:
        what = f"is format {version}, and cannot be brought to format {NEWEST} ({error})"
        document.problems.append(document.problem((KEY,), what))
        return document, False
    assert found is not None  # as it is in the registry
    document = parse(found.text)
    what = f"was format {found.before}, read as {NEWEST}: {'; '.join(found.said)}"
    advice = "lines are counted as stackmend migrate writes them"
    said = document.problem((KEY,), f"{what} ({advice})", severity="warning")
    document.problems.append(said)
    return document, True


def version_of(data: Any) -> int | None:
    """The format of a protocol, if it says one."""
    version = data.get(KEY) if isinstance(data, dict) else None
    return version if isinstance(version, int) and not isinstance(version, bool) else None


def _too_new(data: dict[str, Any]) -> str:
    """What is said of a protocol of a later format: it may say itself which program it needs."""
    required = data.get("requires")
    wanted = required.get("stackmend") if isinstance(required, dict) else None
    package, more = "stackmend", "--upgrade "
    if isinstance(wanted, str) and wanted:
        package, more = shlex.quote(f"stackmend{wanted}"), ""
    known = f"stackmend {installed('stackmend')} knows formats up to {NEWEST}"
    return f"is format {data[KEY]}, and {known}; run: pip install {more}{package}"
