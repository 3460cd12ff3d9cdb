"""The stack of a result filled: slices that are done already taken over, all others restored."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from math import prod

from stackmend.errors import OutputError
from stackmend.job import Job, SliceOfChannel
from stackmend.restore.apply import Application, apply_chains, copy_slices
from stackmend.restore.identity import Identity, differences
from stackmend.restore.output import Output
from stackmend.restore.resume import Done
from stackmend.result.rows import SliceRow
from stackmend.result.suitable import hindrance
from stackmend.tuning.session import Session


class Filling:
    """Slices on their way into the stack: the rows of those there, and the peaks of workers."""

    def __init__(self, session: Session, application: Application, total: int) -> None:
        self.session, self.application, self.total = session, application, total
        self.rows: list[SliceRow] = []
        self.peaks: list[int] = []

    def fill(self, places: Sequence[SliceOfChannel], done: Done) -> None:
        """Bring every slice that is not there yet into the partial stack.

        Raises
        ------
        InputError, StepError, OutputError
            Naming the slice.
        """
        log, workers = self.session.log, self.session.workers
        log.event(
            "application started",
            slices=len(places),
            format=self.session.job.protocol.output.format,
            dtype=str(self.session.job.dtype),
        )

        # What is in place already, then what an earlier result has.
        copies = []
        for place, (row, earlier) in done.kept.items():
            if earlier:
                copies.append((place, *earlier, row))
            else:
                self.rows.append(row)
                self._tell("slice kept", row)
        self._progress()
        with closing(copy_slices(self.application, copies, workers)) as copied:
            for batch in copied:
                self._take("slice kept", batch)

        todo = [place for place in places if place not in done.kept]
        with closing(apply_chains(self.application, todo, workers)) as restored:
            for batch, peak in restored:
                self.peaks.append(peak)
                self._take("slice", batch)
        assert len(self.rows) == self.total, self.application.output.stack.path

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


def make_room(
    session: Session, application: Application, identity: Identity, *, shared: bool = False
) -> None:
    """Begin new work where this run writes, unless that of an unfinished run goes on.

    ``shared`` says that the work is one of several parts.

    Raises
    ------
    OutputError
        If shards are at work here that do something else; of a shard, also if others have finished
        slices here that do not belong to its work, which it would discard.
    """
    workspace, ledger = session.job.workspace, session.journal.ledger()
    before, output = ledger.work, application.output
    if before == identity and output.opens():
        if workspace.alone:
            output.create()
        return
    if before and workspace.alone and not shared and _is_same_stack(before, identity, output):
        # In this order a kill leaves nothing that is taken for masks of this work.
        workspace.clear_masks()
        session.journal.go_on_with(identity)
        output.create()
        return
    changes = "it has not begun, or its stack cannot be opened"
    if before and before != identity:
        parts = ("pixels", "layout", "beside")
        other = next(part for part in parts if before[part] != identity[part])
        changes = "; ".join(differences(before[other], identity[other]))
    if not workspace.alone:
        what = f"the shards at work here do something else ({changes})"
        raise OutputError(f"{workspace.folder}: {what}; wait for them, or choose another folder")
    if shared and before and before != identity and ledger.slices:
        what = f"{len(ledger.slices)} slices of other work are finished there ({changes})"
        where = workspace.journal.parent
        raise OutputError(
            f"{workspace.folder}: {what}; go on with that, remove {where}, or choose another folder"
        )
    # In this order nothing that a kill leaves is taken for what it is not.
    session.journal.end()
    workspace.clear()
    output.create()
    session.journal.begin(identity)


def _is_same_stack(before: Identity, identity: Identity, output: Output) -> bool:
    """Whether the work of an unfinished run differs from this in its masks at most."""
    same = all(before[part] == identity[part] for part in ("pixels", "layout"))
    return same and replace(output, masks=None).opens()


def ask_for_room(job: Job, missing: int) -> None:
    """Refuse to begin with slices, so many of them missing, for which the disk has no room.

    Raises
    ------
    OutputError
        If it has none.
    """
    hindered = hindrance(job.workspace.folder, missing * slice_bytes(job))
    if hindered:
        raise OutputError(hindered)


def slice_bytes(job: Job) -> int:
    """What a slice takes on disk at most (uncompressed), with its truth and its mask if any."""
    pixels = prod(job.shape[1:])
    beside = [writer.layout.dtype.itemsize for writer in Output.of(job).writers]
    return pixels * sum(beside)


def check_stack(job: Job, application: Application, rows: Sequence[SliceRow]) -> None:
    """Look whether the stack that was written opens, and has its first and its last slice.

    Raises
    ------
    OutputError
        If it does not.
    """
    output = application.output
    sound = output.opens()
    written = [row for row in rows if row.output_hash]
    for row in (*written[:1], *written[-1:]) if sound else ():
        place = job.slices.index(row.slice), job.channels.index(row.channel)
        sound = sound and output.holds(row, *place)
    if not sound:
        what = "what was written does not come back from there"
        raise OutputError(f"{output.stack.path}: {what}; look after the disk, then run again")
