"""What searches would do, and what they come to as far as their losses are known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stackmend.forecast.costs import provisional
from stackmend.job import Job
from stackmend.protocol import OptimizeEntry
from stackmend.result.journal import Journal, JournaledLosses, Loss
from stackmend.result.log import Log
from stackmend.sweep import (
    ALSO,
    LOSS,
    SearchResult,
    distinct_work_for,
    recall_search,
    strategy,
)
from stackmend.tuning.alone import is_complete, judged, recalled_untouched
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.contest import contest, none_taken
from stackmend.tuning.control import Control
from stackmend.tuning.outcome import follow
from stackmend.tuning.reference import CommonMask
from stackmend.tuning.searching import identities_of, measured_beside, placed
from stackmend.tuning.second import deciding
from stackmend.tuning.spaces import space_of
from stackmend.tuning.trial import Trial
from stackmend.tuning.tune import channels_of, is_void, untuned


@dataclass(frozen=True)
class PlannedSearch:
    """One search on one channel.

    Attributes
    ----------
    combinations : int
        Of the first round, which is all of them for a grid.
    at_most : int
        Of all rounds.
    distinct_work : Mapping[str, int]
        How often each product is computed for one slice in the first round.
    counted : Mapping[str, int]
        The same in the words that people have for some of them.
    known, needed : int
        Losses that journals have, and those of the first round on all slices.
    decided : bool
        Whether the run would have nothing to search.
    one_of : str
        The name of the chain, where it is one of several.
    """

    steps: Sequence[str]
    channel: int
    strategy: str
    loss: str
    slices: Sequence[int]
    combinations: int
    at_most: int
    distinct_work: Mapping[str, int]
    counted: Mapping[str, int]
    known: int
    needed: int
    decided: bool
    one_of: str = ""


class Foreseen:
    """The chains as far as the losses that are known decide about them."""

    def __init__(self, job: Job, known: Mapping[tuple[str, str], Loss]) -> None:
        self._job, self._known = job, known
        self.chains = list(untuned(job).chains)
        self.surveys = False
        for variant in job.protocol.variants:
            for chain in provisional(job, variant):
                self.surveys |= any(survey_of(bound) for bound in chain.steps)
        # What surveys settle decides about losses, and is not looked up here: it takes a look at
        # every slice.
        self.decided = not self.surveys

    def searches(self) -> Iterator[PlannedSearch]:
        """What is to be said of each search; the chains follow those that are decided."""
        for entry in self._job.protocol.searches:
            for channel, followers in channels_of(self._job, entry):
                yield from self._searches(entry, channel, followers)

    def _searches(
        self, entry: OptimizeEntry, channel: int, followers: Sequence[int]
    ) -> Iterator[PlannedSearch]:
        """The searches of an entry on a channel: one, or one for each of several chains."""
        job = self._job
        entries = job.protocol.alternatives(entry)
        if not self.decided or is_void(self.chains[channel], entry):
            for each in entries:
                guess = provisional(job, each.alternative)[channel]
                trial = Trial(guess, each, space_of(job.protocol, each))
                planned = self._planned(trial, channel)
                yield planned if self.decided else replace(planned, known=0)
            return
        common, trials = CommonMask([]), []
        for each in entries:
            chain = placed(job, self.chains[channel], each)
            trials.append(Trial(chain, each, space_of(job.protocol, each), common))
        common.searches += trials
        stores = [self._store(trial) for trial in trials]
        results: list[SearchResult] = []
        for trial, store in zip(trials, stores, strict=True):
            result = self._recalled(trial, store)
            results += [result] if result else []
        if len(results) == len(trials):
            self._follow(entry, followers, entries, results)
        else:
            self.decided = False
        for trial, store in zip(trials, stores, strict=True):
            yield self._planned(trial, channel, store)

    def _planned(
        self, trial: Trial, channel: int, store: JournaledLosses | None = None
    ) -> PlannedSearch:
        """What is to be said of one search; without a store all its losses count as known."""
        entry = trial.entry
        by = strategy(**entry.strategy)
        numbers = entry.slices.indices(self._job.reader.shape[0])
        first = by.propose(0, trial.space, {})
        known = needed = len(first) * len(numbers)
        if store:
            known = 0
            for number in numbers:
                known += sum(store.recall(number, each) is not None for each in first)
        wanted = dict.fromkeys((LOSS, *((ALSO,) if entry.also else ())), first)
        work = distinct_work_for(trial.graph(), wanted)
        plurals = (task.node.stage.plural for task in work.tasks.values())
        return PlannedSearch(
            steps=entry.steps,
            channel=self._job.channels[channel],
            strategy=entry.strategy["name"],
            loss=entry.loss.name,
            slices=numbers,
            combinations=len(first),
            at_most=by.at_most(trial.space),
            distinct_work=dict(work.counts()),
            counted=dict(Counter(plural for plural in plurals if plural)),
            known=known,
            needed=needed,
            decided=self.decided,
            one_of=entry.alternative,
        )

    def _recalled(self, trial: Trial, store: JournaledLosses) -> SearchResult | None:
        """What the search will come to, if journals know all of it."""
        job, by = self._job, strategy(**trial.entry.strategy)
        numbers = trial.entry.slices.indices(job.reader.shape[0])
        control = Control(job, trial, Journal(None), self._known)
        _, beside = measured_beside(trial)
        result = recall_search(trial.space, numbers, by, store, beside, refuse=control.recalled)
        if result is None:
            return None
        if instead := deciding(trial, result):
            return self._recalled(instead, self._store(instead))
        untouched = recalled_untouched(result, store)
        return judged(trial, result, untouched) if is_complete(result, untouched) else None

    def _store(self, trial: Trial) -> JournaledLosses:
        journal = Journal(self._job.workspace.journal)
        return JournaledLosses(journal, self._known, identities_of(trial))

    def _follow(
        self,
        entry: OptimizeEntry,
        followers: Sequence[int],
        entries: Sequence[OptimizeEntry],
        results: Sequence[SearchResult],
    ) -> None:
        """Let the chains follow searches that are decided."""
        best, results = contest(entries, results)
        followed = [self.chains[each] for each in followers]
        taken, result = entry, results[best or 0]
        if best is not None:
            taken = entries[best]
            followed = [placed(self._job, chain, taken) for chain in followed]
        elif taken.alternative != entries[0].alternative:
            result = replace(result, choice=none_taken(entries, results))
        for each, chain in zip(followers, follow(followed, taken, result, Log()), strict=True):
            self.chains[each] = chain
