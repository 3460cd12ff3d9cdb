"""The files of a result by their hashes, so that what was altered later is noticed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from stackmend.result import names
from stackmend.result.suitable import is_junk

_MADE_LATER = (names.RECORD, names.REPORT, names.CRATE)
HASHED = tuple(name for name in names.PARTS if name not in _MADE_LATER)
"""Parts of a result that the record has the hashes of; report and crate are made from these."""

_AT_A_TIME = 4


def hashes_of(folder: Path, parts: Iterable[str] = HASHED) -> dict[str, str]:
    """The hash of each part that is there, a file or a folder with all that is in it."""
    contents = {name: contents_of(folder / name) for name in parts}
    return {name: part_hash(content) for name, content in contents.items() if content is not None}


def contents_of(part: Path) -> dict[str, str] | None:
    """The hash of each file in a folder, by its path there; ``None`` where there is no such part.

    The hash of a part that is a file itself stands under an empty name.
    """
    if part.is_symlink() or not part.is_dir():
        return {"": _hash_of_file(part)} if part.is_symlink() or part.exists() else None
    files = []
    for place, folders, found in os.walk(part):
        links = [name for name in folders if Path(place, name).is_symlink()]
        files += [Path(place, name) for name in (*links, *found) if not is_junk(name)]
    files.sort()
    paths = [file.relative_to(part).as_posix() for file in files]
    if len(files) <= _AT_A_TIME:
        return dict(zip(paths, map(_hash_of_file, files), strict=True))
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        return dict(zip(paths, pool.map(_hash_of_file, files), strict=True))


def part_hash(contents: Mapping[str, str]) -> str:
    """The hash of a part, from those of its files in their order."""
    if contents.keys() == {""}:
        return contents[""]
    digest = hashlib.sha256()
    for path, own in contents.items():
        digest.update(os.fsencode(path) + b"\0" + own.encode())
    return digest.hexdigest()


def altered(
    folder: Path, content: Mapping[str, Any], parts: Iterable[str] = HASHED
) -> Iterator[str]:
    """The parts of a result that are not what its record says, with what has become of them.

    Parameters
    ----------
    content
        The record, as JSON.
    parts
        Those that are looked at.
    """
    known = content.get("files")
    if not content.get("hash") or not isinstance(known, Mapping):
        yield f"{names.RECORD} has no hashes"
        known, parts = {}, names.STACKS
    elif content["hash"] != record_hash(content):
        yield f"{names.RECORD} has been edited"
    parts = tuple(parts)
    there = hashes_of(folder, parts)
    for name in parts:
        before = known.get(name)
        if before == there.get(name):
            continue
        if before is None:
            yield f"{name} is not in its record"
        else:
            yield f"{name} has been edited" if name in there else f"{name} is gone"


def record_hash(content: Mapping[str, Any]) -> str:
    """The hash of all that a record says beside it."""
    rest = {name: value for name, value in content.items() if name != "hash"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _hash_of_file(file: Path) -> str:
    if file.is_symlink():
        return hashlib.sha256(b"link to " + os.fsencode(file.readlink())).hexdigest()
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
