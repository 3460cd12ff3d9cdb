"""What a bundle says of itself."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stackmend.bundles.archive import (
    CONTENT,
    EXPECTED,
    INPUT,
    LOADED,
    PROTOCOL,
    open_archive,
)
from stackmend.errors import InputError

FORMAT = 1


@dataclass(frozen=True)
class TestRun:
    """A small stack, and the result that the protocol has of it, as files by name."""

    input: Mapping[str, bytes]
    expected: Mapping[str, bytes]

    __test__ = False  # no test of the suite


@dataclass(frozen=True)
class Bundle:
    """A protocol with all that somebody else needs of it.

    ``needs`` are packages by name, with the versions with which it was made; ``steps`` the versions
    of the algorithms; ``loaded`` files that steps read, by the path that the protocol has.
    """

    file: Path
    name: str
    protocol: str
    searched: str
    needs: Mapping[str, str]
    steps: Mapping[str, int]
    test: TestRun
    said: Mapping[str, Any]
    loaded: Mapping[str, bytes]


def read_bundle(file: Path) -> Bundle:
    """A bundle, every file in it held against its hash.

    Raises
    ------
    InputError
        If it cannot be read, is not as a bundle is written, or was altered.
    """
    files = open_archive(file)
    said = _json(file, files[CONTENT])
    version = said.get("bundle")
    if version != FORMAT:
        what = f"is a bundle of format {version!r}, this stackmend knows {FORMAT}"
        raise InputError(f"{file}: {what}; use the stackmend that made it, or a newer one")
    _check_hashes(file, files, said)
    test = _mapping(file, said, "test")
    if not isinstance(test.get("slices"), int):
        raise InputError(f"{file}: {CONTENT} does not say what its test is; ask for it again")
    return Bundle(
        file=file,
        name=str(said.get("name", file.stem)),
        protocol=_text(file, PROTOCOL, files[PROTOCOL]),
        searched=_text(file, "searched.yaml", files.get("searched.yaml", b"")),
        needs=_mapping(file, said, "needs"),
        steps=_mapping(file, said, "steps"),
        test=TestRun(_below(files, INPUT), _below(files, EXPECTED)),
        said=said,
        loaded={name: each for name, each in files.items() if name.startswith(LOADED)},
    )


def hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}


def _check_hashes(file: Path, files: Mapping[str, bytes], said: Mapping[str, Any]) -> None:
    known = said.get("files")
    there = hashes({name: each for name, each in files.items() if name != CONTENT})
    if not isinstance(known, dict):
        raise InputError(f"{file}: {CONTENT} has no hashes; ask for the bundle again")
    altered = sorted(name for name in known.keys() | there if known.get(name) != there.get(name))
    if altered:
        what = f"{', '.join(altered[:5])} is not as it was when the bundle was made"
        raise InputError(f"{file}: {what}; ask for the bundle again, from somebody you trust")


def _json(file: Path, content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(_text(file, CONTENT, content))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file}: {CONTENT} is damaged ({error}); ask for it again") from error
    if not isinstance(found, dict):
        raise InputError(f"{file}: {CONTENT} is damaged; ask for the bundle again")
    return found


def _text(file: Path, name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{file}: {name} is no UTF-8 text; ask for the bundle again") from error


def _mapping(file: Path, said: Mapping[str, Any], name: str) -> dict[str, Any]:
    found = said.get(name)
    if not isinstance(found, dict):
        raise InputError(f"{file}: {CONTENT} has no {name}; ask for the bundle again")
    return found


def _below(files: Mapping[str, bytes], folder: str) -> dict[str, bytes]:
    parts = {name: each for name, each in files.items() if name.startswith(folder)}
    return {name.removeprefix(folder): each for name, each in parts.items()}
