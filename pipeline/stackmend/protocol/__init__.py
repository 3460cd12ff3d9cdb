"""Protocols: YAML text to checked, frozen values, with all problems found in one pass.

``load`` is the door to this room; the schema, the places in the text and the semantic checks lie behind it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from stackmend.errors import Problem, ProtocolError, UsageError
from stackmend.protocol import model, repair, schema, semantics
from stackmend.protocol.model import (
    Input,
    LossEntry,
    OptimizeEntry,
    Output,
    Protocol,
    SliceSelection,
    StepEntry,
    Sweep,
)
from stackmend.protocol.schema import assemble
from stackmend.protocol.semantics import check_stack
from stackmend.protocol.text import MAX_BYTES, Place, Text, parse
from stackmend.protocol.text import Path as DataPath

__all__ = [
    "Draft",
    "Input",
    "LossEntry",
    "OptimizeEntry",
    "Output",
    "Protocol",
    "SliceSelection",
    "StepEntry",
    "Sweep",
    "assemble",
    "check_stack",
    "examine",
    "load",
]

_RECORD = "run.json"


@dataclass(frozen=True)
class Draft:
    """What is known of a protocol after one look: its problems, and as much of it as can be understood.

    With errors among the problems, ``protocol`` holds defaults in their places (or is ``None`` if nothing can be made
    of the text); it then serves only to look for further problems.
    """

    protocol: Protocol | None
    problems: tuple[Problem, ...]
    name: str

    def with_problems(self, more: Iterable[Problem]) -> Draft:
        """The same draft with further problems, all in file order."""
        return replace(self, problems=tuple(_in_file_order([*self.problems, *more])))

    def accepted(self) -> Protocol:
        """The protocol with its warnings.

        Raises
        ------
        ProtocolError
            If there are errors among the problems.
        """
        errors = [problem for problem in self.problems if problem.severity == "error"]
        if errors or self.protocol is None:
            raise ProtocolError(self.name, errors)
        return replace(self.protocol, warnings=self.problems)


def load(
    file: Path,
    *,
    input: Path | None = None,
    output: Path | None = None,
    set: Mapping[str, str] | None = None,
) -> Protocol:
    """Read a protocol and check everything that can be checked without the stack.

    Parameters and errors are those of ``examine``; problems raise ``ProtocolError``.
    """
    return examine(file, input=input, output=output, set=set).accepted()


def examine(
    file: Path,
    *,
    input: Path | None = None,
    output: Path | None = None,
    set: Mapping[str, str] | None = None,
) -> Draft:
    """Read a protocol and collect its problems, all that can be found without the stack.

    Parameters
    ----------
    file
        The YAML file.
    input, output
        Replace the paths in the file; relative to the working directory.
    set
        Values by path, for instance ``{"find_charging.gf1_sigma": "40"}``; read as YAML.

    Raises
    ------
    UsageError
        If the file cannot be read at all, or a value from the command line has no place in it.
    """
    try:
        source = _read(file)
        document = parse(_decode(source, file))
    except ProtocolError as error:
        return Draft(None, error.problems, file.name)
    if document.problems:
        return Draft(None, tuple(_in_file_order(document.problems)), file.name)
    origin = _origin(file, source)
    _given_on_command_line(document, input or origin.input, output or origin.output, {**origin.set, **(set or {})})
    complaints = schema.complaints(document.data)
    problems = [document.problem(path, message, key=key) for path, message, key in complaints]
    if not isinstance(document.data, dict):
        return Draft(None, tuple(problems), file.name)
    sound = repair.without(document.data, [path for path, _, _ in complaints])
    protocol = model.build(sound.data, document, file=file, base=origin.folder, source=source)
    problems += semantics.check(protocol, chain=sound.chain_intact, optimize=sound.optimize_intact)
    return Draft(protocol, tuple(_in_file_order(problems)), file.name)


def _in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.line, p.column))


def _read(file: Path) -> bytes:
    try:
        size = file.stat().st_size
        if size > MAX_BYTES:
            what = (
                f"is {size / 1e6:.1f} MB large, a protocol is at most {MAX_BYTES // 1024} kB; give the YAML file itself"
            )
            raise ProtocolError(file.name, [Problem("", what, 1, 1)])
        return file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read ({error.strerror}); give the path of a protocol file") from error


def _decode(source: bytes, file: Path) -> str:
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        column = error.start - (source.rfind(b"\n", 0, error.start) + 1) + 1
        what = f"is not UTF-8 text (byte 0x{source[error.start]:02x}); save it as UTF-8"
        raise ProtocolError(file.name, [Problem("", what, line, column)]) from error


@dataclass(frozen=True)
class _Origin:
    """What a protocol meant when it was run: where its relative paths start, and what the command line added."""

    folder: Path
    input: Path | None = None
    output: Path | None = None
    set: Mapping[str, str] = field(default_factory=dict)


def _origin(file: Path, source: bytes) -> _Origin:
    """The file's own folder; for the copy in a result folder, what the record beside it says of the original."""
    folder = file.resolve().parent
    record = folder / _RECORD
    if file.name == "protocol.yaml" and record.is_file():
        try:
            origin = json.loads(record.read_text(encoding="utf-8"))["protocol"]
            if origin["text"] == source.decode("utf-8-sig"):
                given = {key: Path(origin[key]) for key in ("input", "output") if origin[key]}
                return _Origin(Path(origin["folder"]), set=origin["set"], **given)
        except (OSError, ValueError, KeyError, TypeError):
            pass  # not a record that a run left: the file then stands for itself
    return _Origin(folder)


