"""The stack of a result filled: slices that are done already taken over, all others restored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import prod

from stackmend.errors import OutputError
from stackmend.job import SliceOfChannel
from stackmend.restore.apply import Application, apply_chains, copy_slices
from stackmend.restore.identity import Identity, differences
from stackmend.restore.resume import Done
from stackmend.result.rows import SliceRow
from stackmend.tuning.session import Session


@dataclass
class Filling:
    """Slices on their way into the stack: the rows of those there, and the peaks of workers."""

    session: Session
    application: Application
    total: int
    rows: list[SliceRow] = field(default_factory=list)
    peaks: list[int] = field(default_factory=list)

    def fill(self, places: Sequence[SliceOfChannel], done: Done) -> None:
        """Bring every slice that is not there yet into the partial stack.

        Raises
        ------
        InputError, StepError, OutputError
            Naming the slice.
        """
        log, workers = self.session.log, self.session.workers
        writer = self.application.writer
        log.event(
            "application started",
            slices=len(places),
            format=self.session.job.protocol.output.format,
            dtype=str(self.session.job.dtype),
        )

        # What is in place already, then what an earlier result has.
        copies = []
        for place, kept in done.kept.items():
            if kept.earlier:
                copies.append((place, *kept.earlier, kept.row))
            else:
                self.rows.append(kept.row)
                self._tell("slice kept", kept.row)
        self._progress()
        with closing(copy_slices(self.application, copies, workers)) as copied:
            for batch in copied:
                self._take("slice kept", batch)

        todo = [place for place in places if place not in done.kept]
        with closing(apply_chains(self.application, todo, workers)) as restored:
            for batch, peak in restored:
                self.peaks.append(peak)
                self._take("slice", batch)
        assert len(self.rows) == self.total, writer.path

    def _take(self, kind: str, batch: Sequence[SliceRow]) -> None:
        """Add rows to the others, and say how far it is."""
        for row in batch:
            self.rows.append(row)
            self._tell(kind, row)
            self._progress()

    def _progress(self) -> None:
        megapixels = prod(self.session.job.shape[1:]) / 1e6
        self.session.log.progress("apply", len(self.rows), self.total, megapixels=megapixels)

    def _tell(self, kind: str, row: SliceRow) -> None:
        facts = {"slice": row.slice, "channel": row.channel, "name": row.name, "status": row.status}
        self.session.log.event(kind, **facts, seconds=row.seconds)


def make_room(session: Session, application: Application, identity: Identity) -> None:
    """Begin new work where this run writes, unless that of an unfinished run goes on.

    Raises
    ------
    OutputError
        If shards are at work here that do something else.
    """
    workspace, before = session.job.workspace, session.journal.ledger().work
    if before == identity:
        return
    if not workspace.alone:
        changes = "it has not begun"
        if before:
            changes = "; ".join(differences(before["pixels"], identity["pixels"]))
        what = f"the shards at work here do something else ({changes})"
        raise OutputError(f"{workspace.folder}: {what}; wait for them, or choose another folder")
    workspace.clear()
    for writer in application.writers:
        writer.create()
    session.journal.begin(identity)
