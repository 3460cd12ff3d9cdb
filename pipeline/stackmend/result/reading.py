"""A result folder, read: of a finished run, or as far as an unfinished one has come."""

from __future__ import annotations

import csv
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from stackmend.errors import InputError
from stackmend.result import names
from stackmend.result.decoding import decode
from stackmend.result.inventory import HASHED, altered, hashes_of
from stackmend.result.journal import Ledger, shards_text
from stackmend.result.previews import Previews
from stackmend.result.record import FORMAT, ProtocolRecord, Record, SearchRecord
from stackmend.result.rows import LossRow, SliceRow
from stackmend.result.workspace import Workspace

T = TypeVar("T")

_PARTIAL, _ENTRIES = Path(names.WORK, names.PARTIAL), Path(names.WORK, names.ENTRIES)


@dataclass(frozen=True)
class Progress:
    """How far a run has come, as its log says; empty where it does not.

    ``wanted`` is how many slices are to be restored; ``given`` is where the protocol lies and what
    the command line added to it, ``sharded`` that it is one of several parts. ``error`` and
    ``message`` say what has stopped it.
    """

    protocol: str = ""
    command: tuple[str, ...] = ()
    wanted: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    sharded: bool = False
    error: str = ""
    message: str = ""


@dataclass(frozen=True)
class Result:
    """A run in the words of its files; parts that are not there are empty.

    ``finished_record`` is ``None`` where only an unfinished run is there; ``interrupted_since``
    says that a later run into the same folder was begun and has not ended. ``altered`` says which
    of the files are not as the run left them.
    """

    folder: Path
    finished_record: Record | None = None
    interrupted_since: bool = False
    losses: Sequence[LossRow] = ()
    slices: Sequence[SliceRow] = ()
    events: Sequence[Mapping[str, Any]] = ()
    previews: Previews = field(default_factory=Previews)
    shards: Sequence[Mapping[str, Any]] = ()
    altered: Sequence[str] = ()

    @property
    def finished(self) -> bool:
        """Whether the run has ended."""
        return self.finished_record is not None

    @property
    def record(self) -> Record:
        """The record of the finished run.

        Raises
        ------
        InputError
            If it has not ended: how far it is, and the command that goes on with it.
        """
        if self.finished_record is None:
            raise InputError(self._unfinished())
        return self.finished_record

    @property
    def searches(self) -> tuple[SearchRecord, ...]:
        """The records of the searches; none while the run is unfinished."""
        return self.finished_record.searches if self.finished_record else ()

    @property
    def name(self) -> str:
        """What people call the run."""
        named = self.finished_record.name if self.finished_record else ""
        return named or self.progress.protocol or self.folder.name

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the run has warned of, and what has been altered since."""
        if self.finished_record:
            since = [f"{what} since the run; run it again" for what in self.altered]
            return (*self.finished_record.warnings, *since)
        return tuple(str(event.get("message", "")) for event in self._events("warning"))

    @property
    def progress(self) -> Progress:
        """How far the run has come."""
        found: dict[str, Any] = {}
        for event in self._events("started"):
            found = {
                "protocol": str(event.get("protocol", "")),
                "command": tuple(map(str, event.get("command", ()))),
                "wanted": event.get("slices"),
                "given": event.get("given", {}),
                "sharded": "shard" in event,
            }
        for event in self._events("stopped"):
            found["error"] = str(event.get("error", ""))
            found["message"] = str(event.get("message", ""))
        return Progress(**found)

    def _events(self, kind: str) -> Iterator[Mapping[str, Any]]:
        return (event for event in self.events if event.get("event") == kind)

    def picture(self, name: str) -> bytes | None:
        """A picture of the run, by its name in ``previews``; ``None`` if it is not there."""
        file = self.folder / names.PREVIEWS / Path(name).name
        return file.read_bytes() if file.is_file() else None

    def _unfinished(self) -> str:
        progress = self.progress
        reached, advice = "no slice is done yet", "run the same protocol again to continue"
        if progress.wanted and self.slices:
            reached = f"{len(self.slices)} of {progress.wanted} slices done"
        if progress.sharded:
            reached = "; ".join(filter(None, (reached, shards_text(self.shards))))
            what = f"the run there is not joined ({reached})"
            join = same_command("finish", progress.given)
            if len(self.slices) == progress.wanted:
                return f"{self.folder}: {what}; join its parts: {join}"
            part = same_command("run", progress.given, "--shard", "I/N")
            return f"{self.folder}: {what}; run the parts that are missing: {part}; then: {join}"
        if progress.command[1:2] == ("run",):
            advice = f"continue with: {shlex.join(['stackmend', *progress.command[1:]])}"
        what = f"the run there is not finished ({reached})"
        return f"{self.folder}: {what}; wait for it, or {advice}"


def same_command(verb: str, given: Mapping[str, Any], *more: str) -> str:
    """A command for the same protocol, stack and result, as a shell takes it."""
    words = ["stackmend", verb, _no_option(str(given.get("file", "PROTOCOL")))]
    for name in ("input", "output"):
        if given.get(name) is not None:
            words += [f"--{name}", _no_option(str(given[name]))]
    values = given.get("set")
    for key, value in values.items() if isinstance(values, Mapping) else ():
        words += ["--set", f"{key}={value}"]
    return shlex.join([*words, *more])


def _no_option(path: str) -> str:
    """A path that no program takes for an option."""
    return f"./{path}" if path.startswith("-") else path


def open_result(folder: Path) -> Result:
    """Read a result folder, which its record may stand for.

    Where a finished result lies, it is taken, even if a later run was begun; otherwise the
    unfinished run.

    Raises
    ------
    InputError
        If there is no result of a run, or one that cannot be understood.
    """
    if folder.name == names.RECORD:
        folder = folder.parent
    Workspace(folder).recover()
    Workspace(folder).recover()
    try:
        if (folder / names.RECORD).is_file():
            return _finished(folder)
        if (folder / _PARTIAL / names.LOG).is_file():
            return _unfinished(folder)
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{folder}: {what}; check its permissions") from error
    what = f"no result of a run (no {names.RECORD})" if folder.is_dir() else "no such folder"
    raise InputError(f"{folder}: there is {what}; give the output folder of stackmend run")


def read_record(folder: Path) -> Record:
    """The record of a finished run.

    Raises
    ------
    InputError
        If there is none, or it is not as a run writes it.
    """
    file = folder / names.RECORD
    content = _content(file, "record")
    version = content.get("record") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise InputError(f"{file}: is no record of a run; give the output folder of stackmend run")
    if version > FORMAT:
        what = f"is a record of format {version}, this stackmend knows {FORMAT}"
        raise InputError(f"{file}: {what}; use the stackmend that made it, or a newer one")
    return _checked(file, Record.from_json, content)


def altered_parts(folder: Path, *, stacks: bool) -> list[str]:
    """What is not as the record of a finished run says, in words; ``stacks`` as well if wanted.

    Raises
    ------
    OSError, InputError
        If something cannot be read.
    """
    parts = HASHED if stacks else tuple(set(HASHED) - set(names.STACKS))
    return list(altered(folder, _content(folder / names.RECORD, "record"), sorted(parts)))


def published_ledger(folder: Path) -> Ledger:
    """What the journal of the result in a folder says.

    Nothing, if every line is as it was written and the whole is not what the record says: then
    somebody has written it anew.
    """
    ledger = Ledger().read([folder / names.JOURNAL])
    if ledger.doubted or not (folder / names.RECORD).is_file():
        return ledger
    try:
        known = read_record(folder).files
        there = hashes_of(folder, [names.JOURNAL])
    except (InputError, OSError):  # which is said where the record is needed
        return ledger
    if names.JOURNAL in known and known[names.JOURNAL] != there.get(names.JOURNAL):
        ledger = Ledger()
        ledger.doubted = 1
    return ledger


def origin_of(protocol: Path) -> ProtocolRecord | None:
    """What the record beside the copy of a protocol says of the original.

    ``None`` for any other file, which stands for itself.
    """
    if protocol.name != names.PROTOCOL:
        return None
    try:
        origin = read_record(protocol.resolve().parent).protocol
        text = protocol.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, InputError):
        return None
    return origin if origin["text"] == text else None


def _finished(folder: Path) -> Result:
    record = read_record(folder)
    return Result(
        folder=folder,
        finished_record=record,
        interrupted_since=(folder / _PARTIAL).is_dir(),
        losses=_rows(folder / names.LOSSES, LossRow.from_csv),
        slices=_rows(folder / names.SLICES, SliceRow.from_csv),
        events=list(_lines(folder / names.LOG)),
        previews=_previews(folder / names.PREVIEWS / names.CONTENTS),
        altered=[] if not record.hash else altered_parts(folder, stacks=False),
    )


def _unfinished(folder: Path) -> Result:
    ledger = Ledger().read(sorted((folder / _ENTRIES).glob("*.jsonl")))
    rows = {(row.channel, row.slice): row for row in ledger.slices.values()}
    return Result(
        folder=folder,
        losses=_rows(folder / _PARTIAL / names.LOSSES, LossRow.from_csv),
        slices=[rows[key] for key in sorted(rows)],
        events=list(_lines(folder / _PARTIAL / names.LOG)),
        shards=ledger.shards,
    )


def _previews(file: Path) -> Previews:
    if not file.is_file():
        return Previews()
    return _checked(file, partial(decode, Previews), _content(file, "list of pictures"))


def _content(file: Path, what: str) -> Any:
    """The content of a JSON file."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        reason = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{file}: {reason}; check its permissions") from error
    # A file of nothing but brackets is as little a record as one that is no JSON.
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"{file}: is no {what} of a run ({error}); run the protocol again"
        ) from error


def _checked(file: Path, read: Callable[[Any], T], content: Any, place: str = "") -> T:
    """What is read from the content of a file; an error says which part is damaged."""
    try:
        return read(content)
    except ValueError as error:
        raise InputError(f"{file}: is damaged: {place}{error}; run the protocol again") from error


def _rows(file: Path, read: Callable[[Mapping[str, str]], T]) -> list[T]:
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as text:
        lines = csv.DictReader(text)
        try:
            return [_checked(file, read, row, f"line {lines.line_num}: ") for row in lines]
        except (csv.Error, UnicodeDecodeError) as error:
            where = f"{file}: is damaged: behind line {lines.line_num}"
            raise InputError(f"{where}: {error}; run the protocol again") from error


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    """Lines of JSON; one that was cut off is passed over."""
    if not file.is_file():
        return
    # Not at other characters that end lines for Python: texts may hold them.
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict):
            yield content
