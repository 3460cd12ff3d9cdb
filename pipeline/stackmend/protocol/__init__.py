"""Protocols: YAML text to checked, frozen values, with all problems found in one pass.

``examine`` is the door to this room; the schema, the places in the text and the semantic checks lie
behind it.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from stackmend.errors import Problem, ProtocolError, UsageError
from stackmend.protocol import build, migration, overrides, repair, schema, semantics
from stackmend.protocol.lengths import PixelGrid
from stackmend.protocol.loading import with_files
from stackmend.protocol.model import (
    CommandLine,
    Input,
    LossEntry,
    OptimizeEntry,
    Output,
    Protocol,
    SliceSelection,
    StepEntry,
    Sweep,
)
from stackmend.protocol.named import named_slices
from stackmend.protocol.resolution import with_pixels
from stackmend.protocol.schema import assemble
from stackmend.protocol.stack import check_stack, remaining
from stackmend.protocol.text import MAX_BYTES

__all__ = [
    "CommandLine",
    "Draft",
    "Input",
    "LossEntry",
    "OptimizeEntry",
    "Output",
    "PixelGrid",
    "Protocol",
    "SliceSelection",
    "StepEntry",
    "Sweep",
    "assemble",
    "check_stack",
    "examine",
    "named_slices",
    "remaining",
    "text_of",
    "with_pixels",
]


@dataclass(frozen=True)
class Draft:
    """What is known of a protocol after one look: its problems, and all that is understood.

    With errors among the problems, ``protocol`` holds defaults in their places (or is ``None`` if
    nothing can be made of the text); it then serves only to look for further problems.
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
            raise ProtocolError(self.name, self.problems)
        return replace(self.protocol, warnings=self.problems)


def examine(
    file: Path,
    *,
    input: Path | None = None,
    output: Path | None = None,
    set: Mapping[str, str] | None = None,
    base: Path | None = None,
    given: CommandLine | None = None,
    text: str | None = None,
    without: Iterable[tuple[str, str]] = (),
    beside: Mapping[str, bytes] | None = None,
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
    base
        Where relative paths in the file start; its own folder by default.
    given
        What the command line had added when the protocol was run, of which the file is a copy.
    text
        What stands for the content of the file, where it is being edited; the file need not exist.
    without
        Keys of sections that count for nothing, whatever their values.
    beside
        Files that come with it and that its steps name, by the path that is written.

    Raises
    ------
    UsageError
        If the file cannot be read at all, or a value from the command line has no place in it.
    """
    try:
        source = _read(file) if text is None else _limited(text.encode(), file)
        document, is_known = migration.read(_decode(source, file))
    except ProtocolError as error:
        return Draft(None, error.problems, file.name)
    if not is_known:
        return Draft(None, tuple(document.problems), file.name)
    overrides.drop(document, without)
    before = given or {"input": None, "output": None, "set": {}}
    input, output = input or before["input"], output or before["output"]
    values = {**before["set"], **(set or {})}
    overrides.apply(document, input=input, output=output, set=values)
    complaints = schema.complaints(document.data, document.faults)
    problems = [
        *document.problems,
        *(document.problem(path, message, key=key) for path, message, key in complaints),
    ]
    if not isinstance(document.data, dict):
        return Draft(None, tuple(_in_file_order(problems)), file.name)
    repaired = repair.without_faults(
        document.data, [*document.faults, *(path for path, _, _ in complaints)]
    )
    protocol = build.build(
        repaired.data,
        document,
        file=file,
        base=base or file.resolve().parent,
        source=source,
        given={"input": _absolute(input), "output": _absolute(output), "set": values},
    )
    protocol, unreadable = with_files(protocol, beside)
    problems += unreadable
    problems += semantics.check(
        protocol, chain=repaired.chain_intact, optimize=repaired.optimize_intact
    )
    return Draft(protocol, tuple(_in_file_order(problems)), file.name)


def text_of(file: Path) -> str:
    """The text of a protocol file, whatever is in it.

    Raises
    ------
    UsageError
        If the file cannot be read.
    ProtocolError
        If it is too large for a protocol, or no text.
    """
    return _decode(_read(file), file)


def _in_file_order(problems: Iterable[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda p: (p.line, p.column))


def _read(file: Path) -> bytes:
    try:
        if not file.is_dir() and not file.is_file() and file.exists():
            what = "is a pipe or a device, not a file"  # which may have no end, or no beginning
            raise UsageError(f"{file}: {what}; save the protocol, and give the path of that file")
        with file.open("rb") as opened:
            source = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(
            f"{file}: cannot be read ({error.strerror}); give the path of a protocol file"
        ) from error
    return _limited(source, file)


def _limited(source: bytes, file: Path) -> bytes:
    if len(source) > MAX_BYTES:
        limit = f"{MAX_BYTES // 1024} kB"
        what = f"is larger than {limit}, which no protocol is; give the YAML file itself"
        raise ProtocolError(file.name, [Problem("", what, 1, 1)])
    return source


def _decode(source: bytes, file: Path) -> str:
    source = source.removeprefix(codecs.BOM_UTF8)
    try:
        return source.decode("utf-8")
    except UnicodeDecodeError as error:
        before = source[: error.start].decode("utf-8")
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"is not UTF-8 text (byte 0x{source[error.start]:02x}); save it as UTF-8"
        raise ProtocolError(file.name, [Problem("", what, line, column)]) from error


def _absolute(path: Path | None) -> Path | None:
    return None if path is None else path.expanduser().resolve()
