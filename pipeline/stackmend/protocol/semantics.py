"""What a schema cannot say: the order of steps, what searches cover, slices that exist."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from stackmend import words
from stackmend.errors import Problem
from stackmend.protocol.choices import check_choice, check_one_of
from stackmend.protocol.flow import check_flow, check_loss_products, check_masks, check_moves
from stackmend.protocol.model import (
    ONE_OF,
    OptimizeEntry,
    Protocol,
    SliceSelection,
    StepEntry,
    every_step,
)
from stackmend.protocol.paths import check_paths
from stackmend.protocol.requirements import other_versions
from stackmend.protocol.searches import check_searches
from stackmend.protocol.stack import chosen_on_clean, held_out_twice
from stackmend.protocol.text import DataPath
from stackmend.protocol.wording import suggestion

EXTRAS = {"optuna": "optuna"}
"""Strategies that need a package which may be missing, and the extra that brings it.

Package and extra have the same name.
"""

MOST_COMBINATIONS = 10_000
"""Combinations of one step's values that it is asked about before the run."""


def check(protocol: Protocol, *, chain: bool = True, optimize: bool = True) -> Iterator[Problem]:
    """Every problem and warning that can be found without the stack.

    ``chain`` and ``optimize`` are false where parts of them had to be left out, so that conclusions
    from what is missing would be wrong.
    """
    for entry in every_step(protocol):
        if entry.is_measured:
            yield from check_values(protocol, entry)
    yield from _selections(protocol)
    if chain:
        problems: dict[Problem, None] = {}
        for variant in protocol.variants.values():
            problems.update(dict.fromkeys(_names(protocol, variant)))
            problems.update(dict.fromkeys(check_flow(protocol, variant)))
        yield from problems
        yield from check_one_of(protocol)
        yield from check_masks(protocol)
    if chain and optimize:
        yield from check_searches(protocol)
    if optimize:
        yield from _optimize(protocol)
        yield from check_choice(protocol)
        yield from _gates(protocol)
    yield from check_paths(protocol)
    yield from other_versions(protocol)


def check_values(protocol: Protocol, entry: StepEntry) -> Iterator[Problem]:
    """What speaks against the values of a step, once all of them are numbers."""
    yield from _repeated_values(protocol, entry)
    yield from _refused(protocol, entry)


def _gates(protocol: Protocol) -> Iterator[Problem]:
    gate = "held_out_gap"
    if gate in protocol.gates and not any(entry.validate for entry in protocol.optimize):
        message = "no optimize entry holds slices out; add validate to one, or leave this out"
        yield protocol.text.problem(("gates", gate), message)


def _names(protocol: Protocol, chain: Sequence[StepEntry]) -> Iterator[Problem]:
    seen: dict[str, StepEntry] = {}
    for entry in chain:
        if entry.id == ONE_OF:
            message = f"{ONE_OF} is kept for chains of which one is taken; choose another id"
            yield protocol.text.problem((*entry.path, "id"), message)
        if entry.id in seen:
            line = protocol.text.place(seen[entry.id].path).line
            where = f" (line {line})" if line else ""
            message = f"{entry.id} is in the chain already{where}; give this one an id of its own"
            yield protocol.text.problem(
                (*entry.path, "id" if entry.id != entry.name else "step"), message
            )
        seen.setdefault(entry.id, entry)


def _repeated_values(protocol: Protocol, entry: StepEntry) -> Iterator[Problem]:
    for name, sweep in entry.sweeps.items():
        repeated = _repeated(sweep.values)
        if repeated:
            message = (
                f"gives {words.few(repeated)} more than once; each value needs one run: keep one"
            )
            yield protocol.text.problem((*entry.path, name, "sweep"), message)


def _refused(protocol: Protocol, entry: StepEntry) -> Iterator[Problem]:
    """What the step itself says against its values, each combination of a sweep by itself."""
    missing = any(entry.parameters[name] is None for name in entry.step.schema.get("required", []))
    if entry.step.refuse is None or missing:
        return
    swept = {name: sweep.values for name, sweep in entry.sweeps.items()}
    said: dict[str, str] = {}
    for values in itertools.islice(itertools.product(*swept.values()), MOST_COMBINATIONS):
        for name, message in entry.step.refuse(
            {**entry.parameters, **dict(zip(swept, values, strict=True))}
        ).items():
            said.setdefault(name, message)
    for name, message in said.items():
        yield protocol.text.problem((*entry.path, name), message)


