"""The work of one run, from the search to the published result."""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import cached_property
from math import prod
from time import perf_counter
from typing import Any

from stackmend import words
from stackmend.errors import OutputError, UsageError
from stackmend.forecast.estimate import Forecast, bytes_in
from stackmend.forecast.probe import application_of
from stackmend.job import Job, SliceOfChannel
from stackmend.pictures.collect import collect
from stackmend.restore.apply import Application, SliceRow, apply_chain, copy_slices
from stackmend.restore.resume import Done, differences, finished, identity_of
from stackmend.result import record
from stackmend.result.journal import PUBLISHED, Entry, Journal, Ledger
from stackmend.result.record import Log
from stackmend.result.workspace import RECORD
from stackmend.runner.recording import loss_rows, run_record
from stackmend.runner.shards import Shard
from stackmend.tuning.chains import Tuning
from stackmend.tuning.tune import Session, tune
from stackmend.workers import memory
from stackmend.workers.processes import Workers

OUTCOMES = {
    "constant": "constant and left as they are",
    "nothing_found": "without any charging",
    "kept": "unusable and kept as they are in the input",
    "blank": "unreadable and blank in the result",
    "skipped": "unusable and left out",
}


@dataclass(frozen=True)
class Work:
    """A job in its open workspace, and what is needed to do it."""

    job: Job
    log: Log
    forecast: Forecast

    @property
    def workers(self) -> Workers:
        """As many as there is room for."""
        return self.forecast.workers

    @cached_property
    def peaks(self) -> list[int]:
        """The most memory that workers have had, for each batch of slices."""
        return []

    @cached_property
    def journal(self) -> Journal:
        """Where this run enters what it has finished."""
        return Journal(self.job.workspace.journal)

    def do(
        self, *, part: Shard | None = None, compute: bool = True
    ) -> tuple[dict[str, Any] | None, bool]:
        """Everything; returns the record (``None`` for a shard, which leaves it to ``finish``), and whether it is new.

        Raises
        ------
        UsageError
            If nothing may be computed and slices are missing.
        StackmendError
            As ``run`` says.
        """
        started, start = record.now(), perf_counter()
        self._announce(part)
        published = Ledger().read([self.job.workspace.folder / PUBLISHED])
        known = Ledger({}, {}, {**published.losses, **self.journal.ledger().losses})
        tuning = tune(Session(self.job, self.log, self.workers, self.journal, known))
        work, tuned, search_bytes = (
            identity_of(self.job, tuning.plans),
            perf_counter(),
            memory.peak(),
        )
        if not part:  # of shards, 'finish' writes it
            record.write_table(self.job.workspace.partial / "losses.csv", list(loss_rows(tuning)))
        places = part.part(self.job.places) if part else self.job.places
        done = finished(self.job, places, work, self.log, self.workers)
        if not compute and len(done.kept) < len(places):
            raise UsageError(self._missing(done))
        stays = not part and self._stays(done, work, published)
        if stays and (unchanged := self._unchanged()):
            self.log.event(
                "note", message=f"nothing to do: all {len(places)} slices are what the record says"
            )
            self.job.workspace.close()
            return unchanged, False
        self._say(done, places)
        times = {"started": started, "search_s": tuned - start}
        if part:
            self._restore(tuning, work, places, done, part)
            facts = {
                "shard": str(part),
                "host": platform.node(),
                "workers": self.workers.count,
                **times,
            }
            self.journal.enter_shard(
                {**facts, "total_s": perf_counter() - start, "slices": len(places)}
            )
            return None, True
        rows = (
            [kept.row for kept in done.kept.values()]
            if stays
            else self._restore(tuning, work, places, done, part)
        )
        rows, applied = self._in_order(rows), perf_counter()
        stack = self.job.writer(folder=self.job.workspace.folder) if stays else self.job.writer()
        collect(self.job, tuning, rows, stack, self.log, self.workers)
        times |= {
            "apply_s": applied - tuned,
            "pictures_s": perf_counter() - applied,
            "total_s": perf_counter() - start,
        }
        content = self._record(tuning, work, rows, len(done.kept), times, search_bytes)
        self.job.workspace.publish(stacks=not stays)
        return content, True

    def _announce(self, part: Shard | None) -> None:
        job, shape = self.job, list(self.job.reader.shape)
        facts: dict[str, Any] = {
            "protocol": job.protocol.name,
            "input": job.reader.label,
            "shape": shape,
            "channels": job.channels,
        }
        facts |= {"workers": self.workers.count, "command": record.command()} | (
            {"shard": str(part)} if part else {}
        )
        self.log.event("started", **facts)
        for note in job.reader.notes:
            self.log.event("note", message=note)
        for note in self.forecast.notes:
            self.log.event("note", message=note)
        for problem in job.protocol.warnings:
            self.log.warn(f"{problem.path}: {problem.message}")

    def _say(self, done: Done, places: Sequence[SliceOfChannel]) -> None:
        """What is kept of earlier work, and why the rest is not."""
        if done.kept:
            message = f"going on: {len(done.kept)} of {len(places)} slices were done already"
            self.log.event("note", message=message)
        for reason, count in done.lost.items():
            self.log.event("note", message=f"{reason}: {count} slices will be computed again")

    def _missing(self, done: Done) -> str:
        """What ``finish`` says about slices that are not there."""
        missing = [str(place.number) for place in self.job.places if place not in done.kept]
        shards = sorted({str(entry["shard"]) for entry in self.journal.ledger().shards})
        told = f"; shards that have ended: {', '.join(shards)}" if shards else ""
        what = f"{len(missing)} of {len(self.job.places)} slices are not done ({words.few(missing, 20)}){told}"
        return f"finish: {what}; run the shards that are missing, or everything with stackmend run"

    def _stays(self, done: Done, work: Mapping[str, Any], published: Ledger) -> bool:
        """Whether the stack of the result in place is what this run would make."""
        complete = len(done.kept) == len(self.job.places) and not done.in_place
        return (
            complete and published.work is not None and published.work["layout"] == work["layout"]
        )

    def _unchanged(self) -> dict[str, Any] | None:
        """The record of the result in place, if this run would write the same."""
        try:
            text = (self.job.workspace.folder / RECORD).read_text(encoding="utf-8")
            before: dict[str, Any] = json.loads(text)
            then, now = before["protocol"], record.as_json(asdict(self.job.protocol.given))
            same = (
                then["text"] == self.job.protocol.source.decode("utf-8-sig")
                and now.items() <= then.items()
            )
            return before if same else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _restore(
        self,
        tuning: Tuning,
        work: dict[str, Any],
        places: Sequence[SliceOfChannel],
        done: Done,
        part: Shard | None,
    ) -> list[SliceRow]:
        """Bring every slice that is not there yet into the partial stack; the rows of all."""
        application = application_of(self.job, tuning.plans)
        self._begin(application, work)
        if part:
            self.job.workspace.share()
        rows = [kept.row for kept in done.kept.values() if not kept.earlier]
        copies = [
            (place, *kept.earlier, kept.row) for place, kept in done.kept.items() if kept.earlier
        ]
        todo = [place for place in places if place not in done.kept]
        self.log.event(
            "application started",
            slices=len(places),
            format=self.job.protocol.output.format,
            dtype=str(self.job.dtype),
        )
        for row in rows:
            self._tell("slice kept", row)
        self._progress(len(rows), len(places))
        with closing(copy_slices(application, copies, self.workers)) as copied:
            for batch in copied:
                self._take(rows, "slice kept", batch, len(places))
        with closing(apply_chain(application, todo, self.workers)) as restored:
            for batch, peak in restored:
                self.peaks.append(peak)
                self._take(rows, "slice", batch, len(places))
        if not part:
            for writer in application.writers:
                writer.finish()
        return rows

    def _take(self, rows: list[SliceRow], kind: str, batch: Sequence[SliceRow], total: int) -> None:
        """Add rows to the others, and say how far it is."""
        for row in batch:
            rows.append(row)
            self._tell(kind, row)
            self._progress(len(rows), total)

    def _progress(self, done: int, total: int) -> None:
        self.log.progress("apply", done, total, megapixels=prod(self.job.shape[1:]) / 1e6)

    def _tell(self, kind: str, row: SliceRow) -> None:
        facts = {"slice": row.slice, "channel": row.channel, "name": row.name, "status": row.status}
        self.log.event(kind, **facts, seconds=row.seconds)

    def _begin(self, application: Application, work: dict[str, Any]) -> None:
        """Make room for new work, unless it is that of an unfinished run."""
        before = self.journal.ledger().work
        if before == work:
            return
        if not self.job.workspace.alone:
            changes = (
                "; ".join(differences(before["pixels"], work["pixels"]))
                if before
                else "it has not begun"
            )
            what = f"the shards at work here do something else ({changes})"
            raise OutputError(
                f"{self.job.workspace.folder}: {what}; wait for them, or choose another folder"
            )
        self.job.workspace.clear()
        for writer in application.writers:
            writer.create()
        self.journal.begin(work)

    def _in_order(self, rows: Sequence[SliceRow]) -> list[SliceRow]:
        found = {(row.slice, row.channel): row for row in rows}
        return [found[place.number, self.job.channels[place.channel]] for place in self.job.places]

    def _record(
        self,
        tuning: Tuning,
        work: dict[str, Any],
        rows: Sequence[SliceRow],
        kept: int,
        times: Mapping[str, Any],
        search_bytes: int,
    ) -> dict[str, Any]:
        """Write everything that goes with the stack."""
        partial, ledger = self.job.workspace.partial, self.journal.ledger()
        for warning in _doubts(rows):
            self.log.warn(warning)
        record.write_table(partial / "slices.csv", [row.as_row() for row in rows])
        (partial / "protocol.yaml").write_bytes(self.job.protocol.source)
        searches = {search for tuned in tuning.searches for search in tuned.identities.values()}
        known = {**Ledger().read([self.job.workspace.folder / PUBLISHED]).losses, **ledger.losses}
        losses = {key: value for key, value in known.items() if key[0] in searches}
        slices: dict[tuple[int, int], Entry] = {
            (row.slice, row.channel): asdict(row) for row in rows
        }
        record.write_text(
            partial / PUBLISHED, "".join(Ledger(work, slices, losses, ledger.shards).lines())
        )
        actual = {
            "search_s": times["search_s"],
            "apply_s": times["apply_s"],
            "search_bytes": search_bytes,
            "worker_bytes": max(self.peaks, default=None),
            "disk_bytes": bytes_in(self.job.writer().path),
        }
        circumstances = {
            "warnings": self.log.warnings,
            "workers": self.workers.count,
            "times": times,
        }
        content: dict[str, Any] = record.as_json(
            run_record(
                self.job,
                tuning,
                rows,
                **circumstances,
                estimate=self.forecast.beside(**actual),
                kept=kept,
                shards=ledger.shards,
            )
        )
        self.log.event("finished", seconds=round(times["total_s"], 3))
        record.write_json(partial / RECORD, content)
        return content


def _doubts(rows: Sequence[SliceRow]) -> Iterator[str]:
    """What a person should know about the slices."""
    for status, text in OUTCOMES.items():
        numbers = [row.slice for row in rows if row.status == status]
        if numbers:
            yield f"{len(numbers)} of {len(rows)} slices are {text}: {words.few(numbers, 20)}"
    clipped = sum(row.clipped for row in rows)
    if clipped:
        yield f"{clipped} pixels were clipped to the range of the output type"
