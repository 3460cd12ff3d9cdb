"""What decides about the pixels of a result, to be compared with that of a later run."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from stackmend.job import Job
from stackmend.registry import Each
from stackmend.result.arrays import encoded
from stackmend.result.encoding import as_json
from stackmend.result.environment import versions_of_pixels
from stackmend.result.hashes import digest
from stackmend.tuning.bindings import refused_in
from stackmend.tuning.chains import ChannelChain

Identity = dict[str, Any]
"""``pixels`` has what decides about all slices, ``layout`` how the stack is laid out.

``beside`` says what lies beside it; a slice belongs to work with more or less of that as well, if
what is wanted beside it is there.
"""


def identity_of(job: Job, chains: Sequence[ChannelChain]) -> Identity:
    """The identity of the work of a run; as JSON has it."""
    every = [_chain(chain) for chain in chains]
    if all(chain == every[0] for chain in every):
        every = every[:1]
    pixels = {
        "channels": job.channels,
        "chains": every,
        "versions": versions_of_pixels(),
        "output": {"dtype": str(job.dtype)},
    }
    layout = job.layout()
    # Written beside the pixels: what a microscope said of the first slice stands for all of them.
    tags = repr(layout.tags_at(0))
    stack = {
        "format": job.protocol.output.format,
        "slices": job.slices,
        "shape": layout.shape,
        "names": layout.names,
        "pixel size": job.reader.metadata.pixel_size,
        "microscope tags": digest({"tags": tags}),
        "compression": layout.compression,
        "pyramid": layout.pyramid,
    }
    beside = {"masks": job.protocol.output.masks}
    identity: Identity = as_json({"pixels": pixels, "layout": stack, "beside": beside})
    return identity


def _chain(chain: ChannelChain) -> dict[str, Any]:
    steps: dict[str, str] = {}
    parameters: dict[str, Any] = {}
    for bound in chain.steps:
        steps[bound.id] = f"{bound.component.name} {bound.component.version}"
        for name, value in bound.decisive.items():
            parameters[f"{bound.id}.{name}"] = value
    settled: dict[str, str] = {}
    for product, value in chain.settled.items():
        if value is not None and not isinstance(value, Each):
            settled[product] = digest({"settled": encoded(value)})
    facts = {"steps": steps, "order": list(steps), "parameters": parameters, "settled": settled}
    return {**facts, **refused_in(chain.steps, chain.refusable)}


def still_open(identity: Identity, swept: Collection[str]) -> Identity:
    """The same without what is only known after surveys and searches."""
    chains = []
    for chain in identity["pixels"]["chains"]:
        known = {name: each for name, each in chain["parameters"].items() if name not in swept}
        chains.append({**chain, "parameters": known, "settled": {}})
    return {**identity, "pixels": {**identity["pixels"], "chains": chains}}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What is not the same in two descriptions of pixels, or of a layout, in words."""
    found: list[str] = []
    for part, value in new.items():
        before = old.get(part)
        if before == value:
            continue
        if part == "chains":
            found += _different_chains(before, value, new["channels"])
        elif isinstance(value, dict) and isinstance(before, dict):
            found += _different_values(before, value)
        elif not found:
            found.append(_other(part, before, value))
    return found or ["the work is another"]


def _other(part: str, before: Any, value: Any) -> str:
    if len(f"{before}{value}") < 60:
        return f"{part}: was {before}, now {value}"
    return f"other {part}"


def _different_chains(before: Any, after: Any, channels: Sequence[int]) -> Iterator[str]:
    """Differences of chains, those of each channel if not all are the same."""
    if not isinstance(before, list) or not before:
        yield "other steps"
        return
    several = len(after) > 1 or len(before) > 1
    for place in range(max(len(after), len(before))):
        old, new = before[min(place, len(before) - 1)], after[min(place, len(after) - 1)]
        beside = f" of channel {channels[place]}" if several and place < len(channels) else ""
        for text in _different_steps(old, new):
            yield text + beside


def _different_steps(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    added = old["steps"].keys() ^ new["steps"].keys()
    for name in (*new["steps"], *old["steps"]):
        if name in added:
            yield f"{name} is {'new' if name in new['steps'] else 'gone'}"
    yield from _different_values(old["steps"], new["steps"])
    if not added and old["order"] != new["order"]:
        yield "the order of the steps is another"
    yield from _different_values(old["parameters"], new["parameters"])
    for name in new["parameters"]:
        if name not in old["parameters"] and name.split(".")[0] not in added:
            yield f"{name} is new"
    if old["settled"] != new["settled"]:
        names = ", ".join(name for name in new["settled"] if name not in old["settled"])
        yield f"{names or 'what surveys settled'} is another"


def _different_values(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for name, value in new.items():
        if name in old and old[name] != value:
            yield f"{name} was {old[name]}, now {value}"
