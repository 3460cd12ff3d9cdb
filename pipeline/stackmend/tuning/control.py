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
from stackmend.registry import Stage, Step
from stackmend.result.hashes import digest
from stackmend.result.journal import Journal, JournaledLosses, Loss
from stackmend.search import Choice, Combination, NoChoice, distinct_work, walk
from stackmend.tuning.trial import Trial


def changed_share(
    image: NDArray[np.float32],
    *,
    before: NDArray[Any],
    dtype: np.dtype[Any],
    part: tuple[slice, ...],
) -> float:
    """The share of the pixels of a part that are written otherwise than they were read."""
    written, _ = to_dtype(image, dtype)
    return float(np.mean((written != before)[part]))


_CHANGED = Step(name="control", version=1, stages=(Stage(changed_share),))


class Control:
    """The clean slices of a search, and what is known of each combination there.

    A slice passes the whole chain, as it is applied: with the scale of the whole slice, and with
    the steps behind the tuned ones, but for those whose values a later search has yet to choose.
    ``shares`` has what a combination changes of each part.
    """

    def __init__(
        self, job: Job, trial: Trial, journal: Journal, known: Mapping[tuple[str, str], Loss]
    ) -> None:
        undecided = [each.id for each in trial.rest if not each.is_known]
        chain = trial.chain.without(undecided) if undecided else trial.chain
        self._trial = Trial(chain, replace(trial.entry, region={}), trial.space)
        self._dtype, self._window = job.dtype, job.window
        self.parts: tuple[CleanPart, ...] = trial.entry.clean
        self.limit = trial.entry.max_changed
        self.identities = {place: self._identity(part) for place, part in enumerate(self.parts)}
        self._store = JournaledLosses(journal, known, self.identities)
        self.shares: dict[int, dict[Combination, float]] = {place: {} for place in self.identities}

    def refused(
        self, combinations: Sequence[Combination], workers: int, done: Callable[[int, int], None]
    ) -> set[Combination]:
        """Those that change more of any part than is allowed; what is not known is computed."""
        for place in self.shares:
            missing = self._recall(place, combinations)
            if missing:
                self._compute(place, missing, workers)
            done((place + 1) * len(combinations), len(self.parts) * len(combinations))
        return self._out(combinations)

    def recalled(self, combinations: Sequence[Combination]) -> set[Combination] | None:
        """The same from journals alone; ``None`` if they do not know it."""
        if any(self._recall(place, combinations) for place in self.shares):
            return None
        return self._out(combinations)

    def knew(self, combination: Combination) -> bool:
        """Whether journals know what a combination changes of any part."""
        return any(self._store.recall(place, combination) is not None for place in self.shares)

    @property
    def worst(self) -> dict[Combination, float]:
        """The largest share of any part that each combination changes."""
        return {each: self._worst(each) for each in next(iter(self.shares.values()), ())}

    def of(self, choice: Choice | NoChoice) -> dict[str, float]:
        """What is changed of each part: by the choice, else by the mildest combination."""
        if not self.parts:
            return {}
        worst = self.worst
        mildest = min(worst, key=worst.__getitem__)
        combination = choice.combination if isinstance(choice, Choice) else mildest
        return {part.text: self.shares[place][combination] for place, part in enumerate(self.parts)}

    def _out(self, combinations: Collection[Combination]) -> set[Combination]:
        return {each for each in combinations if self.parts and self._worst(each) > self.limit}

    def _worst(self, combination: Combination) -> float:
        return max(shares[combination] for shares in self.shares.values())

    def _recall(self, place: int, combinations: Sequence[Combination]) -> list[Combination]:
        """Take over what is known of a part; the combinations of which nothing is."""
        for each in combinations:
            share = self._store.recall(place, each)
            if isinstance(share, float):
                self.shares[place][each] = share
        return [each for each in combinations if each not in self.shares[place]]

    def _compute(self, place: int, combinations: Sequence[Combination], workers: int) -> None:
        trial, part = self._trial, self.parts[place]
        raw = trial.chain.reader.read(part.number)

        def note(_: str, combination: Combination, share: float) -> None:
            self.shares[place][combination] = share
            self._store.note(place, combination, share)

        if raw.min() == raw.max():  # such a slice is never touched
            for each in combinations:
                note("", each, 0.0)
            return
        before = raw[self._window]
        values: Mapping[str, Any] = {
            "before": before,
            "dtype": self._dtype,
            "part": part.window(before.shape),
        }
        graph = trial.graph((*trial.rest, Bound(_CHANGED, _CHANGED.name, values)))
        given = trial.start(part.number, graph.reach)
        work = distinct_work(graph, combinations, changed_share.__name__)
        walk(work, given, workers=workers, done=note)

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
