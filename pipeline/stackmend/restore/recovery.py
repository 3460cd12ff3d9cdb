"""How much of a known fault is taken away: it is added to slices, which are restored again.

What is added, a step says (``Step(recovery=...)``). The faulty slice stands in for the raw one;
its neighbours, what surveys settled and all values are those of the run. What is taken away is
judged where the steps against such faults stand: by what reaches them, and what they leave. No
pixels are moved, so that what is left is compared with what was added where that was added.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from stackmend.errors import StepError
from stackmend.job import Job
from stackmend.kernels.fault_places import Place, pieces_of, places_of, tissue_spread
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import Recovery, Step
from stackmend.restore.recovery_outcome import Elsewhere, Outcome, with_figures
from stackmend.restore.recovery_steps import StepsUnderTest
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.rows import SliceRow, Status
from stackmend.tuning.chains import ChannelChain, Tuning
from stackmend.tuning.raw import as_image
from stackmend.tuning.searching import optimization_slices
from stackmend.tuning.session import Session

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]

FIELDS_OF_ONE, FIELDS = 3, 3
"""How many fields of faults are added to a single faulty slice, and to each of several."""

SLICES = 2
"""To how many faulty slices at the most."""

UNMARKED = 0.25
"""Share of slices without a mask that tells that tissue is not taken for a fault."""

SEED = 20287
"""Last word of the seeds of this test; no others have as many words."""


@dataclass(frozen=True)
class _Test:
    """Steps of the chain of a channel that are tried on the faults of one of them."""

    steps: StepsUnderTest
    recovery: Recovery
    seed: tuple[int, ...]

    def tried(self, number: int, fields: int, likeness: Any = None) -> Outcome:
        """Restore a slice as it is, then with known faults like its own, or like those given."""
        raw = self.steps.chain.reader.read(number)
        parameters = self.steps.step.parameters
        try:
            plain = self.steps.treated(number, as_image(raw))
            image, restored = plain.before, plain.after
            if likeness is None:
                found = image, restored, plain.own
                likeness = self.recovery.likeness_of(*found, parameters=parameters)
            if likeness is None:
                return Outcome(None)
            places, elsewhere, counts = list[Place](), Elsewhere(), 1.0
            for field in range(fields):
                given = image, likeness, plain.marked, (*self.seed, number, field, SEED)
                fault, counts = self.recovery.made_like(*given, parameters=parameters)
                faulty, added = self._with_fault(raw, fault)
                after = self.steps.treated(number, faulty)
                reached, left = after.before - image, after.after - restored
                places += places_of(added, reached, left, after.own, counts)
                elsewhere = elsewhere.plus(_elsewhere(added, reached, left, plain.marked, counts))
        except StepError as error:  # the result is complete without this slice of the test
            return Outcome(likeness, reason=str(error))
        pieces = pieces_of(image, restored, plain.own, counts)
        spread = tissue_spread(restored, plain.marked, counts)
        return Outcome(likeness, tuple(pieces), tuple(places), spread, elsewhere)

    def _with_fault(self, raw: NDArray[Any], fault: Image) -> tuple[Image, Image]:
        """The slice with a fault as its type of pixels holds it, and what was really added."""
        faulty, window = raw.copy(), self.steps.window
        image = as_image(raw[window])
        faulty[window] = to_dtype(image + fault, raw.dtype)[0]
        return as_image(faulty), faulty[window].astype(np.float32) - image


def _elsewhere(added: Image, reached: Image, left: Image, mask: Mask, counts: float) -> Elsewhere:
    """What the tested steps do where nothing was added, beside what reached them there."""
    clean = (left - reached)[(added == 0) & ~mask]
    return Elsewhere(
        squares=float(np.square(clean, dtype=np.float64).sum()),
        pixels=clean.size,
        changed=int(np.count_nonzero(np.abs(clean) > counts / 16)),
        added=float(np.square(reached[added != 0], dtype=np.float64).sum()),
    )


def recovery(
    session: Session, tuning: Tuning, rows: Sequence[SliceRow]
) -> tuple[RecoveryRecord, ...]:
    """What becomes of known faults, for each step of each channel that says what these are.

    They are added to optimization slices (without any, to those with the largest masks) and to one
    that is clean: named so, or without a mask.
    """
    job = session.job
    found = []
    for channel, test in _tests(job, tuning):
        start = perf_counter()
        own = {row.slice: row for row in rows if row.channel == job.channels[channel]}
        faulty = _looked_at(optimization_slices(job), own)
        fields = FIELDS_OF_ONE if len(faulty) == 1 else FIELDS
        outcomes = _tried(session, test, faulty, fields)
        likeness = next((each.likeness for each in outcomes.values() if each.likeness), None)
        if likeness is not None:
            outcomes |= _tried(session, test, _clean(job, own, faulty), 1, likeness)
        number = job.channels[channel]
        steps = test.steps.ids if test.steps.others else ()
        record = RecoveryRecord(test.recovery.of, test.steps.step.id, number, steps)
        record = with_figures(record, outcomes, is_sure=_is_sure(tuning, own, number))
        found.append(replace(record, seconds=perf_counter() - start))
    return tuple(found)


def restorations(job: Job, chains: Sequence[ChannelChain]) -> int:
    """How many slices are restored for that, at the most."""
    faulty = min(len(optimization_slices(job)) or len(job.slices), SLICES)
    each = 1 + (FIELDS_OF_ONE if faulty == 1 else FIELDS)
    clean = 2 if len(job.slices) > faulty else 0
    return sum(faulty * each + clean for _ in _tests(job, Tuning(tuple(chains))))


def _tests(job: Job, tuning: Tuning) -> Iterator[tuple[int, _Test]]:
    for channel, each in enumerate(tuning.chains):
        chain = each.in_place()
        for bound in chain.steps:
            component = bound.component
            if isinstance(component, Step) and component.recovery:
                steps = StepsUnderTest.around(chain, bound, job.window)
                yield channel, _Test(steps, component.recovery, (channel,))


def _looked_at(optimized: Sequence[int], rows: Mapping[int, SliceRow]) -> list[int]:
    """The slices in which faults are looked at, to add others like these.

    If nothing is marked in any that were optimized, for instance against other faults, those with
    the largest masks.
    """
    usable = (Status.RESTORED, Status.NOTHING_FOUND)
    wanted = [number for number in optimized if number in rows and rows[number].status in usable]
    with_mask = [row for row in rows.values() if row.mask_area and row.status in usable]
    largest = sorted(with_mask, key=lambda row: (-(row.mask_area or 0), row.slice))
    chosen = wanted if any(rows[number].mask_area for number in wanted) else []
    chosen = sorted(chosen, key=lambda number: not rows[number].mask_area)
    return (chosen or [row.slice for row in largest])[:SLICES]


def _clean(job: Job, rows: Mapping[int, SliceRow], others: Sequence[int]) -> list[int]:
    """A slice that is named clean, else the nearest in which nothing was found, if any."""
    usable = (Status.RESTORED, Status.NOTHING_FOUND)
    named = [part.number for entry in job.protocol.optimize for part in entry.clean]
    named = [number for number in named if number in rows and rows[number].status in usable]
    empty = [number for number, row in rows.items() if row.status is Status.NOTHING_FOUND]
    left = [number for number in named or empty if number not in others]
    return sorted(left, key=lambda n: (min(abs(n - each) for each in others), n))[:1]


def _is_sure(tuning: Tuning, rows: Mapping[int, SliceRow], channel: int) -> bool:
    """Whether slices tell that tissue is not taken for a fault: clean ones, or many unmarked."""
    tried = [search.clean for search in tuning.searches if search.channel == channel]
    empty = sum(row.status is Status.NOTHING_FOUND for row in rows.values())
    return any(tried) or empty >= UNMARKED * len(rows)


def _tried(
    session: Session, test: _Test, numbers: Sequence[int], fields: int, likeness: Any = None
) -> dict[int, Outcome]:
    tasks = [delayed(test.tried)(number, fields, likeness) for number in numbers]
    height, width = test.steps.chain.reader.shape[1:]
    megapixels = len(numbers) * (fields + 1) * height * width / 1e6
    with closing(session.workers.run(tasks, ordered=True, megapixels=megapixels)) as outcomes:
        return dict(zip(numbers, outcomes, strict=True))
