"""How much of a known fault the chains take away: it is added to slices, which are restored again.

What is added, a step says (``Step(recovery=...)``). The faulty slice stands in for the raw one;
its neighbours, what surveys settled and all values are those of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from stackmend.chain import Bound, Consecutive
from stackmend.errors import StepError
from stackmend.job import Job
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import IMAGE, Recovery, Step
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.rows import SliceRow, Status
from stackmend.tuning.chains import ChannelChain, Tuning, as_image
from stackmend.tuning.session import Session
from stackmend.tuning.tune import optimization_slices

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

FIELDS = 3
"""How many known faults are added to a slice, one after the other."""

SLICES = 3
"""To how many slices at the most."""

FEWEST = 500
"""Pixels on which a fault must count, in all fields of a slice, or it says nothing."""

SEED = 20287
"""Last word of the seeds of this test; no others have as many words."""


class _Field(NamedTuple):
    """Sums over one field: squares of the fault and of what is left, pixels; the same elsewhere."""

    fault: float
    left: float
    pixels: int
    clean: float
    clean_pixels: int
    changed: int


class _Outcome(NamedTuple):
    """A slice that was tried: what its faults are like, and its fields or why there are none."""

    likeness: Any
    fields: tuple[_Field, ...] = ()
    reason: str = ""


@dataclass(frozen=True)
class _Test:
    """A chain of a channel that is tried on the faults of one of its steps."""

    chain: ChannelChain
    recovery: Recovery
    step: Bound
    window: tuple[slice, slice]
    seed: tuple[int, ...]

    def tried(self, number: int, likeness: Any = None) -> _Outcome:
        """Restore a slice as it is, then with known faults like its own, or like those given."""
        raw = self.chain.reader.read(number)
        image = as_image(raw[self.window])
        try:
            plain, mask = self._restored(number, as_image(raw))
            if likeness is None:
                given = image, plain, mask
                likeness = self.recovery.likeness_of(*given, parameters=self.step.parameters)
            if likeness is None:
                return _Outcome(None, reason=f"no {self.recovery.of} was found")
            fields = [self._field(number, each, likeness, plain, mask) for each in range(FIELDS)]
        except StepError as error:  # the result is complete without this slice of the test
            return _Outcome(likeness, reason=str(error))
        pixels = sum(field.pixels for field in fields)
        if pixels < FEWEST:
            room = f"room for {pixels} px of known {self.recovery.of}"
            return _Outcome(likeness, reason=f"{room} beside the mask, {FEWEST} are needed")
        return _Outcome(likeness, tuple(fields))

    def _field(self, number: int, place: int, likeness: Any, plain: Image, mask: Mask) -> _Field:
        raw = self.chain.reader.read(number)
        image = as_image(raw[self.window])
        seed = (*self.seed, number, place, SEED)
        given = image, likeness, mask, seed
        fault, counts = self.recovery.made_like(*given, parameters=self.step.parameters)
        with_fault = raw.copy()
        with_fault[self.window] = to_dtype(image + fault, raw.dtype)[0]
        restored, _ = self._restored(number, as_image(with_fault))

        # what the type of the pixels has cut off was never added
        added = np.abs(as_image(with_fault[self.window]) - image)
        left = np.abs(restored.astype(np.float64) - plain)
        faulty, clean = added > counts, (added == 0) & ~mask
        return _Field(
            fault=float(np.square(added[faulty], dtype=np.float64).sum()),
            left=float(np.square(left[faulty]).sum()),
            pixels=int(np.count_nonzero(faulty)),
            clean=float(np.square(left[clean]).sum()),
            clean_pixels=int(np.count_nonzero(clean)),
            changed=int(np.count_nonzero(left[clean] > counts / 16)),
        )

    @cached_property
    def _masks(self) -> tuple[str, ...]:
        return tuple(self.chain.graph().masks())

    def _restored(self, number: int, image: Image) -> tuple[Image, Mask]:
        """A slice as the chain leaves it, were it ``image``, and what any of the steps marks."""
        graph = self.chain.graph()
        graph = replace(graph, products={**graph.products, **graph.masks()})

        def load(each: int) -> dict[str, Any]:
            if each != number:
                return self.chain.products_of(each)
            return self.chain.products_with(image, each)

        products = Consecutive(graph, load).evaluate(number, (IMAGE, *self._masks))
        restored = products[IMAGE]
        mask = np.zeros(restored.shape, np.bool_)
        for name in self._masks:
            found = products[name]
            mask |= found if found.shape == mask.shape else found[self.window]
        return restored, mask


def recovery(
    session: Session, tuning: Tuning, rows: Sequence[SliceRow]
) -> tuple[RecoveryRecord, ...]:
    """What becomes of known faults, for each step of each channel that says what these are.

    They are added to optimization slices (without any, to those with the largest masks) and to a
    slice that comes out without a mask, at the most three in all.
    """
    job = session.job
    found = []
    for channel, test in _tests(job, tuning):
        start = perf_counter()
        own = {row.slice: row for row in rows if row.channel == job.channels[channel]}
        looked_at = _looked_at(optimization_slices(job), own)
        outcomes = _tried(session, test, looked_at)
        likeness = next((each.likeness for each in outcomes.values() if each.likeness), None)
        if likeness is not None:
            outcomes |= _tried(session, test, _without_mask(own, looked_at), likeness)
        record = _record(job.channels[channel], test, outcomes)
        found.append(replace(record, seconds=perf_counter() - start))
    return tuple(found)


def _tests(job: Job, tuning: Tuning) -> Iterator[tuple[int, _Test]]:
    for channel, chain in enumerate(tuning.chains):
        for bound in chain.steps:
            component = bound.component
            if isinstance(component, Step) and component.recovery:
                yield channel, _Test(chain, component.recovery, bound, job.window, (channel,))


def _looked_at(optimized: Sequence[int], rows: Mapping[int, SliceRow]) -> list[int]:
    """The slices in which faults are looked at, to add others like these."""
    usable = (Status.RESTORED, Status.NOTHING_FOUND)
    wanted = [number for number in optimized if number in rows and rows[number].status in usable]
    with_mask = [row for row in rows.values() if row.mask_area]
    largest = sorted(with_mask, key=lambda row: (-(row.mask_area or 0), row.slice))
    return (wanted or [row.slice for row in largest])[: SLICES - 1]


def _without_mask(rows: Mapping[int, SliceRow], others: Sequence[int]) -> list[int]:
    """The slice nearest to others in which nothing was found, if there is one."""
    empty = [number for number, row in rows.items() if row.status is Status.NOTHING_FOUND]
    left = [number for number in empty if number not in others]
    return sorted(left, key=lambda n: (min(abs(n - each) for each in others), n))[:1]


def _tried(
    session: Session, test: _Test, numbers: Sequence[int], likeness: Any = None
) -> dict[int, _Outcome]:
    tasks = [delayed(test.tried)(number, likeness) for number in numbers]
    height, width = test.chain.reader.shape[1:]
    megapixels = len(numbers) * (FIELDS + 1) * height * width / 1e6
    with closing(session.workers.run(tasks, ordered=True, megapixels=megapixels)) as outcomes:
        return dict(zip(numbers, outcomes, strict=True))


def _record(channel: int, test: _Test, outcomes: Mapping[int, _Outcome]) -> RecoveryRecord:
    """The sums of all fields, as shares and as root mean squares."""
    tested = {number: outcomes[number].fields for number in sorted(outcomes)}
    tested = {number: fields for number, fields in tested.items() if fields}
    record = RecoveryRecord(
        of=test.recovery.of,
        step=test.step.id,
        channel=channel,
        slices=tuple(tested),
        skipped={number: each.reason for number, each in outcomes.items() if each.reason},
    )
    if not tested:
        return record
    fields = [field for each in tested.values() for field in each]
    taken = [1 - (field.left / field.fault) ** 0.5 for field in fields if field.pixels]
    left, fault = sum(each.left for each in fields), sum(each.fault for each in fields)
    clean = max(sum(field.clean_pixels for field in fields), 1)
    return replace(
        record,
        fields=len(taken),
        taken=1 - (left / fault) ** 0.5,
        taken_least=min(taken),
        taken_most=max(taken),
        clean_change=(sum(field.clean for field in fields) / clean) ** 0.5,
        clean_changed=sum(field.changed for field in fields) / clean,
    )
