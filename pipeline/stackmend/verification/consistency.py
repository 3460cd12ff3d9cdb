"""The parts of a result held against each other: what one says twice, it says alike.

So an edited record or table is not only known to be edited, but where, as long as another part has
the same fact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields
from itertools import zip_longest
from math import isclose
from typing import Any

from stackmend.result import names
from stackmend.result.encoding import as_json, numbers_of
from stackmend.result.hashes import combined_hash
from stackmend.result.rows import SliceRow, Status
from stackmend.verification.findings import Finding
from stackmend.verification.pixels import named
from stackmend.verification.recorded import Recorded


def findings(known: Recorded) -> Iterator[Finding]:
    """What parts of the result do not say alike."""
    yield from _protocol(known)
    yield from _table(known)
    yield from _record(known)
    yield from _parameters(known)
    yield from _searches(known)
    yield from _fingerprints(known)


def _protocol(known: Recorded) -> Iterator[Finding]:
    file = known.folder / names.PROTOCOL
    text = known.record.protocol["text"]
    if not file.is_file():
        return
    there = file.read_bytes().decode("utf-8-sig", errors="replace")
    lines = enumerate(zip_longest(there.splitlines(), text.splitlines()), 1)
    other = next((number for number, (now, then) in lines if now != then), None)
    if other is not None:
        yield Finding(names.PROTOCOL, f"line {other} is another than in {names.RECORD}")


def _table(known: Recorded) -> Iterator[Finding]:
    """What ``slices.csv`` says otherwise than the journal."""
    if known.table is None:
        return
    journal = known.ledger.slices
    table = {(row.slice, row.channel): row for row in known.table}
    for key in journal.keys() - table.keys() if known.table else ():
        yield Finding(names.SLICES, f"slice {key[0]} has no row", slice=key[0], channel=key[1])
    for key, row in table.items():
        if key not in journal:
            if journal and not known.ledger.doubted:
                what = f"slice {key[0]} is not in {names.JOURNAL}"
                yield Finding(names.SLICES, what, slice=key[0], channel=key[1])
            continue
        for name, now, then in _different_cells(row, journal[key]):
            what = f"{named(row, known)}: {name} is {now}, in {names.JOURNAL} {then}"
            yield Finding(names.SLICES, what, slice=key[0], channel=key[1])


def _different_cells(row: SliceRow, entry: SliceRow) -> Iterator[tuple[str, Any, Any]]:
    for each in fields(SliceRow):
        now, then = getattr(row, each.name), getattr(entry, each.name)
        if each.name != "fingerprint" and now != then:
            yield each.name, now, then


def _record(known: Recorded) -> Iterator[Finding]:
    """What the record says otherwise than the rows of all slices."""
    rows, record = known.rows, known.record
    count = record.slices
    wanted = len(record.input.slices) * len(record.input.channels)
    for what, now, then in (
        ("slices.all", count["all"], len(rows)),
        ("input.slices and input.channels", wanted, len(rows)),
        ("input.pixel_hash", record.input.pixel_hash, combined_hash(r.input_hash for r in rows)),
        ("output.pixel_hash", record.output.pixel_hash, combined_hash(r.output_hash for r in rows)),
        ("output.clipped", record.output.clipped, sum(row.clipped for row in rows)),
        *((f"slices.{status}", _count(count, status), _of(rows, status)) for status in Status),
    ):
        if now != then:
            yield Finding(names.RECORD, f"{what} is {now}, by the rows of all slices {then}")


def _count(counts: Mapping[str, Any], status: Status) -> int:
    return int(counts.get(status.value, 0))


def _of(rows: Any, status: Status) -> int:
    return sum(row.status is status for row in rows)


def _parameters(known: Recorded) -> Iterator[Finding]:
    """What the record says of the chains and of the stack otherwise than the journal."""
    work = known.ledger.work
    if work is None:
        return
    record = known.record
    chains = record.chains or {"": record.chain}
    for (channel, chain), entry in zip(chains.items(), work["pixels"]["chains"], strict=False):
        place = f"chains.{channel}" if channel else "chain"
        for step in chain:
            for name, parameter in step.parameters.items():
                full = f"{step.id}.{name}"
                now, then = as_json(parameter["value"]), entry["parameters"].get(full)
                if "file" in parameter:
                    now = {"file": parameter["file"]}
                if now != then:
                    what = f"{place}: {full} is {now}, in {names.JOURNAL} {then}"
                    yield Finding(names.RECORD, what)
    output, layout = as_json(known.content["output"]), work["layout"]
    for name in ("format", "compression", "pyramid", "shape"):
        if output.get(name) != layout.get(name):
            what = f"output.{name} is {output.get(name)}, in {names.JOURNAL} {layout.get(name)}"
            yield Finding(names.RECORD, what)


def _searches(known: Recorded) -> Iterator[Finding]:
    """What the record says of the choice otherwise than ``losses.csv``."""
    for index, search in enumerate(known.record.searches if known.losses else ()):
        if not search.chosen:
            continue
        chosen = {name: _cell(value) for name, value in search.chosen.items()}
        rows = [row for row in known.losses or () if row.search == index]
        own = [row for row in rows if {n: _cell(v) for n, v in row.values.items()} == chosen]
        if not own:
            what = f"has no row of the choice of search {index}"
            yield Finding(names.LOSSES, what)
        for row in own:
            if not _alike(row.mean_loss, search.loss_of_choice):
                what = f"mean_loss of the choice of search {index} is {row.mean_loss}"
                yield Finding(names.LOSSES, f"{what}, in {names.RECORD} {search.loss_of_choice}")
                break


def _cell(value: Any) -> str:
    return str(value)


def _alike(one: float | None, other: float | None) -> bool:
    if one is None or other is None:
        return one is other
    return isclose(one, other, rel_tol=1e-6)


def _fingerprints(known: Recorded) -> Iterator[Finding]:
    """What the fingerprints say otherwise than the journal."""
    prints = known.printed
    for key, row in known.ledger.slices.items():
        if key not in prints or not row.fingerprint:
            continue
        if not all(map(_alike, prints[key], numbers_of(row.fingerprint))):
            what = f"{named(row, known)} has another fingerprint in {names.JOURNAL}"
            yield Finding(names.FINGERPRINTS, what, slice=row.slice, channel=row.channel)
