"""Values from the command line, put into the data of a protocol with their own places."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from stackmend import resources
from stackmend.addresses import full_text
from stackmend.errors import UsageError
from stackmend.protocol.model import ONE_OF
from stackmend.protocol.nodes import Place
from stackmend.protocol.schema import one_of_chains
from stackmend.protocol.text import DataPath, Text, parse, spell
from stackmend.protocol.wording import suggestion


def apply(
    document: Text, *, input: Path | None, output: Path | None, set: Mapping[str, str]
) -> None:
    """Put everything that the command line gives into the data.

    A document that is no mapping is left as it is.

    Raises
    ------
    UsageError
        If a value cannot be read, or has no place in the protocol.
    """
    if not isinstance(document.data, dict):
        return
    for key, text in set.items():
        source = f"--set {key}={text}"
        parsed = parse(text)
        if parsed.problems:
            raise UsageError(f"{source}: {parsed.problems[0].message}")
        place = Place(0, len(source) - len(text) + 1, max(len(text), 1), source)
        _put(document, path_of(document.data, key, source), parsed.data, place)
    for name, path in (("input", input), ("output", output)):
        if path is not None and isinstance(document.data.get(name, {}), dict | None):
            if name == "input" and document.data.get(name):
                document.data[name].pop("phantom", None)
            source = f"--{name} {path}"
            place = Place(0, len(source) - len(str(path)) + 1, len(str(path)), source)
            _put(document, (name, "path"), _absolute(path, source), place)


def drop(document: Text, keys: Iterable[tuple[str, str]]) -> None:
    """Take keys of sections out of the data, with all that is wrong with their values."""
    for section, key in keys:
        given = document.data.get(section) if isinstance(document.data, dict) else None
        if isinstance(given, dict):
            given.pop(key, None)
            path = section, key
            document.faults = {known for known in document.faults if known[:2] != path}


def _absolute(path: Path, source: str) -> str:
    try:
        return full_text(path.expanduser().resolve())
    except (RuntimeError, OSError) as error:
        raise UsageError(f"{source}: is no usable path ({error}); write it in full") from error


def _put(document: Text, path: DataPath, value: Any, place: Place) -> None:
    """Put a value into the data, and its place into the places."""
    target = document.data
    for end, part in enumerate(path[:-1], start=1):
        if not _fits(target, part):
            raise _no_place(place.source)
        if isinstance(target, dict) and target.get(part) is None:
            target[part] = {}
            document.values[path[:end]] = document.keys[path[:end]] = place
        target = target[part]
    if not _fits(target, path[-1]):
        raise _no_place(place.source)
    target[path[-1]] = value
    document.faults = {known for known in document.faults if known[: len(path)] != path}
    for places in (document.values, document.keys):
        for known in [known for known in places if known[: len(path)] == path]:
            del places[known]
        places[path] = place


def _fits(target: Any, part: str | int) -> bool:
    if isinstance(part, int):
        return isinstance(target, list) and part < len(target)
    return isinstance(target, dict)


def _no_place(source: str) -> UsageError:
    return UsageError(
        f"{source}: there is no such place in the protocol; "
        "write it as messages do: chain[1].gf1_sigma"
    )


def path_of(data: Mapping[str, Any], key: str, source: str) -> DataPath:
    """The path that a key means.

    Its first part is a key of the protocol, or a step of the chain by name or id.
    """
    words = [part for part in re.split(r"\.|\[|\]\.?", key) if part]
    parts: list[str | int] = [
        int(word) if re.fullmatch("[0-9]{1,9}", word) else word for word in words
    ]
    known = list(resources.schema("skeleton")["properties"])
    if parts and parts[0] in known:
        return tuple(parts)
    names: dict[str, list[DataPath]] = {}
    for path, chain in ((("chain",), data.get("chain")), *one_of_chains(data.get("chain"))):
        for index, item in enumerate(chain if isinstance(chain, list) else []):
            name = str(item.get("id", item.get("step"))) if isinstance(item, dict) else ""
            names.setdefault(name, []).append((*path, index))
    found = names.get(str(parts[0]), []) if len(parts) > 1 else []
    if len(found) > 1 and ONE_OF in found[-1]:
        places = ", ".join(map(spell, found))
        raise UsageError(f"{source}: {parts[0]} stands at {places}; name one of these places")
    if found:
        return (*found[0], *parts[1:])
    advice = suggestion(words[0] if words else "", [*names, *known])
    raise UsageError(f"{source}: begins with no step and no key of the protocol{advice}")
