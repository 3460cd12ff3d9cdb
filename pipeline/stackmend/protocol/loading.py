"""Files that parameters of steps name, read once with the protocol."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from stackmend import registry
from stackmend.errors import Problem
from stackmend.protocol.model import OneOf, Protocol, StepEntry
from stackmend.protocol.schema import chain_items
from stackmend.protocol.text import DataPath
from stackmend.registry import LoadedFile, Step

LARGEST = 64 * 1024**2
"""Bytes of a file that a parameter names."""


def with_files(
    protocol: Protocol, beside: Mapping[str, bytes] | None = None
) -> tuple[Protocol, list[Problem]]:
    """The protocol with the content of the files that its steps read, and what is wrong with these.

    Relative paths start at the folder of the protocol; ``beside`` has the content of files that
    come with it, by the path as it is written.
    """
    problems: list[Problem] = []

    def loaded(chain: Sequence[StepEntry]) -> tuple[StepEntry, ...]:
        return tuple(_with_files(protocol, entry, beside or {}, problems) for entry in chain)

    one_of = protocol.one_of
    if one_of:
        chains = {name: loaded(chain) for name, chain in one_of.chains.items()}
        one_of = OneOf(one_of.at, chains, one_of.path)
    optimize = tuple(replace(each, instead=loaded(each.instead)) for each in protocol.optimize)
    chain = loaded(protocol.chain)
    return replace(protocol, chain=chain, one_of=one_of, optimize=optimize), problems


def file_places(data: Any) -> Iterator[tuple[DataPath, str]]:
    """Where in the data of a protocol steps name files, and how these are written there."""
    for path, item in chain_items(data):
        try:
            names = registry.of_entry(item).files
        except (registry.RegistryError, KeyError, TypeError):  # which a check says
            continue
        for name in names:
            if isinstance(item.get(name), str):
                yield (*path, name), item[name]


def _with_files(
    protocol: Protocol, entry: StepEntry, beside: Mapping[str, bytes], problems: list[Problem]
) -> StepEntry:
    found, wrong = loaded_files(entry.step, entry.parameters, protocol.folder, beside)
    for name, message in wrong.items():
        problems.append(protocol.text.problem((*entry.path, name), message))
    return replace(entry, parameters={**entry.parameters, **found}) if found else entry


def loaded_files(
    step: Step, values: Mapping[str, Any], folder: Path, beside: Mapping[str, bytes]
) -> tuple[dict[str, LoadedFile], dict[str, str]]:
    """The files that values of a step name, and what is wrong with those that cannot be read."""
    found: dict[str, LoadedFile] = {}
    wrong: dict[str, str] = {}
    for name, read in step.files.items():
        written = values.get(name)
        if not isinstance(written, str):
            continue
        path = folder / Path(written).expanduser()
        try:
            data = beside[written] if written in beside else _content(path)
            found[name] = LoadedFile.of(written, path, data, read(data, path.name))
        except OSError as error:
            wrong[name] = f"cannot be read ({error.strerror or error}); give the path of a file"
        except ValueError as error:
            wrong[name] = str(error)
    return found, wrong


def _content(path: Path) -> bytes:
    if path.exists() and not path.is_file():
        raise ValueError("is no file; give the path of one")
    with path.open("rb") as opened:
        data = opened.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"has more than {LARGEST // 1024**2} MB; give another file")
    return data
