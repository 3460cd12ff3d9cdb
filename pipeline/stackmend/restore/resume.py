"""Which slices need not be computed: those that an unfinished run or the result holds already."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from joblib import delayed

from stackmend.errors import BadSlice
from stackmend.job import Job, SliceOfChannel
from stackmend.job.masks import Masks
from stackmend.kernels.fingerprint import fingerprint
from stackmend.restore.apply import batches
from stackmend.restore.identity import Identity, differences
from stackmend.restore.output import Output
from stackmend.result.encoding import numbers_text
from stackmend.result.journal import Ledger
from stackmend.result.rows import SliceRow, Status
from stackmend.stacks import DTYPES, FORMATS, Layout, new_stack
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.session import Session

UNUSABLE = {"skip": (Status.SKIPPED,), "keep": (Status.BLANK, Status.KEPT), "stop": ()}
"""Status that a slice may have that cannot be used, by what the protocol says about such slices."""


Kept = tuple[SliceRow, tuple[Output, int] | None]
"""A finished slice: its row, and where it lies if that is not where this run writes."""


class Done:
    """What is finished: kept slices by place; and how many are lost, by the reason in words."""

    def __init__(self, lost: dict[str, int]) -> None:
        self.kept: dict[SliceOfChannel, Kept] = {}
        self.lost = lost

    @property
    def in_place(self) -> int:
        """How many are where this run writes."""
        return sum(earlier is None for _, earlier in self.kept.values())


@dataclass(frozen=True)
class Candidate:
    """A slice that a journal has as finished, and where it should lie.

    ``otherwise`` is the same slice in the result in place, which counts if this one does not hold.
    """

    place: SliceOfChannel
    row: SliceRow
    output: Output
    position: int
    in_place: bool
    otherwise: Candidate | None = None

    def holds(self, chain: ChannelChain, hash_of: Callable[[int], str]) -> bool:
        """Whether input and output are what the journal says, pixel for pixel, or as unusable."""
        if not self.output.holds(self.row, self.position, self.place.channel):
            return False
        input_hash = hash_of(self.place.number)
        if input_hash != self.row.input_hash:
            return False
        if not input_hash:
            return True
        return chain.reach_hash(self.place.number, hash_of) == self.row.reach_hash

    def that_holds(self, chain: ChannelChain, hash_of: Callable[[int], str]) -> Candidate | None:
        """The first of this one and the other that holds."""
        if self.holds(chain, hash_of):
            return self
        return self.otherwise.that_holds(chain, hash_of) if self.otherwise else None

    def fingerprinted(self) -> Candidate:
        """The same with a fingerprint, which journals of earlier versions do not have."""
        if self.row.fingerprint or not self.row.output_hash:
            return self
        pixels = self.output.stack.read_back(self.position, self.place.channel)
        if pixels is None:
            return self
        return replace(self, row=replace(self.row, fingerprint=numbers_text(fingerprint(pixels))))

    def kept(self) -> Kept:
        """The slice as one that need not be computed; masks that are not wanted are forgotten."""
        row = self.row if self.output.masks else replace(self.row, mask_hash="")
        return row, None if self.in_place else (self.output, self.position)


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
        if reason := _other_work(ledger.work, identity, in_place=in_place):
            lost[reason] = len(ledger.slices)
            continue
        output = Output(job.writer(), masks=job.masks()) if in_place else _published(job, ledger)
        if output is None or (in_place and not output.stack.opens()):
            lost["the stack in the making cannot be opened"] = len(ledger.slices)
            continue
        if output.masks and not _have_masks(ledger, output.masks, in_place=in_place):
            lost["there are no masks of them"] = len(ledger.slices)
            continue
        for each in _of(job, places, ledger, output, in_place):
            found[each.place] = replace(each, otherwise=found.get(each.place))
    lost = {} if found else lost
    if published.doubted and len(found) < len(places):
        what = "the journal there is damaged, edited, or of an earlier version"
        lost[what] = len(places) - len(found)
    return list(found.values()), lost


def _other_work(work: Mapping[str, Any], identity: Identity, *, in_place: bool) -> str:
    """What tells the work of a journal from that of this run, as far as it matters there."""
    for part in ("pixels", "layout") if in_place else ("pixels",):
        if work[part] != identity[part]:
            return "; ".join(differences(work[part], identity[part]))
    return ""


def _published(job: Job, ledger: Ledger) -> Output | None:
    """The stacks of a result that are wanted; ``None`` where it is none that is written."""
    assert ledger.work is not None
    facts, dtype = ledger.work["layout"], ledger.work["pixels"]["output"]["dtype"]
    if facts["format"] not in FORMATS or dtype not in DTYPES:
        return None
    layout = Layout(
        shape=tuple(facts["shape"]),
        dtype=np.dtype(dtype),
        names=tuple(facts["names"]),
        channels=len(job.channels),
        compression=facts["compression"],
        pyramid=facts["pyramid"],
    )
    where = facts["format"], job.workspace.folder, layout
    return Output(new_stack(*where), masks=Masks.of(*where) if job.protocol.output.masks else None)


def _have_masks(ledger: Ledger, masks: Masks, *, in_place: bool) -> bool:
    """Whether slices may have masks that are there."""
    entered = any(row.mask_hash for row in ledger.slices.values())
    return entered and (not in_place or masks.writer.opens())


def _of(
    job: Job, places: Sequence[SliceOfChannel], ledger: Ledger, output: Output, in_place: bool
) -> Iterator[Candidate]:
    assert ledger.work is not None
    facts = ledger.work["layout"]
    unusable = UNUSABLE[job.protocol.input.on_bad_slice]
    depth = min(facts["shape"][0], len(facts["names"]))
    position = {number: index for index, number in enumerate(facts["slices"][:depth])}
    for place in places:
        row = ledger.slices.get((place.number, job.channels[place.channel]))
        if row is None or place.number not in position:
            continue
        if output.masks and row.output_hash and not row.mask_hash:
            continue
        if row.input_hash or row.status in unusable:
            yield Candidate(place, row, output, position[place.number], in_place)


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
    done = Done(lost)
    reach = max(chain.reach for chain in chains)
    shares = batches(found, workers.count, reach=reach)
    tasks = [delayed(_holding)(batch, chains) for batch in shares]
    megapixels = len(found) * prod(job.reader.shape[1:]) / 1e6
    looked = 0
    with closing(workers.run(tasks, ordered=False, megapixels=megapixels)) as results:
        for batch in results:
            done.kept |= {each.place: each.kept() for each in batch if each}
            looked += len(batch)
            log.progress("check", looked, len(found))
    changed = len(found) - len(done.kept)
    if changed:
        done.lost["the input or the result has changed"] = changed
    return done


def _holding(batch: Sequence[Candidate], chains: Sequence[ChannelChain]) -> list[Candidate | None]:
    """Those of some candidates, or of what else there is of these slices, that hold."""
    hashes: dict[tuple[int, int], str] = {}
    held: list[Candidate | None] = []
    for candidate in batch:
        channel = candidate.place.channel

        def hash_of(number: int, channel: int = channel) -> str:
            if (channel, number) not in hashes:
                hashes[channel, number] = _hash_of(chains[channel], number)
            return hashes[channel, number]

        holding = candidate.that_holds(chains[channel], hash_of)
        held.append(holding.fingerprinted() if holding else None)
    return held


def _hash_of(chain: ChannelChain, number: int) -> str:
    """Empty for a slice that cannot be used; what becomes of it is seen when it is restored."""
    try:
        return chain.hash_of(number)
    except BadSlice:
        return ""
