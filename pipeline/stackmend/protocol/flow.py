"""Whether each step of a chain finds what it reads, and what is opened is closed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from stackmend.errors import Problem
from stackmend.protocol.model import OptimizeEntry, Protocol, StepEntry
from stackmend.protocol.text import DataPath
from stackmend.registry import (
    HIDDEN_RESULTS,
    IMAGE,
    INITIAL_IMAGE,
    PROBE_RESULTS,
    PROBES,
    REFERENCE_MASK,
    steps,
)


def check_flow(protocol: Protocol, chain: Sequence[StepEntry]) -> Iterator[Problem]:
    """Every product a step reads must be made before it, and what is opened must be closed."""
    available = {IMAGE}
    opened: dict[str, StepEntry] = {}
    moving: list[StepEntry] = []
    for entry in chain:
        step, path = entry.step, (*entry.path, "step")
        missing = [name for name in (*step.reads, *step.needs) if name not in available]
        if missing:
            yield protocol.text.problem(path, _missing_message(entry, missing, chain))
        yield from _against_open_ones(protocol, entry, opened)
        yield from _resliced_behind_others(protocol, entry)
        if step.moves:
            yield from _moved_twice(protocol, entry, moving, opened)
            moving.append(entry)
        if step.opens:
            opened[step.opens] = entry
        if step.caution and not entry.sweeps and entry.is_measured:
            caution = step.caution(entry.parameters, frozenset(opened))
            if caution:
                yield protocol.text.problem(path, caution, severity="warning")
        available.update(step.makes)
        available.discard(step.closes or "")
        opened.pop(step.closes or "", None)
    yield from _left_open(protocol, opened)


def _against_open_ones(
    protocol: Protocol, entry: StepEntry, opened: Mapping[str, StepEntry]
) -> Iterator[Problem]:
    """A step that cannot stand where another one has to be undone first."""
    step, path = entry.step, (*entry.path, "step")
    if step.opens and step.opens in opened:
        other = opened[step.opens]
        undo = "undo it first, or leave this one out"
        message = f"{other.id} before it has not been undone yet; {undo}"
        yield protocol.text.problem(path, message)
    carried = {stage.makes for stage in step.stages if stage.carries}
    fixed = [other for product, other in opened.items() if product not in carried]
    if step.keeps and fixed:
        message = f"changes the size of slices; move it before {fixed[0].id} (or behind its end)"
        yield protocol.text.problem(path, message)


def _resliced_behind_others(protocol: Protocol, entry: StepEntry) -> Iterator[Problem]:
    """A step that makes other slices than those that the steps before it have worked on."""
    step = entry.step
    first = entry in protocol.chain[:1]
    if step.reslices and not first and step.reslices.needed(entry.parameters):
        what = "makes each slice of many, so it must be the first step of the chain"
        advice = "put it first, or into a protocol of its own for the result of this one"
        yield protocol.text.problem((*entry.path, "step"), f"{what}; {advice}")


def _left_open(protocol: Protocol, opened: Mapping[str, StepEntry]) -> Iterator[Problem]:
    """What no step undoes, or makes use of."""
    for product, entry in opened.items():
        closers = [step for step in steps().usable() if step.closes == product]
        names = " or ".join(step.name for step in closers)
        if any(step.moves for step in closers):
            message = f"nothing comes of it: add {names} behind it, or leave it out"
            yield protocol.text.problem((*entry.path, "step"), message)
        elif protocol.output.dtype != "float32":
            message = f"nothing undoes it: add {names} behind it, or write float32"
            yield protocol.text.problem((*entry.path, "step"), message)


def _moved_twice(
    protocol: Protocol,
    entry: StepEntry,
    moving: Sequence[StepEntry],
    opened: Mapping[str, StepEntry],
) -> Iterator[Problem]:
    """Pixels that are interpolated twice, or a step that finds by itself what is open."""
    path = (*entry.path, "step")
    if moving:
        what = f"interpolates the slices again, as {moving[-1].id} before it has done"
        advice = "let one step do both, behind a step that only estimates, or leave one out"
        yield protocol.text.problem(path, f"{what}; {advice}")
    for product in opened.keys() & set(entry.step.makes) - set(entry.step.reads):
        what = f"does not take what {opened[product].id} has found"
        closers = [each.name for each in steps().usable() if each.closes == product]
        others = " or ".join(name for name in closers if name != entry.name)
        yield protocol.text.problem(path, f"{what}; put {others} in its place, or leave one out")


def check_masks(protocol: Protocol) -> Iterator[Problem]:
    """Masks that are wanted of a chain that makes none, or held against a limit."""
    if protocol.marks:
        return
    wanted: list[DataPath] = [("output", "masks")] if protocol.output.masks else []
    wanted += [("gates", name) for name in protocol.gates if name.startswith("masked_")]
    makers = [step.name for step in steps().usable() if any(each.mask_of for each in step.stages)]
    for path in wanted:
        message = f"no step of the chain makes a mask; add {' or '.join(makers)}, or leave this out"
        yield protocol.text.problem(path, message)


def _missing_message(entry: StepEntry, missing: Sequence[str], chain: Sequence[StepEntry]) -> str:
    makes = {each.name: ({*each.makes} - {each.closes}) & {*missing} for each in steps().usable()}
    most = max(map(len, makes.values()))
    names = sorted(name for name, made in makes.items() if made and len(made) == most)
    later = [other.id for other in chain[chain.index(entry) + 1 :] if other.name in names]
    advice = f"put {' or '.join(names)} before it" if names else "no installed step makes that"
    if later:
        advice = f"move it behind {later[0]}"
    return f"{entry.name} uses {' and '.join(missing)}, which no step before it makes; {advice}"


def check_moves(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    """Steps that move pixels between steps that are tuned together."""
    chain = protocol.variant(entry.alternative)
    places = [place for place, step in enumerate(chain) if step.id in entry.steps]
    for step in chain[min(places) : max(places) + 1]:
        if step.step.moves:
            first, last = chain[min(places)].id, chain[max(places)].id
            what = f"moves pixels among steps that are tuned together ({first} to {last})"
            message = f"{what}; move it before or behind these"
            yield protocol.text.problem((*step.path, "step"), message)


def check_loss_products(protocol: Protocol, entry: OptimizeEntry) -> Iterator[Problem]:
    """Every product that a loss reads must be made by the steps before it."""
    available = {IMAGE, INITIAL_IMAGE, HIDDEN_RESULTS}
    chain = protocol.variant(entry.alternative)
    last = max(place for place, step in enumerate(chain) if step.id in entry.steps)
    for step in chain[: last + 1]:
        available.update(step.step.makes)
        available.discard(step.step.closes or "")
        if any(stage.mask_of for stage in step.step.stages):
            available.add(REFERENCE_MASK)
        if step.step.recovery:
            available.update((PROBES, PROBE_RESULTS))
    if entry.also and entry.also.name == entry.loss.name:
        message = f"{entry.also.name} is the loss already; name another one, or none"
        yield protocol.text.problem((*entry.path, "also"), message)
    for key, loss in entry.losses.items():
        missing = [name for name in loss.loss.reads if name not in available]
        if missing:
            products = " and ".join(missing)
            where = f" of {entry.alternative}" if entry.alternative else ""
            what = f"{loss.name} uses {products}, which no tuned step{where} makes"
            message = f"{what}; choose another loss"
            yield protocol.text.problem((*entry.path, key), message)
