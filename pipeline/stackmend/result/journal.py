"""What is finished, so that the same command goes on where it was stopped.

While a run works, each process appends a line to a file of its own for every slice it has finished
and every loss it knows, so that lines cannot mix; a line that was cut off is one more to compute.
In a result the lines stand in one file, so that a later run can keep what it would only make again.

A slice counts as finished if its line belongs to the same work (everything that decides about
pixels but the slice itself) and has the hashes of the input and of the output as they are now: by
content, never by file time. A loss belongs to everything that decides about it, the slice included.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from stackmend.registry import Undefined
from stackmend.result import atomic, names
from stackmend.result.encoding import plain
from stackmend.result.rows import SliceRow

Entry = Mapping[str, Any]
Loss = float | Undefined


class Ledger:
    """What journals say: the identity of the work, finished slices by number and channel, losses.

    ``looks`` are those of surveys, by the identity of the survey and the slices that were looked
    at: the record, by the hash of these. ``shards`` have done their part.
    """

    def __init__(self) -> None:
        self.work: dict[str, Any] | None = None
        self.slices: dict[tuple[int, int], SliceRow] = {}
        self.losses: dict[tuple[str, str], Loss] = {}
        self.looks: dict[str, dict[tuple[int, ...], dict[str, Any]]] = {}
        self.shards: list[Entry] = []

    def read(self, files: Iterable[Path]) -> Ledger:
        """Add the lines of some files; what is no line of a journal is passed over."""
        for file in files:
            try:
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
            for line in lines:
                try:
                    self._add(json.loads(line))
                except (ValueError, KeyError, TypeError):
                    continue
        return self

    def _add(self, line: dict[str, Any]) -> None:
        match line.pop("entry"):
            case "work":
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

    def begin(self, work: Mapping[str, Any]) -> None:
        """Begin with new work, whose output is ready to be written to; losses stay as they are."""
        assert self.folder is not None, "work that is written has a folder"
        self.folder.mkdir(parents=True, exist_ok=True)
        for file in self.folder.glob("slices-*.jsonl"):
            file.unlink()
        atomic.write_text(self.folder / names.BEGUN, _line("work", work))

    def enter(self, row: SliceRow) -> None:
        """Enter a finished slice."""
        self._append("slices", _line("slice", asdict(row)))

    def enter_loss(self, search: str, values: Sequence[Any], value: Loss) -> None:
        """Enter the loss of a combination."""
        self._append("losses", _loss_line(search, json.dumps(values), value))

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
        with path.open("ab", buffering=0) as file:
            file.write(("\n" + line).encode())


def _line(entry: str, fields: Mapping[str, Any]) -> str:
    return json.dumps({"entry": entry, **fields}, default=plain, ensure_ascii=False) + "\n"


def _look_line(survey: str, slices: Sequence[int], hash: str, record: Any) -> str:
    facts = {"survey": survey, "slices": list(slices), "hash": hash, "record": record}
    return _line("look", facts)


def _loss(line: Mapping[str, Any]) -> Loss:
    if line["loss"] is None:
        return Undefined(line["status"], line["reason"])
    return float(line["loss"])


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
