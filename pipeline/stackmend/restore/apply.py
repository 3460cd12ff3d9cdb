"""Applying the chains to every slice, in parallel; any workers and any batches give the same."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from joblib import delayed

from stackmend.disk import remedy
from stackmend.errors import BadSlice, OutputError, StepError
from stackmend.job import Job, SliceOfChannel
from stackmend.kernels.fingerprint import fingerprint
from stackmend.registry import UNRESTORED
from stackmend.restore.channel import Channel, truth_of
from stackmend.restore.measures import Mask, change_under, extent_of, levels_of, rmse
from stackmend.restore.output import Output, Restored
from stackmend.restore.written import Form
from stackmend.result.encoding import numbers_text
from stackmend.result.hashes import pixel_hash
from stackmend.result.journal import Journal
from stackmend.result.rows import SliceRow, Status
from stackmend.stacks import Pixels, Slice
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices
from stackmend.workers import memory
from stackmend.workers.processes import Workers

T = TypeVar("T")

BATCH = 8
"""Slices that a worker is given at a time, at the most: it can then read ahead and write behind."""

BATCH_OF_WINDOWS = 32
"""The same where slices share work with their neighbours, which the ends of a batch do twice."""

Copy = tuple[SliceOfChannel, Output, int, SliceRow]
"""A finished slice: its place here, the stacks that it lies in, its position there, and its row."""


@dataclass(frozen=True)
class Application:
    """All that a worker needs to restore any slice.

    ``chains`` are those of the channels, ``numbers`` the numbers of these in the input.
    """

    chains: tuple[ChannelChain, ...]
    numbers: tuple[int, ...]
    output: Output
    form: Form
    journal: Journal

    @classmethod
    def of(cls, job: Job, chains: Sequence[ChannelChain]) -> Application:
        """The chains of a job, to be applied where it works."""
        return cls(
            chains=tuple(chains),
            numbers=job.channels,
            output=Output.of(job),
            form=Form.of(job),
            journal=Journal(job.workspace.journal),
        )

    @property
    def reach(self) -> int:
        """How many slices to either side a restored slice depends on."""
        return max(chain.reach for chain in self.chains)

    def measured(self, places: Sequence[SliceOfChannel]) -> tuple[list[SliceRow], int]:
        """The same as ``run``, and the most memory that this process has ever had."""
        return self.run(places), memory.peak()

    def run(self, places: Sequence[SliceOfChannel]) -> list[SliceRow]:
        """Restore some slices: others are read ahead and one is written behind meanwhile.

        Raises
        ------
        InputError, StepError, OutputError
            Naming the slice.
        """
        rows = []
        behind: Future[None] | None = None
        with ExitStack() as open_until_done:
            writing = open_until_done.enter_context(ThreadPoolExecutor(1))
            channels: dict[int, Channel] = {}
            for channel in dict.fromkeys(place.channel for place in places):
                numbers = [place.number for place in places if place.channel == channel]
                raw = self._raw(channel, numbers)
                channels[channel] = Channel(
                    self.chains[channel], open_until_done.enter_context(raw)
                )
            for place in places:
                restored = self._restore(place, channels[place.channel])
                if behind:
                    behind.result()
                behind = writing.submit(self._write, place, restored)
                rows.append(restored.row)
                channels[place.channel].raw.forget(place.number)
            if behind:
                behind.result()
        return rows

    def _raw(self, channel: int, numbers: Sequence[int]) -> RawSlices:
        chain = self.chains[channel]
        return RawSlices(
            chain.reader, numbers, chain.reach, tolerant=self.form.on_bad_slice != "stop"
        )

    def _name(self, place: SliceOfChannel) -> str:
        return self.chains[place.channel].reader.names[place.number]

    def _row(self, place: SliceOfChannel, status: Status, **facts: Any) -> SliceRow:
        number = self.numbers[place.channel]
        return SliceRow(place.number, number, self._name(place), status, **facts)

    def _restore(self, place: SliceOfChannel, channel: Channel) -> Restored:
        raw = channel.raw.get(place.number)
        if raw.pixels is None:
            assert raw.bad is not None
            return self._without(place, raw.bad)
        start = perf_counter()
        form, masks = self.form, channel.masks
        try:
            new = form.written(raw.pixels, lambda: channel.evaluate(place.number), masks)
        except StepError as error:
            raise StepError(f"slice {place.number} ({self._name(place)}): {error}") from error
        assert new.pixels is not None
        result = new.pixels

        # What became of the slice, as people and later runs want to know it.
        before, truth = form.before(raw.pixels, new.products), self._truth(place)
        changed = int(np.count_nonzero(result != before))
        same = not changed and result.dtype == before.dtype
        known = levels_of(before)
        after = known if same else levels_of(result)
        whole = result.shape == raw.pixels.shape and UNRESTORED not in new.products
        page = form.page(result, raw.below)
        marked = self._marked(new.mask)
        row = self._row(
            place,
            new.status,
            reason=new.reason or channel.chain.doubt(raw.pixels),
            **extent_of(new.mask),
            masked_change=change_under(new.mask, before, result),
            facts=channel.facts_of(new.products),
            changed_fraction=changed / result.size,
            **{f"{name}_before": value for name, value in known.items()},
            **{f"{name}_after": value for name, value in after.items()},
            clipped=new.clipped,
            rmse_before=None if truth is None else rmse(before, truth),
            rmse_after=None if truth is None else rmse(result, truth),
            input_hash=raw.hash,
            output_hash=raw.hash if same and whole else pixel_hash(page),
            mask_hash=_hash_of(marked),
            reach_hash=channel.chain.reach_hash(place.number, lambda n: channel.raw.get(n).hash),
            fingerprint=numbers_text(fingerprint(page)),
            seconds=round(perf_counter() - start, 4),
        )
        return Restored(row, Slice(page, raw.tags), marked)

    def _marked(self, mask: Mask | None) -> Mask | None:
        """The mask as it is written, if masks are."""
        return self.output.masks.page(mask) if self.output.masks else None

    def _truth(self, place: SliceOfChannel) -> Pixels | None:
        return truth_of(self.chains[place.channel], place.number, self.form.window)

    def _without(self, place: SliceOfChannel, bad: BadSlice) -> Restored:
        """What the protocol says about a slice that cannot be used."""
        kept = self.form.without(bad)
        if kept.pixels is None:
            return Restored(self._row(place, kept.status, reason=str(bad)))
        marked = self._marked(None)
        row = self._row(
            place,
            kept.status,
            reason=str(bad),
            output_hash=pixel_hash(kept.pixels),
            mask_hash=_hash_of(marked),
            fingerprint=numbers_text(fingerprint(kept.pixels)),
        )
        return Restored(row, self._tagged(place, kept.pixels), marked)

    def _tagged(self, place: SliceOfChannel, pixels: Pixels) -> Slice:
        """Pixels that were not read from the input, with the tags of their slice there."""
        tags = self.output.stack.layout.tags_at(place.position, place.channel)
        return Slice(pixels, tags)

    def copy(self, copies: Sequence[Copy]) -> list[SliceRow]:
        """Take over finished slices from an earlier result.

        Raises
        ------
        OutputError
            If one has vanished meanwhile, or cannot be written.
        """
        for place, earlier, position, row in copies:
            restored = Restored(row)
            if row.output_hash:
                pixels, mask = earlier.read_back(position, place.channel)
                if pixels is None or (mask is None and earlier.masks):
                    what = f"slice {row.name} has vanished"
                    raise OutputError(f"{earlier.stack.path}: {what}; run again")
                restored = Restored(row, self._tagged(place, pixels), mask)
            self._write(place, restored)
        return [row for *_, row in copies]

    def _write(self, place: SliceOfChannel, restored: Restored) -> None:
        try:
            truth = self._truth(place) if self.output.truth else None
            self.output.write(place, restored, truth)
            self.journal.enter(restored.row)
        except OSError as error:
            where = f"{self.output.stack.path}: slice {self._name(place)}"
            what = f"cannot be written ({error.strerror or error})"
            raise OutputError(f"{where} {what}; {remedy(error)}") from error


def apply_chains(
    application: Application, places: Sequence[SliceOfChannel], workers: Workers
) -> Generator[tuple[list[SliceRow], int], None, None]:
    """Restore slices in parallel; rows come in batches, in any order, with the worker's peak.

    The kernels run on one thread, so as many processes as there are cores keep all of them busy.
    """
    in_a_row = sorted(places, key=lambda place: (place.number, place.channel))
    shares = batches(in_a_row, workers.count, reach=application.reach)
    tasks = [delayed(application.measured)(batch) for batch in shares]
    return workers.run(tasks, ordered=False, megapixels=_megapixels(application, len(places)))


def copy_slices(
    application: Application, copies: Sequence[Copy], workers: Workers
) -> Generator[list[SliceRow], None, None]:
    """Take over finished slices in parallel."""
    tasks = [delayed(application.copy)(batch) for batch in batches(copies, workers.count)]
    return workers.run(tasks, ordered=False, megapixels=_megapixels(application, len(copies)))


def _hash_of(mask: Mask | None) -> str:
    return "" if mask is None else pixel_hash(mask)


def _megapixels(application: Application, count: int) -> float:
    height, width = application.chains[0].reader.shape[1:]
    return count * height * width / 1e6


def batches(places: Sequence[T], workers: int, *, reach: int = 0) -> list[Sequence[T]]:
    """Places in shares, large enough to read ahead, small enough to keep all busy to the end."""
    most = BATCH_OF_WINDOWS if reach else BATCH
    size = max(1, min(most, len(places) // (4 * workers)))
    return [places[start : start + size] for start in range(0, len(places), size)]
