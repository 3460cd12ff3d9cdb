"""Whether chains of which a search takes one can stand in for each other."""

from __future__ import annotations

from collections.abc import Iterator

from stackmend.errors import Problem
from stackmend.protocol.model import ONE_OF, OneOf, OptimizeEntry, Protocol
from stackmend.registry import (
    HIDDEN_RESULTS,
    IMAGE,
    INITIAL_IMAGE,
    PROBE_RESULTS,
    PROBES,
    REFERENCE_MASK,
    losses,
)

COMMON = {IMAGE, INITIAL_IMAGE, REFERENCE_MASK, PROBES, PROBE_RESULTS, HIDDEN_RESULTS}
"""What a loss may read that is to compare chains: the same for all of them, but for the image."""


def check_one_of(protocol: Protocol) -> Iterator[Problem]:
    """One place with several chains, which leave the size and nothing else to what is behind."""
    one_of = protocol.one_of
    if one_of is None:
        return
    data = protocol.text.data["chain"]
    places = [place for place, item in enumerate(data) if isinstance(item, dict) and ONE_OF in item]
    for place in places[1:]:
        message = "there is one already; put whole chains into that one"
        yield protocol.text.problem(("chain", place, ONE_OF), message, key=True)
    for name, chain in one_of.chains.items():
        for entry in chain:
            if entry.step.keeps:
                what = f"changes the size of slices, and the chains beside {name} do not"
                message = f"{what}; move it before or behind {ONE_OF}"
                yield protocol.text.problem((*entry.path, "step"), message)
    yield from _needed_behind(protocol, one_of)


def check_choice(protocol: Protocol) -> Iterator[Problem]:
    """A search that takes one of several chains, by a loss that can compare them."""
    one_of = protocol.one_of
    if one_of is None:
        return
    searched = [entry for entry in protocol.optimize if ONE_OF in entry.steps]
    if not searched:
        advice = f"name {ONE_OF} in one of them"
        if not protocol.optimize:
            advice = "add optimize with the slices to choose on"
        message = f"no optimize entry says how one is chosen; {advice}"
        yield protocol.text.problem(one_of.path, message, key=True)
    for search in searched:
        yield from _loss(protocol, search)


def _needed_behind(protocol: Protocol, one_of: OneOf) -> Iterator[Problem]:
    """Steps behind that need what only some of the chains make."""
    available = {IMAGE}
    for place, entry in enumerate(protocol.chain):
        step = entry.step
        missing = [name for name in (*step.reads, *step.needs) if name not in available]
        if place >= one_of.at and missing and _made_in_all(one_of, missing):
            what = f"uses {' and '.join(missing)}, which there is not if the stack is left alone"
            message = f"{what}; move it into the chains of {ONE_OF}"
            yield protocol.text.problem((*entry.path, "step"), message)
        available.update(step.makes)


def _made_in_all(one_of: OneOf, names: list[str]) -> bool:
    """Whether each chain makes some products, so that nothing else is wrong."""
    for chain in one_of.chains.values():
        made: set[str] = set()
        for entry in chain:
            made.update(entry.step.makes)
        if not made.issuperset(names):
            return False
    return True


def _loss(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    fitting = [loss.name for loss in losses().usable() if COMMON.issuperset(loss.reads)]
    for key, loss in entry.losses.items():
        own = [name for name in loss.loss.reads if name not in COMMON]
        if own:
            what = f"{loss.name} compares by {' and '.join(own)}, which each chain has its own of"
            advice = f"such losses say nothing of each other; choose {' or '.join(fitting)}"
            yield protocol.text.problem((*entry.path, key), f"{what}: {advice}")
