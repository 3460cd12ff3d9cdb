"""What steps must know of other slices, found by looking at these before any is computed."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from joblib import delayed

from stackmend.chain import Bound
from stackmend.errors import InputError, StepError
from stackmend.registry import IMAGE, Each, Survey, Unsettled
from stackmend.result.arrays import decoded, encoded
from stackmend.result.hashes import digest
from stackmend.stacks import Reader
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.raw import RawSlices
from stackmend.tuning.seen import Asked, SeenSlices, Slices
from stackmend.tuning.session import Session
from stackmend.words import few

CHUNK = 16
"""Slices that a worker looks at in a row, each with those that it is compared with."""


def surveyed(
    chain: ChannelChain, session: Session, optimization: Sequence[int], *, upto: int
) -> ChannelChain:
    """Let the steps before a position look at the slices that they must know.

    Surveys at the same place of the chain, between which no step changes what they look at, share
    one reading of the stack.

    Raises
    ------
    InputError
        If a slice cannot be read, or a survey cannot settle.
    StepError
        If a survey fails.
    """
    first = session.job.readers[0]
    while group := _unsettled(chain, upto, first):
        looks = [_Look(chain, position, session, optimization) for position in group]
        known = _known_of(looks, {**session.of_first, **(session.settled or {})})
        chain = chain.with_settled(known or _settled(looks, session))
    return chain


def _known_of(looks: Sequence[_Look], settled: Mapping[str, Any]) -> dict[str, Any]:
    """What the surveys at one place came to, by the product, if that is known of all of them."""
    if not settled or any(look.content not in settled for look in looks):
        return {}
    return {str(look.bound.survey_product): settled[look.content] for look in looks}


def _unsettled(chain: ChannelChain, upto: int, first: Reader) -> list[int]:
    """Positions of the steps that must look next, all of which the same slices are given."""
    group: list[int] = []
    reader = chain.reader
    for position, bound in enumerate(chain.steps[:upto]):
        survey = survey_of(bound)
        if survey is None or bound.survey_product in chain.settled:
            continue
        own = first if survey.of_first_channel else chain.reader
        reader = reader if group else own
        at_first = chain.upto(group[0] if group else position).graph()
        reads = (IMAGE, *survey.reads)
        same = chain.upto(position).graph().origins(reads) == at_first.origins(reads)
        if same and own is reader:
            group.append(position)
    return group


class _Look:
    """The survey of one step: what it looks at, and what decides about the records."""

    def __init__(
        self,
        chain: ChannelChain,
        position: int,
        session: Session,
        optimization: Sequence[int],
    ) -> None:
        self.position = position
        self.chain = chain
        if self.survey.of_first_channel:
            self.chain = replace(chain, reader=session.job.readers[0])
        self.session, self.optimization = session, optimization

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
        """The slices that it looks at, in the order of the stack."""
        numbers, count = sorted(self.session.job.slices), self.chain.reader.shape[0]
        try:
            chosen = self.survey.chosen(numbers, self.optimization, self.bound.parameters)
        # A survey may be anybody's code: what it raises becomes an error that names its step.
        except Exception as error:
            raise _failed(self.bound, error) from error
        beyond = [number for number in chosen if not 0 <= number < count]
        if beyond:
            what = f"its survey asks for slice {few(map(str, beyond))} of a stack of {count}"
            raise StepError(f"{self.bound.id}: {what}")
        return chosen

    @property
    def apart(self) -> int:
        """How far apart the slices of a pair may be; 0 for slices one by one."""
        return self.survey.apart(self.bound.parameters)

    @property
    def keys(self) -> list[Slices]:
        """What is looked at together: every slice, or every pair within reach, in order."""
        apart, slices = self.apart, self.slices
        if not apart:
            return [(number,) for number in slices]
        pairs: list[Slices] = []
        for place, number in enumerate(slices):
            pairs += [(number, other) for other in slices[place + 1 : place + 1 + apart]]
        return pairs

    @property
    def identity(self) -> str:
        """What decides about the records, but the slices."""
        parameters = {name: self.bound.decisive[name] for name in self.survey.parameters}
        facts = {
            **self.chain.upto(self.position).identity(),
            "step": [self.bound.component.name, self.bound.component.version],
            "parameters of the survey": parameters,
        }
        return digest(facts)

    @property
    def content(self) -> str:
        """What decides about what is settled, but the pixels of the stack."""
        names = self.survey.parameters
        parameters = {name: self.bound.decisive[name] for name in names}
        numbers = sorted(self.session.job.slices)
        facts = {"keys": self.keys, "numbers": numbers, "parameters": parameters}
        return digest({"looks": self.identity, **facts})


def _settled(looks: Sequence[_Look], session: Session) -> dict[str, Any]:
    """What the surveys of some steps at one place come to, by the product that hands it to them."""
    chain = looks[0].chain.upto(looks[0].position).by_itself()
    identities = [look.identity for look in looks]
    asked: list[Asked] = []
    for look, identity in zip(looks, identities, strict=True):
        known = session.known.looks.get(identity, {})
        asked.append(Asked(look.bound, look.survey, frozenset(look.keys), known))
    every = sorted(frozenset().union(*(each.keys for each in asked)))
    unit = "pairs of slices" if any(look.apart for look in looks) else "slices"

    # Looks run in parallel, a few slices in a row each; what is known is only read and hashed.
    session.log.progress("survey", 0, len(every), unit=unit)
    shares = [(part, [each.of(part) for each in asked]) for part in _shares(every)]
    tasks = [delayed(_look)(chain, *share) for share in shares]
    records: list[dict[Slices, Any]] = [{} for _ in looks]
    done = 0
    megapixels = chain.reader.shape[1] * chain.reader.shape[2] * len(every) / 1e6
    with closing(session.workers.run(tasks, ordered=True, megapixels=megapixels)) as results:
        for key, hash, found in itertools.chain.from_iterable(results):
            for place, record in found.items():
                records[place][key] = decoded(record)
                session.journal.enter_look(identities[place], key, hash, record)
            done += 1
            session.log.progress("survey", done, len(every), unit=unit)
    settled: dict[str, Any] = {}
    for look, own in zip(looks, records, strict=True):
        value = settled[str(look.bound.survey_product)] = _come_to(look, own)
        for text in value.about.get("warnings", ()) if isinstance(value, Each) else ():
            session.log.warn(f"{look.bound.id}: {text}")
        if session.settled is not None:
            session.settled[look.content] = value
        if look.survey.of_first_channel:
            session.of_first[look.content] = value
    return settled


def _shares(keys: Sequence[Slices]) -> Iterator[list[Slices]]:
    """What is looked at in shares of so many slices, each with all that it is compared with."""
    by_first: dict[int, list[Slices]] = {}
    for key in keys:
        by_first.setdefault(key[0], []).append(key)
    groups = list(by_first.values())
    for start in range(0, len(groups), CHUNK):
        yield list(itertools.chain.from_iterable(groups[start : start + CHUNK]))


def _come_to(look: _Look, records: Mapping[Slices, Any]) -> Any:
    """What the records of one survey are settled to, as it comes back from its file."""
    if not records:
        raise InputError(f"{look.bound.id}: {_nothing_seen(look)}")
    by_number = {key if look.apart else key[0]: record for key, record in records.items()}
    try:
        restored = look.session.job.slices
        return written_down(look.survey.settled(by_number, look.bound.parameters, restored))
    except Unsettled as error:
        raise InputError(f"{look.bound.id}: {error}") from error
    # A survey may be anybody's code: whatever it raises becomes an error that names its step.
    except Exception as error:
        raise _failed(look.bound, error) from error


def written_down(value: Any) -> Any:
    """What a survey has settled, as it comes back from its file."""
    if not isinstance(value, Each):
        return decoded(encoded(value))
    every = {int(number): decoded(encoded(each)) for number, each in value.values.items()}
    return Each(every, decoded(encoded(value.about)))


def _nothing_seen(look: _Look) -> str:
    numbers = few(map(str, look.slices)) or "none"
    if look.apart:
        what = f"must compare slices first, and no two can be used, got {numbers}"
    else:
        what = f"must look at slices first, and none can be used, got {numbers}"
    return f"{what}; mend or add slices, or leave this step out"


def _failed(bound: Bound, error: Exception) -> StepError:
    return StepError(f"{bound.id}: its survey failed ({type(error).__name__}: {error})")


Found = tuple[Slices, str, dict[int, Any]]
"""What was looked at, its hash, and the encoded record of each survey that wanted it."""


def _look(chain: ChannelChain, keys: Sequence[Slices], asked: Sequence[Asked]) -> list[Found]:
    """Look at some slices or pairs; never more of them in memory than between the two of a pair."""
    numbers = sorted(set(itertools.chain.from_iterable(keys)))
    found: list[Found] = []
    with RawSlices(chain.reader, numbers, chain.reach, tolerant=chain.tolerant) as raw:
        slices = SeenSlices(chain, raw, asked)
        for key in keys:
            slices.forget_before(key[0])
            hash = slices.hash(key)
            records: dict[int, Any] = {}
            for place, each in enumerate(asked):
                if key not in each.keys:
                    continue
                known = each.known.get(key, {})
                if hash in known:
                    records[place] = known[hash]
                elif slices.usable(each, key):
                    records[place] = slices.record_of(each, key)
            found.append((key, hash, records))
    return found
