"""Negative control: what each combination of a search changes of slices known to be clean."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import Bound
from stackmend.job import Job
from stackmend.kernels.rounding import to_dtype
from stackmend.protocol.model import CleanPart
from stackmend.registry import IMAGE, Stage, Step, Undefined
from stackmend.result.hashes import digest
from stackmend.result.journal import Journal, JournaledLosses, Loss
from stackmend.sweep import Choice, Combination, Measured, NoChoice, distinct_work_for, walk
from stackmend.tuning.plausible import MASKED_SHARE, measuring, overmasked
from stackmend.tuning.trial import Trial


def changed_share(
    image: NDArray[np.float32],
    *,
    before: NDArray[Any],
    dtype: np.dtype[Any],
    part: tuple[slice, ...],
) -> float:
    """The share of the pixels of a part that are written otherwise than without tuned steps."""
    written, _ = to_dtype(image, dtype)
    return float(np.mean((written != before)[part]))


CHANGES = "changes clean slices"
"""What a combination does that is out for what it changes."""

_CHANGED = Step(name="control", version=2, stages=(Stage(changed_share),))


class Control:
    """The clean slices of a search, and what is known of each combination there.

    A slice passes the whole chain, as it is applied: with the scale of the whole slice, and with
    the steps behind the tuned ones, but for those about which is decided later. It is compared with
    what the same chain makes of it without the tuned steps, so that no step counts for another.
    ``shares`` has what a combination changes of each part, ``masked`` what it masks of the slice,
    ``failed`` why one cannot be computed there, which is out as well.
    """

    def __init__(
        self, job: Job, trial: Trial, journal: Journal, known: Mapping[tuple[str, str], Loss]
    ) -> None:
        chain = trial.chain.without(trial.undecided) if trial.undecided else trial.chain
        self._trial = trial.like(chain, replace(trial.entry, region={}))
        # What is refused of the other steps, is refused with the tuned steps and without.
        self._without = replace(chain.without(trial.entry.steps), refusable=chain.refusable)
        self._dtype = job.dtype
        self.parts: tuple[CleanPart, ...] = trial.entry.clean
        self.limit = trial.entry.max_changed
        self.identities = {place: self._identity(part) for place, part in enumerate(self.parts)}
        self._store = JournaledLosses(journal, known, self.identities)
        self.shares: dict[int, dict[Combination, float]] = {place: {} for place in self.identities}
        self.masked: dict[int, dict[Combination, float]] = {place: {} for place in self.identities}
        self.failed: dict[Combination, str] = {}

    def refused(
        self,
        combinations: Sequence[Combination],
        measured: Measured,
        workers: int,
        done: Callable[[int, int], None],
    ) -> dict[Combination, str]:
        """Those that change more of any part than is allowed, or mask too much of any slice.

        What is not known of the clean slices is computed; ``measured`` has the shares that are
        masked of others.
        """
        for place in self.shares:
            missing = self._recall(place, combinations)
            if missing:
                self._compute(place, missing, workers)
            done((place + 1) * len(combinations), len(self.parts) * len(combinations))
        return self._out(combinations, measured)

    def recalled(
        self, combinations: Sequence[Combination], measured: Measured
    ) -> dict[Combination, str] | None:
        """The same from journals alone; ``None`` if they do not know it."""
        if any(self._recall(place, combinations) for place in self.shares):
            return None
        return self._out(combinations, measured)

    @property
    def computed(self) -> int:
        """How many shares were not known before."""
        return self._store.noted

    def knew(self, combination: Combination) -> bool:
        """Whether journals know what a combination changes of any part."""
        return any(self._store.recall(place, combination) is not None for place in self.shares)

    @property
    def worst(self) -> dict[Combination, float]:
        """The largest share of any part that each combination changes."""
        every = next(iter(self.shares.values()), {})
        return {each: self._worst(each) for each in every if each not in self.failed}

    def of(self, choice: Choice | NoChoice) -> dict[str, float]:
        """What is changed of each part: by the choice, else by the mildest combination."""
        worst = self.worst
        if not worst:
            return {}
        mildest = min(worst, key=worst.__getitem__)
        combination = choice.combination if isinstance(choice, Choice) else mildest
        return {part.text: self.shares[place][combination] for place, part in enumerate(self.parts)}

    def _out(
        self, combinations: Collection[Combination], measured: Measured
    ) -> dict[Combination, str]:
        out = {**overmasked(measured.get(MASKED_SHARE, {})), **overmasked(self.masked)}
        if self.parts:
            out |= {each: CHANGES for each in combinations if self._worst(each) > self.limit}
        return out | self.failed

    def _worst(self, combination: Combination) -> float:
        return max(shares[combination] for shares in self.shares.values())

    def _recall(self, place: int, combinations: Sequence[Combination]) -> list[Combination]:
        """Take over what is known of a part; the combinations of which nothing is."""
        for each in combinations:
            share = self._store.recall(place, each)
            masked = self._store.recall(place, (MASKED_SHARE, *each))
            if share is not None and isinstance(masked, float):
                self._enter(place, each, share)
                self.masked[place][each] = masked
        return [each for each in combinations if each not in self.shares[place]]

    def _enter(self, place: int, combination: Combination, share: Loss) -> None:
        """Take note of what a combination changes; of one that fails, that nothing is known."""
        if isinstance(share, Undefined):
            self.failed.setdefault(combination, share.reason)
        self.shares[place][combination] = 0.0 if isinstance(share, Undefined) else share

    def _compute(self, place: int, combinations: Sequence[Combination], workers: int) -> None:
        trial, part = self._trial, self.parts[place]
        raw = trial.chain.reader.read(part.number)

        def note(target: str, combination: Combination, value: Loss) -> None:
            if target != MASKED_SHARE:
                self._enter(place, combination, value)
                self._store.note(place, combination, value)
                return
            masked = 0.0 if isinstance(value, Undefined) else value
            self.masked[place][combination] = masked
            self._store.note(place, (MASKED_SHARE, *combination), masked)

        if raw.min() == raw.max():  # such a slice is never touched
            for each in combinations:
                note(MASKED_SHARE, each, 0.0)
                note(_CHANGED.name, each, 0.0)
            return
        image = self._without.consecutive().evaluate(part.number, (IMAGE,))[IMAGE]
        before, _ = to_dtype(image, self._dtype)
        values: Mapping[str, Any] = {
            "before": before,
            "dtype": self._dtype,
            "part": part.window(before.shape),
        }
        then = (*trial.rest, Bound(_CHANGED, _CHANGED.name, values))
        graph, masked = measuring(trial, trial.graph(then))
        wanted = {name: combinations for name in (changed_share.__name__, masked) if name}
        given = trial.start(part.number, graph.reach, masked=False)
        walk(distinct_work_for(graph, wanted), given, workers=workers, done=note)
        if not masked:
            for each in combinations:
                note(MASKED_SHARE, each, 0.0)

    def _identity(self, part: CleanPart) -> str:
        """What decides about the shares of a part, but the combination."""
        trial = self._trial
        chain = trial.chain
        reach = trial.graph(trial.rest).reach + chain.upto(trial.first).reach
        facts = {
            **chain.identity(),
            "control": [_CHANGED.version, str(self._dtype)],
            "region": dict(part.region),
            "slice": chain.hash_around(part.number, reach),
        }
        return digest(facts)
