"""Which slices need not be computed: those that an unfinished run or the result holds already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import delayed

from stackmend.errors import BadSlice
from stackmend.job import Job, SliceOfChannel
from stackmend.restore.apply import batches
from stackmend.restore.identity import Identity, differences
from stackmend.result.hashes import pixel_hash
from stackmend.result.journal import Ledger
from stackmend.result.rows import SliceRow, Status
from stackmend.stacks import Layout, Writer, new_stack
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.session import Session

UNUSABLE = {"skip": (Status.SKIPPED,), "keep": (Status.BLANK, Status.KEPT), "stop": ()}
"""Status that a slice may have that cannot be used, by what the protocol says about such slices."""


class Kept(NamedTuple):
    """A finished slice: its row, and where it lies if that is not where this run writes."""

    row: SliceRow
    earlier: tuple[Writer, int] | None


@dataclass
class Done:
    """What is finished: kept slices by place; and how many are lost, by the reason in words."""

    kept: dict[SliceOfChannel, Kept] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    @property
    def in_place(self) -> int:
        """How many are where this run writes."""
        return sum(kept.earlier is None for kept in self.kept.values())


@dataclass(frozen=True)
class Candidate:
    """A slice that a journal has as finished, and where it should lie."""

    place: SliceOfChannel
    row: SliceRow
    writer: Writer
    position: int
    in_place: bool

    def holds(self, chain: ChannelChain, hash_of: Callable[[int], str]) -> bool:
        """Whether input and output are what the journal says, pixel for pixel, or as unusable."""
        if output_hash := self.row.output_hash:
            written = self.writer.read_back(self.position, self.place.channel)
            if written is None or pixel_hash(written) != output_hash:
                return False
        input_hash = hash_of(self.place.number)
        if input_hash != self.row.input_hash:
            return False
        if not input_hash:
            return True
        return chain.reach_hash(self.place.number, hash_of) == self.row.reach_hash

    def kept(self) -> Kept:
        """The slice as one that need not be computed."""
        return Kept(self.row, None if self.in_place else (self.writer, self.position))


def candidates(
    job: Job,
    places: Sequence[SliceOfChannel],
    identity: Identity,
    running: Ledger,
    published: Ledger,
) -> tuple[list[Candidate], dict[str, int]]:
    """The slices that journals of the same work have as finished, and why others are lost."""
    found: dict[SliceOfChannel, Candidate] = {}
    lost: dict[str, int] = {}
    for ledger, in_place in ((published, False), (running, True)):
        if ledger.work is None or not ledger.slices:
            continue
        if ledger.work["pixels"] != identity["pixels"]:
            lost["; ".join(differences(ledger.work["pixels"], identity["pixels"]))] = len(
                ledger.slices
            )
        elif in_place and ledger.work["layout"] != identity["layout"]:
            lost["; ".join(differences(ledger.work["layout"], identity["layout"]))] = len(
                ledger.slices
            )
        else:
            folder = job.workspace.partial if in_place else job.workspace.folder
            found |= {each.place: each for each in _of(job, places, ledger, folder, in_place)}
    return list(found.values()), {} if found else lost


def _of(
    job: Job, places: Sequence[SliceOfChannel], ledger: Ledger, folder: Path, in_place: bool
) -> Iterator[Candidate]:
    assert ledger.work is not None
    facts = ledger.work["layout"]
    layout = Layout(
        shape=tuple(facts["shape"]),
        dtype=np.dtype(ledger.work["pixels"]["output"]["dtype"]),
        names=tuple(facts["names"]),
        channels=len(job.channels),
        compression=facts["compression"],
        pyramid=facts["pyramid"],
    )
    writer = new_stack(facts["format"], folder, layout)
    unusable = UNUSABLE[job.protocol.input.on_bad_slice]
    position = {number: index for index, number in enumerate(facts["slices"])}
    for place in places:
        row = ledger.slices.get((place.number, job.channels[place.channel]))
        if row is None or place.number not in position:
            continue
        if row.input_hash or row.status in unusable:
            yield Candidate(place, row, writer, position[place.number], in_place)


def finished(
    session: Session,
    places: Sequence[SliceOfChannel],
    chains: Sequence[ChannelChain],
    identity: Identity,
    published: Ledger,
) -> Done:
    """Those of some slices whose content is what a journal of the same work says."""
    job, log, workers = session.job, session.log, session.workers
    running = session.journal.ledger()
    found, lost = candidates(job, places, identity, running, published)
    done = Done(lost=lost)
    reach = max(chain.reach for chain in chains)
    shares = batches(found, workers.count, reach=reach)
    tasks = [delayed(_holding)(batch, chains) for batch in shares]
    megapixels = len(found) * prod(job.reader.shape[1:]) / 1e6
    looked = 0
    with closing(workers.run(tasks, ordered=False, megapixels=megapixels)) as results:
        for batch in results:
            done.kept |= {candidate.place: candidate.kept() for candidate, holds in batch if holds}
            looked += len(batch)
            log.progress("check", looked, len(found))
    changed = len(found) - len(done.kept)
    if changed:
        done.lost["the input or the result has changed"] = changed
    return done


def _holding(
    batch: Sequence[Candidate], chains: Sequence[ChannelChain]
) -> list[tuple[Candidate, bool]]:
    hashes: dict[tuple[int, int], str] = {}
    held: list[tuple[Candidate, bool]] = []
    for candidate in batch:
        channel = candidate.place.channel

        def hash_of(number: int, channel: int = channel) -> str:
            if (channel, number) not in hashes:
                hashes[channel, number] = _hash_of(chains[channel], number)
            return hashes[channel, number]

        held.append((candidate, candidate.holds(chains[channel], hash_of)))
    return held


def _hash_of(chain: ChannelChain, number: int) -> str:
    """Empty for a slice that cannot be used; what becomes of it is seen when it is restored."""
    try:
        return chain.hash_of(number)
    except BadSlice:
        return ""
