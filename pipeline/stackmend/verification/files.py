"""The files of a result, held against the hashes that its record has of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from stackmend.result import names
from stackmend.result.inventory import HASHED, contents_of, part_hash, record_hash
from stackmend.result.suitable import is_junk
from stackmend.verification.findings import Finding, Kind
from stackmend.verification.recorded import Recorded


class Fate(StrEnum):
    """What has become of a file."""

    EDITED = "has been edited"
    GONE = "is gone"
    NEW = "is not in its record"


@dataclass(frozen=True)
class Change:
    """What has become of a file; ``other`` is the one that now has what was in it, if any.

    Of a new file, ``other`` is the one of which it is a copy.
    """

    fate: Fate
    other: str = ""

    def __str__(self) -> str:
        if not self.other:
            return self.fate
        if self.fate is Fate.GONE:
            return f"is gone, renamed to {self.other}"
        return f"{self.fate}; it is a copy of {self.other}"


def changes(known: Recorded) -> dict[str, Change]:
    """What is not as the record says, by path: parts, and where that is known, files in them."""
    found: dict[str, Change] = {}
    for name in HASHED:
        contents, before = contents_of(known.folder / name), known.record.files.get(name)
        if contents is None:
            if before is not None:
                found[name] = Change(Fate.GONE)
        elif before is None:
            found[name] = Change(Fate.NEW)
        elif part_hash(contents) != before:
            found |= _inside(name, contents, known.files)
    return found


def _inside(
    name: str, contents: Mapping[str, str], files: Mapping[str, str] | None
) -> dict[str, Change]:
    """Which files of a part that was altered were."""
    if "" in contents or files is None:
        return {name: Change(Fate.EDITED)}
    now = {f"{name}/{path}": hash for path, hash in contents.items()}
    before = {path: hash for path, hash in files.items() if path.startswith(f"{name}/")}
    new = {hash: path for path, hash in now.items() if path not in before}
    old = {hash: path for path, hash in before.items()}
    found: dict[str, Change] = {}
    for path, hash in before.items():
        if path not in now:
            found[path] = Change(Fate.GONE, new.pop(hash, ""))
        elif now[path] != hash:
            found[path] = Change(Fate.EDITED)
    renamed = {change.other for change in found.values()}
    for path, hash in now.items():
        if path not in before and path not in renamed:
            found[path] = Change(Fate.NEW, old.get(hash, ""))
    return found or {name: Change(Fate.EDITED)}


def findings(known: Recorded, left: Mapping[str, Change]) -> Iterator[Finding]:
    """What is said of the record and of those changes that no slice explains."""
    if not known.record.hash or not known.record.files:
        yield Finding(names.RECORD, "has no hashes")
    elif known.record.hash != record_hash(known.content):
        yield Finding(names.RECORD, "has been edited")
    for path, change in left.items():
        yield Finding(path, str(change))
    yield from _beside(known.folder)


def _beside(folder: Path) -> Iterator[Finding]:
    """Notes on what lies in the folder and is not of the result."""
    ours = {*names.PARTS, names.FIGURES, names.WORK}
    for entry in sorted(folder.iterdir()):
        if entry.name not in ours and not is_junk(entry.name):
            yield Finding(entry.name, "is no part of a result", Kind.NOTE)
    if (folder / names.WORK).exists():
        yield Finding(names.WORK, "a later run was begun here and has not ended", Kind.NOTE)
    if not (folder / names.REPORT).exists():
        what = "is gone; stackmend report makes it again"
        yield Finding(names.REPORT, what, Kind.NOTE)
