"""What steps must know of other slices, found by looking at these before the first slice is computed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from joblib import delayed

from stackmend.chain import ABSENT, Bound, compile_chain
from stackmend.errors import BadSlice, InputError, StepError
from stackmend.registry import IMAGE, Survey, Unsettled
from stackmend.result.arrays import decoded, encoded
from stackmend.result.hashes import combined_hash, digest
from stackmend.tuning.chains import ChannelChain, survey_of
from stackmend.tuning.session import Session

Slices = tuple[int, ...]
"""One slice that is looked at, or two."""

CHUNK = 16
"""Slices that a worker looks at in a row."""


def surveyed(
    chain: ChannelChain, session: Session, optimization: Sequence[int], *, upto: int
) -> ChannelChain:
    """Let the steps before a position look at the slices that they must know.

    Surveys at the same place of the chain, between which no step changes the slice, share one reading of the stack.

    Raises
    ------
    InputError
        If a slice cannot be read, or a survey cannot settle.
    StepError
        If a look fails.
    """
    while group := _unsettled(chain, upto):
        looks = [_Look(chain, position, session, optimization) for position in group]
        chain = chain.with_settled(_settled(looks, session))
    return chain


def _unsettled(chain: ChannelChain, upto: int) -> list[int]:
    """Positions of the steps that must look next, all at the same place of the chain."""
    group: list[int] = []
    place: Any = None
    for position, bound in enumerate(chain.steps[:upto]):
        if survey_of(bound) is None or bound.survey_product in chain.settled:
            continue
        here = compile_chain(chain.steps[:position], given=chain.given).products[IMAGE]
        if group and here != place:
            break
        group.append(position)
        place = here
    return group


@dataclass(frozen=True)
class _Look:
    """The survey of one step: what it looks at, and what decides about the records."""

    chain: ChannelChain
    position: int
    session: Session
    optimization: Sequence[int]

    @property
    def bound(self) -> Bound:
        return self.chain.steps[self.position]

    @property
    def survey(self) -> Survey:
        found = survey_of(self.bound)
        assert found is not None
        return found

    @property
    def slices(self) -> list[int]:
        """The slices that it looks at."""
        numbers = self.session.job.slices
        if self.survey.slices is None:
            return list(numbers)
        return sorted(set(self.survey.slices(numbers, self.optimization)))

    @property
    def keys(self) -> list[Slices]:
        """What is looked at together: every slice, or every pair within reach, in order."""
        apart = self.survey.apart(self.bound.parameters)
        slices = self.slices
        if not apart:
            return [(number,) for number in slices]
        pairs: list[Slices] = []
        for place, number in enumerate(slices):
            pairs += [(number, other) for other in slices[place + 1 : place + 1 + apart]]
        return pairs

    @property
    def identity(self) -> str:
        """What decides about the records, but the slices."""
        parameters = {name: self.bound.parameters[name] for name in self.survey.parameters}
        facts = {
            **self.chain.upto(self.position).identity(),
            "step": [self.bound.component.name, self.bound.component.version],
            "parameters of the survey": parameters,
        }
        return digest(facts)


def _settled(looks: Sequence[_Look], session: Session) -> dict[str, Any]:
    """What the surveys of some steps at one place come to, by the product that hands it to them."""
    chain = looks[0].chain.upto(looks[0].position)
    surveys = [(look.survey, look.bound.parameters) for look in looks]
    identities = [look.identity for look in looks]
    wanted = [set(look.keys) for look in looks]
    known = [session.known.looks.get(identity, {}) for identity in identities]
    every = sorted(set().union(*wanted))

    # Looks run in parallel, a few slices in a row each; what is known is only read and hashed.
    session.log.progress("survey", 0, len(every))
    tasks = []
    for start in range(0, len(every), CHUNK):
        part = every[start : start + CHUNK]
        beside = [{key: old[key] for key in part if key in old} for old in known]
        tasks.append(delayed(_look)(chain, surveys, part, wanted, beside))
    records: list[dict[Slices, Any]] = [{} for _ in looks]
    hashes: dict[Slices, str] = {}
    megapixels = chain.reader.shape[1] * chain.reader.shape[2] * len(every) / 1e6
    with closing(session.workers.run(tasks, ordered=True, megapixels=megapixels)) as results:
        for part_of_all in results:
            for key, hash, found in part_of_all:
                hashes[key] = hash
                for place, record in found.items():
                    records[place][key] = record
                    session.journal.enter_look(identities[place], key, hash, encoded(record))
                session.log.progress("survey", len(hashes), len(every))
    settled: dict[str, Any] = {}
    for place, look in enumerate(looks):
        settled[str(look.bound.survey_product)] = _come_to(look, records[place])
    return settled


def _come_to(look: _Look, records: Mapping[Slices, Any]) -> Any:
    """What the records of one survey are settled to, as it comes back from its file."""
    single = not look.survey.apart(look.bound.parameters)
    by_number = {key[0] if single else key: record for key, record in records.items()}
    try:
        value = look.survey.settled(by_number, look.bound.parameters)
        return decoded(encoded(value))
    except Unsettled as error:
        raise InputError(f"{look.bound.id}: {error}") from error
    # A survey may be anybody's code: whatever it raises becomes an error that names its step.
    except Exception as error:
        what = f"its survey failed ({type(error).__name__}: {error})"
        raise StepError(f"{look.bound.id}: {what}") from error


Found = tuple[Slices, str, dict[int, Any]]
"""What was looked at, its hash, and the record of each survey that wanted it."""


def _look(
    chain: ChannelChain,
    surveys: Sequence[tuple[Survey, Mapping[str, Any]]],
    keys: Sequence[Slices],
    wanted: Sequence[set[Slices]],
    known: Sequence[Mapping[Slices, tuple[str, Any]]],
) -> list[Found]:
    """Look at some slices or pairs; never more images in memory than lie between the two of a pair."""
    images = _Images(chain)
    found: list[Found] = []
    for key in keys:
        hash = combined_hash(images.hash(number) for number in key)
        records: dict[int, Any] = {}
        for place, (survey, parameters) in enumerate(surveys):
            if key not in wanted[place]:
                continue
            old = known[place].get(key)
            if old is not None and old[0] == hash:
                records[place] = decoded(old[1])
                continue
            seen = [images.image(number) for number in key]
            if all(image is not None for image in seen):
                records[place] = _record_of(survey, seen, parameters, key)
        images.forget_before(key[0])
        found.append((key, hash, records))
    return found


def _record_of(
    survey: Survey, images: Sequence[Any], parameters: Mapping[str, Any], key: Slices
) -> Any:
    try:
        return survey.record_of(images, parameters)
    # As of stages: whatever anybody's code raises becomes an error that names what it looked at.
    except Exception as error:
        where = f"{survey.look.__name__} on slice {' and '.join(map(str, key))}"
        raise StepError(f"{where} failed ({type(error).__name__}: {error})") from error


class _Images:
    """The slices that are looked at, as the steps before give them, and the hashes of what these depend on."""

    def __init__(self, chain: ChannelChain) -> None:
        self._chain = chain
        self._evaluated = chain.consecutive()
        self._images: dict[int, Any] = {}
        self._hashes: dict[int, str] = {}

    def image(self, number: int) -> Any:
        """``None`` for a slice that cannot be used."""
        if number not in self._images:
            self._images[number] = self._evaluate(number)
        return self._images[number]

    def _evaluate(self, number: int) -> Any:
        try:
            image = self._evaluated.evaluate(number, (IMAGE,))[IMAGE]
        except BadSlice:
            if not self._chain.tolerant:
                raise
            return None
        return None if image is ABSENT else image

    def hash(self, number: int) -> str:
        """The hash of the pixels of a slice and of those in reach."""
        reach, last = self._chain.reach, self._chain.reader.shape[0] - 1
        numbers = range(max(number - reach, 0), min(number + reach, last) + 1)
        return combined_hash(self._pixel_hash(each) for each in numbers)

    def _pixel_hash(self, number: int) -> str:
        if number not in self._hashes:
            self._hashes[number] = self._chain.hash_of(number)
        return self._hashes[number]

    def forget_before(self, number: int) -> None:
        """Let go of slices that no later key has."""
        self._images = {each: image for each, image in self._images.items() if each >= number}