def _given_on_command_line(document: Text, input: Path | None, output: Path | None, set: Mapping[str, str]) -> None:
    """Put everything that the command line gives into the data."""
    for key, text in set.items():
        parsed = parse(text)
        if parsed.problems:
            raise UsageError(f"--set {key}={text}: {parsed.problems[0].message}")
        _override(document, key, parsed.data, f"--set {key}={text}")
    if input is not None:
        if isinstance(document.data, dict) and isinstance(document.data.get("input"), dict):
            document.data["input"].pop("phantom", None)
        _override(document, "input.path", str(input.expanduser().resolve()), f"--input {input}")
    if output is not None:
        _override(document, "output.path", str(output.expanduser().resolve()), f"--output {output}")


def _override(document: Text, key: str, value: Any, source: str) -> None:
    """Put a value from the command line into the data, and its place (the command line) into the places."""
    path = _path_of(document.data, key, source)
    target = document.data
    for part in path[:-1]:
        target = target.setdefault(part, {}) if isinstance(target, dict) else target[part]
    if isinstance(target, list) == isinstance(path[-1], str):
        raise UsageError(
            f"{source}: there is no such place in the protocol; write it as messages do: chain[1].gf1_sigma"
        )
    target[path[-1]] = value
    place = Place(0, source.find("=") + 2 if "=" in source else source.find(" ") + 2, len(str(value)), source)
    for known in [known for known in document.values if known[: len(path)] == path]:
        del document.values[known]
    document.values[path] = place
    document.keys[path] = replace(place, column=1, length=len(source))


def _path_of(data: Any, key: str, source: str) -> DataPath:
    parts: list[str | int] = [int(part) if part.isdigit() else part for part in re.split(r"\.|\[|\]\.?", key) if part]
    if not parts or not isinstance(data, dict):
        raise UsageError(f"{source}: cannot be set; write --set path=value, for instance find_charging.gf1_sigma=40")
    names = [item.get("id", item.get("step")) for item in data.get("chain") or [] if isinstance(item, dict)]
    if parts[0] in names:
        parts[:1] = ["chain", names.index(parts[0])]
    node: Any = data
    for part in parts[:-1]:
        inside = isinstance(node, list) and isinstance(part, int) and part < len(node)
        if not inside and not (isinstance(node, dict) and isinstance(part, str)):
            raise UsageError(f"{source}: there is no {key} in the protocol; steps are {', '.join(map(str, names))}")
        node = node[part] if inside else node.get(part, {})
    return tuple(parts)
