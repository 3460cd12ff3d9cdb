"""What follows from a search: the chains with its choice, or what the protocol says instead."""

from __future__ import annotations

from collections.abc import Sequence

from stackmend.chain import Bound
from stackmend.errors import NothingFound, QualityError, StepError
from stackmend.protocol import OptimizeEntry
from stackmend.registry import FAILED, IMAGE, NOTHING_FOUND, Loss, Undefined
from stackmend.result.log import Log
from stackmend.sweep import REFUSED, Choice, NoChoice, SearchResult
from stackmend.tuning.alone import LEFT_ALONE
from stackmend.tuning.chains import ChannelChain, FinishedSearch
from stackmend.words import few


def follow(
    chains: Sequence[ChannelChain], entry: OptimizeEntry, result: SearchResult, log: Log
) -> list[ChannelChain]:
    """The chains with what a search has chosen, or as the protocol says where it could not choose.

    Raises
    ------
    NothingFound, QualityError, StepError
        As ``tune``.
    """
    if isinstance(result.choice, NoChoice):
        return _without_choice(chains, entry, result.choice, log)
    return [chain.with_values(result.chosen) for chain in chains]


def _without_choice(
    chains: Sequence[ChannelChain], entry: OptimizeEntry, choice: NoChoice, log: Log
) -> list[ChannelChain]:
    """The chains where a search could not choose, as the protocol says."""
    loss = entry.loss.loss
    where = f"optimization slices {few(map(str, choice.slices_without_findings))}"
    if choice.status in (REFUSED, LEFT_ALONE):
        changed = [chain.without(_useless(chain, entry)) for chain in chains]
        names = ", ".join(changed[0].skipped[len(chains[0].skipped) :])
        log.warn(f"{choice.reason} ({names} left out)")
        return changed
    if choice.status == FAILED:
        raise StepError(f"search: {choice.reason}")
    if choice.status != NOTHING_FOUND:
        raise QualityError(f"search: {choice.reason}; {loss.undefined_advice}")
    if entry.on_nothing_found == "stop":
        raise NothingFound(_stopped(choice, where, loss))
    if entry.on_nothing_found == "skip":
        changed = [chain.without(_useless(chain, entry)) for chain in chains]
        names = ", ".join(changed[0].skipped[len(chains[0].skipped) :])
        log.warn(f"nothing found in {where}: {names} left out, as on_nothing_found: skip says")
        return changed
    changed = [chain.replaced_by(entry.instead) for chain in chains]
    names = ", ".join(bound.id for bound in changed[0].steps)
    log.warn(f"nothing found in {where}: the chain given under instead is applied ({names})")
    return changed


def _useless(chain: ChannelChain, entry: OptimizeEntry) -> set[str]:
    """The steps of an entry, and those that only make what these read.

    What such a step marks would be told of, and counted, though nothing is done about it.
    """
    useless = set(entry.steps)
    for place, bound in reversed(list(enumerate(chain.steps))):
        readers = _readers(bound, chain.steps[place + 1 :])
        if IMAGE not in bound.component.makes and readers and readers <= useless:
            useless.add(bound.id)
    return useless


def _readers(bound: Bound, later: Sequence[Bound]) -> set[str]:
    """The steps behind one that read what it makes, also where they could do without."""
    made, found = set(bound.component.makes), set[str]()
    for each in later:
        for stage in each.component.stages:
            if made.intersection(stage.reads):
                found.add(each.id)
            made.discard(stage.makes)  # what is read from here on is another one
    return found


def _stopped(choice: NoChoice, where: str, loss: Loss) -> str:
    otherwise = "or say on_nothing_found: skip to leave such stacks as they are"
    return f"search: {choice.reason} in {where}; {loss.advice}, {otherwise}"


def _disagreement(found: FinishedSearch) -> str:
    """That the second loss would choose otherwise."""
    also, second = found.entry.also, found.second
    assert also is not None
    assert second is not None
    said = f"{also.name} gives the choice {second.of_choice:.4g}"
    if second.before is not None:
        said += f", {second.before:.4g} to leave the slices alone"
    names = (f"{id}.{name}" for id, name in found.result.space.parameters)
    pairs = zip(names, second.best or (), strict=second.best is not None)
    best = ", ".join(f"{name} {value}" for name, value in pairs) if second.best else second.chain
    said += f", {second.best_loss:.4g} at best" + (f" ({best})" if best else "")
    return f"{found.entry.loss.name} and {also.name} disagree: {said}"


def _report_edges(found: FinishedSearch, choice: Choice, steps: Sequence[Bound], log: Log) -> None:
    """Say which values lie at the end of their range."""
    declared = {bound.id: bound.component.schema["properties"] for bound in steps}
    for (id, name), end in choice.edges.items():
        direction, limit = "smaller", "minimum"
        if end == "upper":
            direction, limit = "larger", "maximum"
        where = f"{id}.{name} was chosen at the {end} edge of its range"
        advice = f"add {direction} values to the sweep"
        if declared[id][name].get(limit) == found.result.chosen[id, name]:
            advice = f"the step takes no {direction} value"
        log.warn(f"{where}: {advice}")


def report_doubts(found: FinishedSearch, steps: Sequence[Bound], log: Log) -> None:
    """Say what is doubtful about a choice of values for some steps."""
    choice = found.result.choice
    assert isinstance(choice, Choice)
    values = {f"{id}.{name}": value for (id, name), value in found.result.chosen.items()}
    log.event("chosen", values=values, loss=choice.loss, loss_before=found.loss_before)
    if found.failed:
        share = f"{len(found.failed)} of {len(found.result.combinations)} combinations are out"
        log.warn(f"{share}, as a step refuses them: {next(iter(found.failed.values()))}")
    _report_edges(found, choice, steps, log)
    if found.second and found.second.disagrees:
        log.warn(_disagreement(found))
    if choice.tied:
        count = len(choice.tied) + 1
        log.warn(f"{count} combinations have the lowest loss; the first of them was taken")
    for id, name in choice.without_effect:
        log.warn(
            f"{id}.{name} has no effect on the loss: any of its values would have been as good"
        )
    if choice.slices_without_findings:
        numbers = few(map(str, choice.slices_without_findings))
        what = found.entry.loss.loss.finds
        missing = f"no {what} is found" if what else "nothing is found"
        log.warn(f"{missing} in optimization slices {numbers}: they had no part in the choice")
    for number, value in found.held_out.items():
        if isinstance(value, Undefined):
            log.warn(f"held-out slice {number} has no loss: {value.reason}")