def _selections(protocol: Protocol) -> Iterator[Problem]:
    """Slices named twice or for two purposes, and regions without extent."""
    selections: list[tuple[DataPath, SliceSelection | None]] = [
        (("input", "slices"), protocol.input.slices)
    ]
    for entry in protocol.optimize:
        selections += [
            ((*entry.path, "slices"), entry.slices),
            ((*entry.path, "validate"), entry.validate),
        ]
        regions: dict[DataPath, Mapping[str, tuple[int, int]]] = {entry.path: entry.region}
        for index, part in enumerate(entry.clean):
            regions[*entry.path, "clean", index] = part.region
        for path, region in regions.items():
            for axis, (first, stop) in region.items():
                if first >= stop:
                    message = "is empty: the first number must be below the second"
                    yield protocol.text.problem((*path, "region", axis), message)
        yield from _clean_twice(protocol, entry)
        if entry.slices.numbers is not None:
            yield from chosen_on_clean(protocol, entry)
        if (
            entry.slices.numbers is not None
            and entry.validate
            and entry.validate.numbers is not None
        ):
            yield from held_out_twice(protocol, entry)
    numbered = [(path, selection.numbers if selection else None) for path, selection in selections]
    for path, numbers in (*numbered, (("input", "channel"), protocol.input.channels)):
        repeated = _repeated(numbers or ())
        if repeated:
            yield protocol.text.problem(
                path, f"names {words.few(repeated)} more than once; keep one"
            )


def _clean_twice(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, part in enumerate(entry.clean):
        if part.text in seen:
            message = f"names {part.text} more than once; keep one"
            yield protocol.text.problem((*entry.path, "clean", index), message)
        seen.add(part.text)


def _repeated(values: Iterable[Any]) -> list[str]:
    """Values that are there more than once, as text; 40 and 40.0 are the same."""
    counts = Counter(repr(int(v) if isinstance(v, float) and v.is_integer() else v) for v in values)
    return [text for text, count in counts.items() if count > 1]


def _optimize(protocol: Protocol) -> Iterator[Problem]:
    ids = [entry.id for entry in protocol.chain]
    sweeping = {entry.id for entry in protocol.chain if entry.sweeps}
    if protocol.one_of:
        ids.insert(protocol.one_of.at, ONE_OF)
        sweeping.add(ONE_OF)
    covered: dict[str, OptimizeEntry] = {}
    last = -1
    for entry in protocol.optimize:
        for index, id in enumerate(entry.steps):
            message = _misplaced(id, entry, ids, covered, last)
            if message:
                yield protocol.text.problem((*entry.path, "steps", index), message)
            covered.setdefault(id, entry)
        positions = [ids.index(id) for id in entry.steps if id in ids]
        last = max([last, *positions])
        known = len(positions) == len(entry.steps)
        if known and entry not in protocol.searches:
            yield from _idle(protocol, entry)
        elif known:
            for each in protocol.alternatives(entry):
                yield from check_loss_products(protocol, each)
                yield from check_moves(protocol, each)
        yield from _instead(protocol, entry)
        extra = EXTRAS.get(entry.strategy["name"])
        if extra and find_spec(extra) is None:
            message = (
                f"needs the package {extra}, which is not installed; "
                f"run: pip install 'stackmend[{extra}]'"
            )
            yield protocol.text.problem((*entry.path, "strategy"), message)
    if covered.keys() <= {*ids}:
        yield from _uncovered(protocol, covered)


def _idle(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    """A warning of an entry that chooses nothing, unless a step looks at its slices first."""
    for chain in protocol.variants.values():
        for step in chain:
            survey = step.step.survey
            if survey and survey.slices and survey.is_needed(step.parameters):
                return
    what = "nothing is searched: none of its steps has a sweep"
    message = f"{what}; write one, or leave this out"
    yield protocol.text.problem(entry.path, message, key=True, severity="warning")


def _misplaced(
    id: str,
    entry: OptimizeEntry,
    ids: Sequence[str],
    covered: Mapping[str, OptimizeEntry],
    last: int,
) -> str | None:
    """What is wrong with a step at its place in ``optimize``, if anything."""
    if id not in ids:
        return f"no step of the chain is called {id}{suggestion(id, ids)}"
    if covered.get(id) is entry:
        return f"{id} is named twice here; keep one"
    if id in covered:
        return f"{id} is tuned by an earlier entry already; name it in one of them"
    if ids.index(id) < last:
        return f"{id} stands before steps tuned earlier; list the entries in the order of the chain"
    return None


def _uncovered(protocol: Protocol, covered: dict[str, OptimizeEntry]) -> Iterator[Problem]:
    for step in protocol.chain:
        for name in step.sweeps if step.id not in covered else ():
            advice = (
                "add optimize with the slices to choose on"
                if not covered
                else f"name {step.id} in one of them"
            )
            message = f"is swept, but no optimize entry chooses its value; {advice}"
            yield protocol.text.problem((*step.path, name), message, key=True)


def _instead(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    yield from _names(protocol, entry.instead)
    yield from check_flow(protocol, entry.instead)
    for step in entry.instead:
        for name in step.sweeps:
            message = (
                "cannot be swept here: these steps are applied when there is nothing to choose by"
            )
            yield protocol.text.problem((*step.path, name), message)
