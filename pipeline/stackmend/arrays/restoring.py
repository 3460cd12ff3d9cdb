"""The slices of an array, each restored as a run would write it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from stackmend.arrays.given import facts_of
from stackmend.arrays.stack import ArrayStack
from stackmend.errors import StepError
from stackmend.job import Job, SliceOfChannel
from stackmend.restore.apply import batches
from stackmend.restore.channel import Channel
from stackmend.restore.written import Form
from stackmend.stacks import Facts, Pixels
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices
from stackmend.tuning.session import Session


@dataclass(frozen=True)
class Restoring:
    """All that is needed to restore any slices of an array, which may come in parts.

    Without pixels it is a plain value that can be sent to another process.
    """

    stack: ArrayStack
    chains: tuple[ChannelChain, ...]
    form: Form
    facts: Facts

    @classmethod
    def of(cls, stack: ArrayStack, job: Job, chains: Sequence[ChannelChain]) -> Restoring:
        """The chains of a job on an array."""
        return cls(stack, tuple(chains), Form.of(job), facts_of(job.protocol.input))

    @property
    def reach(self) -> int:
        """How many slices to either side a restored slice depends on."""
        return max(chain.reach for chain in self.chains)

    def without_pixels(self) -> Restoring:
        """The same, to be sent to where parts of the array are."""
        stack = self.stack.described()
        readers = stack.readers(self.facts)
        chains = (replace(chain, reader=readers[0]) for chain in self.chains)
        return replace(self, stack=stack, chains=tuple(chains))

    def of_part(self, part: Any, first: int, channel: int, numbers: Sequence[int]) -> NDArray[Any]:
        """Some slices in ascending order, restored from a part of a channel that has what they see.

        ``first`` is the number of the first slice of the part.
        """
        reader = self.stack.part(part, first, self.facts)
        chain = replace(self.chains[channel], reader=reader)
        return np.stack(list(self.pages(chain, numbers)))

    def pages(self, chain: ChannelChain, numbers: Sequence[int]) -> Iterator[Pixels]:
        """Some slices of a channel in ascending order, restored; never more is read than is seen.

        Raises
        ------
        InputError, StepError
            Naming the slice.
        """
        tolerant = self.form.on_bad_slice != "stop"
        with RawSlices(chain.reader, numbers, chain.reach, tolerant=tolerant) as raw:
            channel = Channel(chain, raw)
            for number in numbers:
                yield self._page(channel, number)
                raw.forget(number)

    def _page(self, channel: Channel, number: int) -> Pixels:
        raw, form = channel.raw.get(number), self.form
        if raw.pixels is None:
            assert raw.bad is not None
            kept = form.without(raw.bad).pixels
            return np.zeros(form.size, form.dtype) if kept is None else kept  # keeps its place
        try:
            new = form.written(raw.pixels, lambda: channel.evaluate(number), channel.masks)
        except StepError as error:
            raise StepError(f"{channel.chain.reader.names[number]}: {error}") from error
        assert new.pixels is not None
        return form.page(new.pixels, raw.below)


def restored(restoring: Restoring, session: Session, target: NDArray[Any]) -> None:
    """Restore all slices of an array into a ``(C, Z, Y, X)`` one, on several threads."""
    places = sorted(session.job.places, key=lambda place: (place.channel, place.number))

    def fill(batch: Sequence[SliceOfChannel]) -> int:
        for channel in dict.fromkeys(place.channel for place in batch):
            own = [place for place in batch if place.channel == channel]
            numbers = [place.number for place in own]
            pages = restoring.pages(restoring.chains[channel], numbers)
            for place, page in zip(own, pages, strict=True):
                target[channel, place.position] = page
        return len(batch)

    shares = batches(places, session.workers.count, reach=restoring.reach)
    tasks = [delayed(fill)(batch) for batch in shares]
    done = 0
    with closing(session.workers.run(tasks, ordered=False)) as finished:
        for count in finished:
            done += count
            session.log.progress("apply", done, len(places))
