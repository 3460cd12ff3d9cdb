"""A result folder, read: of a finished run, or as far as an unfinished one has come."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from stackmend.errors import InputError
from stackmend.result import names
from stackmend.result.contents import Result
from stackmend.result.decoding import decode
from stackmend.result.fingerprints import Fingerprints
from stackmend.result.inventory import HASHED, altered, hashes_of
from stackmend.result.journal import Ledger
from stackmend.result.previews import Previews
from stackmend.result.record import FORMAT, ProtocolRecord, Record
from stackmend.result.rows import LossRow, SliceRow
from stackmend.result.workspace import Workspace

T = TypeVar("T")

_TOO_MANY = "\0"
"""Under which name the reader of tables has cells of no column."""

_PARTIAL, _ENTRIES = Path(names.WORK, names.PARTIAL), Path(names.WORK, names.ENTRIES)


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
    try:
        Workspace(folder).recover()
        if (folder / names.RECORD).is_file():
            return _finished(folder)
        if (folder / _PARTIAL / names.LOG).is_file():
            return _unfinished(folder)
        what = f"no result of a run (no {names.RECORD})" if folder.is_dir() else "no such folder"
    except OSError as error:
        what = f"cannot be read ({error.strerror or error})"
        raise InputError(f"{folder}: {what}; check the path and its permissions") from error
    raise InputError(f"{folder}: there is {what}; give the output folder of stackmend run")


def read_record(folder: Path) -> Record:
    """The record of a finished run.

    Raises
    ------
    InputError
        If there is none, or it is not as a run writes it.
    """
    file = folder / names.RECORD
    content = read_content(file, "record")
    version = content.get("record") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise InputError(f"{file}: is no record of a run; give the output folder of stackmend run")
    if version > FORMAT:
        what = f"is a record of format {version}, this stackmend knows {FORMAT}"
        raise InputError(f"{file}: {what}; use the stackmend that made it, or a newer one")
    return _checked(file, Record.from_json, content)


def read_content(file: Path, what: str) -> Any:
    """The content of a JSON file.

    Raises
    ------
    InputError
        If it cannot be read, or is no JSON.
    """
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


def altered_parts(folder: Path, *, stacks: bool) -> list[str]:
    """What is not as the record of a finished run says, in words; ``stacks`` as well if wanted.

    Raises
    ------
    OSError, InputError
        If something cannot be read.
    """
    parts = HASHED if stacks else tuple(set(HASHED) - set(names.STACKS))
    return list(altered(folder, read_content(folder / names.RECORD, "record"), sorted(parts)))


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


def packages_beside(protocol: Path) -> dict[str, str]:
    """The packages of the steps of others, by the record that lies beside a protocol."""
    try:
        record = read_record(protocol.resolve().parent)
    except (OSError, InputError):
        return {}
    chains = (record.chain, *(record.chains or {}).values())
    steps = (step for chain in chains for step in chain)
    return {step.step: step.package for step in steps if step.package != "stackmend"}


def _finished(folder: Path) -> Result:
    record = read_record(folder)
    return Result(
        folder=folder,
        finished_record=record,
        interrupted_since=(folder / _PARTIAL).is_dir(),
        losses=read_losses(folder / names.LOSSES),
        slices=read_slices(folder / names.SLICES),
        events=list(_lines(folder / names.LOG)),
        previews=_previews(folder / names.PREVIEWS / names.CONTENTS),
        altered=[] if not record.hash else altered_parts(folder, stacks=False),
    )


def _unfinished(folder: Path) -> Result:
    ledger = Ledger().read(sorted((folder / _ENTRIES).glob("*.jsonl")))
    rows = {(row.channel, row.slice): row for row in ledger.slices.values()}
    return Result(
        folder=folder,
        losses=read_losses(folder / _PARTIAL / names.LOSSES),
        slices=[rows[key] for key in sorted(rows)],
        events=list(_lines(folder / _PARTIAL / names.LOG)),
        shards=ledger.shards,
    )


def _row(read: Callable[[Mapping[str, str]], T], row: Mapping[str, str]) -> T:
    """A row, which has no more cells than there are columns."""
    if _TOO_MANY in row:
        raise ValueError("has more cells than there are columns")
    return read(row)


def read_slices(file: Path) -> list[SliceRow]:
    """The rows of a table of slices; none where there is no such file.

    Raises
    ------
    InputError
        If it is not as a run writes it, with the line; so do the others.
    """
    return _rows(file, SliceRow.from_csv)


def read_losses(file: Path) -> list[LossRow]:
    """The rows of a table of losses."""
    return _rows(file, LossRow.from_csv)


def read_fingerprints(file: Path) -> Fingerprints:
    """The fingerprints of the slices, and the hashes of the files in folders."""
    content = read_content(file, "list of fingerprints")
    return _checked(file, partial(decode, Fingerprints), content)


def _previews(file: Path) -> Previews:
    if not file.is_file():
        return Previews()
    return _checked(file, partial(decode, Previews), read_content(file, "list of pictures"))


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
        lines = csv.DictReader(text, restval="", restkey=_TOO_MANY)
        try:
            one = partial(_row, read)
            return [_checked(file, one, row, f"line {lines.line_num}: ") for row in lines]
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
