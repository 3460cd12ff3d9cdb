"""What a result folder says of itself, as far as it can be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from stackmend.errors import InputError
from stackmend.result import Record, names, open_result, read_record
from stackmend.result.encoding import numbers_of
from stackmend.result.fingerprints import Fingerprints
from stackmend.result.hashes import combined_hash
from stackmend.result.inventory import hashes_of
from stackmend.result.journal import Ledger
from stackmend.result.reading import (
    read_content,
    read_fingerprints,
    read_losses,
    read_slices,
)
from stackmend.result.rows import LossRow, SliceRow
from stackmend.verification.findings import Finding
from stackmend.words import counted

T = TypeVar("T")

Key = tuple[int, int]
"""A slice by its number and its channel in the input."""


@dataclass
class Recorded:
    """The parts of a result that say what the others should be.

    ``table`` are the rows of ``slices.csv``, ``None`` where it cannot be read; ``rows`` those that
    the record confirms, of the table or of the journal. ``findings`` has what cannot be read.
    """

    folder: Path
    record: Record
    content: dict[str, Any]
    ledger: Ledger
    table: Sequence[SliceRow] | None = None
    losses: Sequence[LossRow] | None = None
    prints: Fingerprints | None = None
    rows: Sequence[SliceRow] = ()
    findings: list[Finding] = field(default_factory=list)

    @cached_property
    def by_key(self) -> dict[Key, SliceRow]:
        """The rows by slice and channel."""
        return {(row.slice, row.channel): row for row in self.rows}

    @cached_property
    def fingerprints(self) -> dict[Key, tuple[float, ...]]:
        """The numbers by which each restored slice is known, as the journal or their file says."""
        found = self.printed
        for key, row in self.ledger.slices.items():
            if row.fingerprint:
                found[key] = numbers_of(row.fingerprint)
        return found

    @property
    def printed(self) -> dict[Key, tuple[float, ...]]:
        """The same, as only the file of fingerprints says."""
        found: dict[Key, tuple[float, ...]] = {}
        for entry in self.prints.slices if self.prints else ():
            found[entry["slice"], entry["channel"]] = (*entry["quantiles"], *entry["tiles"])
        return found

    @property
    def files(self) -> dict[str, str] | None:
        """The hash of each file in a folder of the result; ``None`` where it is not known."""
        return dict(self.prints.files) if self.prints else None


def recorded_in(run: Path) -> Recorded:
    """Read what a finished run has left in writing.

    Raises
    ------
    InputError
        If there is no record that can be understood: nothing can be held against anything then.
    """
    folder = run.parent if run.name == names.RECORD else run
    file = folder / names.RECORD
    record = read_record(folder) if file.is_file() else open_result(folder).record
    content = read_content(file, "record")
    known = Recorded(folder, record, content, Ledger().read([folder / names.JOURNAL]))
    known.table = _part(known, names.SLICES, read_slices)
    known.losses = _part(known, names.LOSSES, read_losses)
    known.prints = _fingerprints(known)
    known.rows = _confirmed(known)
    if known.ledger.doubted:
        what = f"{counted(known.ledger.doubted, 'line')} not as written, or of an earlier version"
        known.findings.append(Finding(names.JOURNAL, what))
    return known


def _part(known: Recorded, name: str, read: Callable[[Path], T]) -> T | None:
    file = known.folder / name
    if not file.is_file():
        return None
    try:
        return read(file)
    except InputError as error:
        reason = str(error).removeprefix(f"{file}: ").rpartition(";")[0]
        known.findings.append(Finding(name, reason))
        return None


def _fingerprints(known: Recorded) -> Fingerprints | None:
    """The fingerprints, if they are those that the record knows."""
    hashes = hashes_of(known.folder, [names.FINGERPRINTS])
    if hashes.get(names.FINGERPRINTS) != known.record.files.get(names.FINGERPRINTS):
        return None
    return _part(known, names.FINGERPRINTS, read_fingerprints)


def _confirmed(known: Recorded) -> list[SliceRow]:
    """The rows of the table or of the journal: of those that have the hashes of the record."""
    entries = known.ledger.slices
    journal = [entries[key] for key in _order(known.record) if key in entries]
    table = list(known.table or ())
    for rows in (table, journal):
        if combined_hash(row.output_hash for row in rows) == known.record.output.pixel_hash:
            return rows
    return table or journal


def _order(record: Record) -> list[Key]:
    """The slices of all channels in the order of the output."""
    keys = []
    for number in record.input.slices:
        keys += [(number, channel) for channel in record.input.channels]
    return keys
