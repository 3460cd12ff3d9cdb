"""What is finished, so that the same command goes on where it was stopped.

While a run works, each process appends a line to a file of its own for every slice it has finished
and every loss it knows, so that lines cannot mix; a line that was cut off is one more to compute.
In a result the lines stand in one file, so that a later run can keep what it would only make again.

Each line ends with a checksum: one that was damaged, or edited, is not believed.

A slice counts as finished if its line belongs to the same work (everything that decides about
pixels but the slice itself) and has the hashes of the input and of the output as they are now: by
content, never by file time. A loss belongs to everything that decides about it, the slice included.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from stackmend import disk
from stackmend.registry import Undefined
from stackmend.result import atomic, names
from stackmend.result.decoding import decode
from stackmend.result.encoding import plain
from stackmend.result.rows import SliceRow
from stackmend.result.work import Work
from stackmend.words import few

Entry = Mapping[str, Any]
Loss = float | Undefined

_CHECKED = re.compile(r'(?P<rest>\{.*), "check": "(?P<check>[0-9a-f]{16})"\}')
"""A line with its checksum."""


class Ledger:
    """What journals say: the identity of the work, finished slices by number and channel, losses.

    ``looks`` are those of surveys, by the identity of the survey and the slices that were looked
    at: the record, by the hash of these. ``shards`` have done their part. ``doubted`` counts what
    is no line of a journal, or not as it was written; ``refuted`` says that losses were found to be
    others than it had.
    """

    def __init__(self) -> None:
        self.work: dict[str, Any] | None = None
        self.slices: dict[tuple[int, int], SliceRow] = {}
        self.losses: dict[tuple[str, str], Loss] = {}
        self.looks: dict[str, dict[tuple[int, ...], dict[str, Any]]] = {}
        self.shards: list[Entry] = []
        self.doubted = 0
        self.refuted = False

    def read(self, files: Iterable[Path]) -> Ledger:
        """Add the lines of some files, but for those that cannot be believed."""
        for file in files:
            try:
                lines = file.read_text(encoding="utf-8", errors="replace").split("\n")
            except OSError:
                continue
            for line in filter(None, lines):
                try:
                    self._add(_read_line(line))
                # Whatever a line may hold that is not as we write it.
                except (ValueError, KeyError, TypeError, RecursionError):
                    self.doubted += 1
        return self

    def _add(self, line: dict[str, Any]) -> None:
        match line.pop("entry"):
            case "work":
                decode(Work, line)
                self.work = line
            case "slice":
                row = SliceRow.from_json(line)
                self.slices[row.slice, row.channel] = row
            case "loss":
                self.losses[line["search"], json.dumps(line["values"])] = _loss(line)
            case "look":
                looks = self.looks.setdefault(line["survey"], {})
                looks.setdefault(tuple(line["slices"]), {})[line["hash"]] = line["record"]
            case "shard":
                self.shards.append(line)

    def lines(self) -> Iterator[str]:
        """The same as one file."""
        if self.work is not None:
            yield _line("work", self.work)
        for (search, values), value in self.losses.items():
            yield _loss_line(search, values, value)
        for survey, looks in self.looks.items():
            for slices, records in looks.items():
                for hash, record in records.items():
                    yield _look_line(survey, slices, hash, record)
        for row in self.slices.values():
            yield _line("slice", asdict(row))
        for entry in self.shards:
            yield _line("shard", entry)


@dataclass(frozen=True)
class Journal:
    """The journal of a run at work, in a folder; a plain value that workers can be sent.

    Without a folder it forgets what is entered.
    """

    folder: Path | None

    def files(self) -> list[Path]:
        """The files in which processes have entered anything so far."""
        return sorted(self.folder.glob("*.jsonl")) if self.folder else []

    def ledger(self) -> Ledger:
        """What has been entered so far."""
        return Ledger().read(self.files())

    def end(self) -> None:
        """End the work that was begun: no slice of it counts as finished any more."""
        assert self.folder is not None, "work that is written has a folder"
        (self.folder / names.BEGUN).unlink(missing_ok=True)

    def begin(self, work: Mapping[str, Any]) -> None:
        """Begin with new work, whose output is ready to be written to; losses stay as they are."""
        self.end()
        assert self.folder is not None
        self.folder.mkdir(parents=True, exist_ok=True)
        for kind in ("slices", "shards"):
            for file in self.folder.glob(f"{kind}-*.jsonl"):
                file.unlink()
        self.go_on_with(work)

    def go_on_with(self, work: Mapping[str, Any]) -> None:
        """Go on with work to which all finished slices belong as well."""
        assert self.folder is not None
        atomic.write_text(self.folder / names.BEGUN, _line("work", work))

    def enter(self, row: SliceRow) -> None:
        """Enter a finished slice."""
        self._append("slices", _line("slice", asdict(row)))

    def enter_loss(self, search: str, values: Sequence[Any], value: Loss) -> None:
        """Enter the loss of a combination."""
        self._append("losses", _loss_line(search, json.dumps(values), value))

    def forget_losses(self) -> None:
        """Remove all losses that were entered."""
        for file in self.folder.glob("losses-*.jsonl") if self.folder else ():
            file.unlink(missing_ok=True)

    def enter_look(self, survey: str, slices: Sequence[int], hash: str, record: Any) -> None:
        """Enter the record of what a survey has looked at, and the hash of that."""
        self._append("looks", _look_line(survey, slices, hash, record))

    def enter_shard(self, facts: Mapping[str, Any]) -> None:
        """Enter that a shard has done its part."""
        self._append("shards", _line("shard", facts))

    def _append(self, kind: str, line: str) -> None:
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{kind}-{platform.node()}-{os.getpid()}.jsonl"
        # in one piece, so that a kill cuts off at most this line; and never behind half a line
        with open(path, "ab", buffering=0, opener=disk.open_no_link) as file:
            file.write(("\n" + line).encode(errors="backslashreplace"))


def has_lines(file: Path) -> bool:
    """Whether a file begins like a journal."""
    try:
        with file.open("rb") as content:
            return content.read(10) == b'{"entry": '
    except OSError:
        return False


def shards_text(shards: Iterable[Entry]) -> str:
    """Which shards have ended, and which of their number have not; empty if there were none."""
    ended: set[tuple[int, int]] = set()
    for entry in shards:
        number, _, count = str(entry.get("shard")).partition("/")
        if number.isdecimal() and count.isdecimal():
            ended.add((int(count), int(number)))
    if not ended:
        return ""
    text = f"shards that have ended: {_shard_names(ended)}"
    counts = {count for count, _ in ended}
    wanted = {(count, number) for count in counts for number in range(1, count + 1)}
    missing = wanted - ended
    return text + (f"; not yet: {_shard_names(missing)}" if missing and len(counts) == 1 else "")


def _shard_names(shards: Iterable[tuple[int, int]]) -> str:
    return few((f"{number}/{count}" for count, number in sorted(shards)), 20)


def _line(entry: str, fields: Mapping[str, Any]) -> str:
    text = json.dumps({"entry": entry, **fields}, default=plain, ensure_ascii=False)
    return f'{text[:-1]}, "check": "{_check(text)}"}}\n'


def _read_line(line: str) -> dict[str, Any]:
    """What a line holds; a ``ValueError`` if its checksum is missing or that of another."""
    found = _CHECKED.fullmatch(line)
    text = found["rest"] + "}" if found else ""
    if not found or found["check"] != _check(text):
        raise ValueError("not as it was written")
    content: dict[str, Any] = json.loads(text)
    return content


def _check(text: str) -> str:
    return hashlib.sha256(text.encode(errors="backslashreplace")).hexdigest()[:16]


def _look_line(survey: str, slices: Sequence[int], hash: str, record: Any) -> str:
    facts = {"survey": survey, "slices": list(slices), "hash": hash, "record": record}
    return _line("look", facts)


def _loss(line: Mapping[str, Any]) -> Loss:
    if line["loss"] is None:
        return Undefined(str(line["status"]), str(line["reason"]))
    loss = float(line["loss"])
    if not isfinite(loss):
        raise ValueError("loss must be a finite number")
    return loss


def _loss_line(search: str, values: str, value: Loss) -> str:
    known: dict[str, Any] = {"loss": value}
    if isinstance(value, Undefined):
        known = {"loss": None, "status": value.status, "reason": value.reason}
    return _line("loss", {"search": search, "values": json.loads(values), **known})


class JournaledLosses:
    """The losses of one search: those known from journals, and where new ones are entered.

    ``search`` says for each slice what decides about its losses; ``noted`` counts the new ones.
    """

    def __init__(
        self, journal: Journal, losses: Mapping[tuple[str, str], Loss], search: Mapping[int, str]
    ) -> None:
        self.journal, self.losses, self.search = journal, losses, search
        self.noted = 0

    def recall(self, number: int, combination: Sequence[Any]) -> Loss | None:
        """The loss of a combination on a slice, if it is known."""
        return self.losses.get((self.search[number], json.dumps(combination)))

    def note(self, number: int, combination: Sequence[Any], value: Loss) -> None:
        """Enter a loss that has been computed."""
        self.noted += 1
        self.journal.enter_loss(self.search[number], combination, value)
