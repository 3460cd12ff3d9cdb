"""What a result folder holds, read for people: of a finished run, or as far as an interrupted one has come."""

from __future__ import annotations

import csv
import json
import math
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stackmend.errors import InputError
from stackmend.result import names

Row = Mapping[str, str]

FORMAT = 1
"""Version of the record's own format."""

_UNFINISHED, _JOURNAL = Path(names.WORK, names.PARTIAL), Path(names.WORK, names.ENTRIES)


@dataclass(frozen=True)
class Source:
    """A run in the words of its files; parts that are not there are empty.

    ``finished`` is false where only an interrupted run is there; ``interrupted_since`` says that a later run into the
    same folder was begun and has not ended.
    """

    folder: Path
    finished: bool
    interrupted_since: bool = False
    record: Mapping[str, Any] = field(default_factory=dict)
    losses: Sequence[Row] = ()
    slices: Sequence[Row] = ()
    events: Sequence[Mapping[str, Any]] = ()
    previews: Mapping[str, Any] = field(default_factory=dict)

    @property
    def searches(self) -> Sequence[Mapping[str, Any]]:
        """The records of the searches."""
        found: Sequence[Mapping[str, Any]] = self.record.get("searches") or ()
        return found

    def event(self, kind: str) -> Mapping[str, Any]:
        """The last event of a kind; empty if there was none."""
        return next((event for event in reversed(self.events) if event.get("event") == kind), {})

    def picture(self, name: str) -> bytes | None:
        """A picture of the run, by its name in ``previews``; ``None`` if it is not there."""
        file = self.folder / names.PREVIEWS / Path(name).name
        return file.read_bytes() if file.is_file() else None


def read(folder: Path) -> Source:
    """Read a result folder.

    Where a finished result lies, it is taken, even if a later run was begun; otherwise the unfinished run.

    Raises
    ------
    InputError
        If there is no result of a run, or one that cannot be understood.
    """
    if folder.name == names.RECORD:
        folder = folder.parent
    try:
        if (folder / names.RECORD).is_file():
            return _finished(folder)
        if (folder / _UNFINISHED / names.LOG).is_file():
            return _unfinished(folder)
    except OSError as error:
        raise InputError(
            f"{folder}: cannot be read ({error.strerror or error}); check its permissions"
        ) from error
    what = "no result of a run (no run.json)" if folder.is_dir() else "no such folder"
    raise InputError(f"{folder}: there is {what}; give the output folder of stackmend run")


def read_finished(folder: Path) -> Source:
    """Read the result folder of a run that has ended.

    Raises
    ------
    InputError
        As ``read``; and where the run has not ended, with how far it is and the command that goes on with it.
    """
    source = read(folder)
    if source.finished:
        return source
    wanted = source.event("application started").get("slices")
    reached = f"{len(source.slices)} of {wanted} slices done" if wanted else "no slice is done yet"
    command = source.event("started").get("command") or []
    advice = "wait for it, or run the same protocol again to continue"
    if command[1:2] == ["run"]:
        advice = f"wait for it, or continue with: {shlex.join(['stackmend', *command[1:]])}"
    raise InputError(f"{source.folder}: the run there is not finished ({reached}); {advice}")


def _finished(folder: Path) -> Source:
    return Source(
        folder=folder,
        finished=True,
        interrupted_since=(folder / _UNFINISHED).is_dir(),
        record=_record(folder / names.RECORD),
        losses=_table(folder / names.LOSSES),
        slices=_table(folder / names.SLICES),
        events=list(_lines(folder / names.LOG)),
        previews=_previews(folder / names.PREVIEWS / names.CONTENTS),
    )


def _unfinished(folder: Path) -> Source:
    partial = folder / _UNFINISHED
    entries: dict[Any, Mapping[str, Any]] = {}
    for file in sorted((folder / _JOURNAL).glob("*.jsonl")):
        entries |= {
            (row.get("channel"), row["slice"]): row for row in _lines(file) if "slice" in row
        }
    order = sorted(entries, key=lambda key: (str(key[0]), int(key[1])))
    rows = [
        {name: "" if value is None else str(value) for name, value in entries[key].items()}
        for key in order
    ]
    return Source(
        folder=folder,
        finished=False,
        losses=_table(partial / names.LOSSES),
        slices=rows,
        events=list(_lines(partial / names.LOG)),
    )


def _record(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{file}: is no record of a run ({error}); run the protocol again"
        ) from error
    version = content.get("record") if isinstance(content, dict) else None
    if not isinstance(version, int):
        raise InputError(f"{file}: is no record of a run; give the output folder of stackmend run")
    if version > FORMAT:
        what = f"is a record of format {version}, this stackmend knows {FORMAT}"
        raise InputError(f"{file}: {what}; use the stackmend that made it, or a newer one")
    found: Mapping[str, Any] = content
    return found


def _previews(file: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _table(file: Path) -> list[Row]:
    if not file.is_file():
        return []
    with file.open(newline="", encoding="utf-8") as lines:
        return list(csv.DictReader(lines))


def _lines(file: Path) -> Iterator[Mapping[str, Any]]:
    """Lines of JSON; one that was cut off is passed over."""
    if not file.is_file():
        return
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            content = json.loads(line)
        except ValueError:
            continue
        if isinstance(content, dict):
            yield content


def number(text: str | float | None) -> float | None:
    """A cell as a number; ``None`` where there is none."""
    try:
        value = float(text) if text not in (None, "") else math.nan
    except (TypeError, ValueError):
        return None
    return value if math.isfinite(value) else None
