"""Which slices need not be computed: those that an unfinished run or the result in place holds already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import joblib
import numpy as np
from joblib import delayed

from stackmend.errors import BadSlice
from stackmend.job import Job, SliceOfChannel
from stackmend.restore.apply import SliceRow, batches
from stackmend.result import record
from stackmend.result.journal import PUBLISHED, Entry, Journal, Ledger
from stackmend.result.record import Log, pixel_hash
from stackmend.stacks import Layout, Reader, Writer, new_stack
from stackmend.tuning.chains import ChannelChain
from stackmend.workers.processes import Workers

UNUSABLE = {"skip": ("skipped",), "keep": ("blank", "kept"), "stop": ()}
"""Status that a slice may have that cannot be used, by what the protocol says about such slices."""


def identity_of(job: Job, plans: Sequence[ChannelChain]) -> dict[str, Any]:
    """What decides about the pixels of a slice, but the slice itself, and how the stack is laid out; as JSON has it."""
    parameters: dict[str, Any] = {}
    for channel, plan in zip(job.channels, plans, strict=True):
        beside = (
            f" of channel {channel}" if any(plan.steps != other.steps for other in plans) else ""
        )
        for bound in plan.steps:
            parameters |= {
                f"{bound.id}.{name}{beside}": value for name, value in bound.parameters.items()
            }
    pixels = {
        "steps": {
            bound.id: f"{bound.component.name} {bound.component.version}"
            for bound in plans[0].steps
        },
        "order of steps": [[bound.id for bound in plan.steps] for plan in plans],
        "parameters": parameters,
        "grey levels of the whole stack": joblib.hash([plan.given for plan in plans]),
        "versions": record.environment()["packages"],
        "output": {"dtype": str(job.dtype)},
        "channels": job.channels,
    }
    layout = job.layout()
    kept = {
        "format": job.protocol.output.format,
        "slices": job.slices,
        "shape": layout.shape,
        "names": layout.names,
    }
    # Written beside the pixels: what a microscope said of the first slice stands for all of them here.
    kept |= {
        "pixel size": job.reader.metadata.pixel_size,
        "microscope tags": joblib.hash(layout.tags_at(0)),
    }
    work: dict[str, Any] = record.as_json(
        {
            "pixels": pixels,
            "layout": {**kept, "compression": layout.compression, "pyramid": layout.pyramid},
        }
    )
    return work


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """What is not the same in two descriptions of work, in words."""
    found: list[str] = []
    added: set[str] = set()
    for part, value in new.items():
        before = old.get(part)
        if before == value:
            continue
        if not isinstance(value, dict) or not isinstance(before, dict):
            if not found:
                found.append(
                    f"{part}: was {before}, now {value}"
                    if len(f"{before}{value}") < 60
                    else f"other {part}"
                )
            continue
        found += [
            f"{name} was {before[name]}, now {value[name]}"
            for name in value
            if before.get(name, value[name]) != value[name]
        ]
        if part == "steps":
            added = value.keys() ^ before.keys()
            found += [
                f"{name} is {'new' if name in value else 'gone'}"
                for name in (*value, *before)
                if name in added
            ]
        found += [
            f"{name} is new"
            for name in value
            if name not in before and name.split(".")[0] not in added and part != "steps"
        ]
    return found or ["the work is another"]


class Kept(NamedTuple):
    """A finished slice: its row, and where it lies if that is not where this run writes."""

    row: SliceRow
    earlier: tuple[Writer, int] | None


@dataclass
class Done:
    """What is finished: kept slices by their place; and how many are lost, by the reason in words."""

    kept: dict[SliceOfChannel, Kept] = field(default_factory=dict)
    lost: dict[str, int] = field(default_factory=dict)

    @property
    def in_place(self) -> int:
        """How many are where this run writes."""
        return sum(kept.earlier is None for kept in self.kept.values())


@dataclass(frozen=True)
class Candidate:
    """A slice that a journal has as finished, and where it should lie."""

    place: SliceOfChannel
    entry: Entry
    writer: Writer
    position: int
    in_place: bool

    def holds(self, reader: Reader) -> bool:
        """Whether input and output are what the journal says, pixel for pixel (or unusable, as they were)."""
        if output_hash := self.entry["output_hash"]:
            written = self.writer.read_back(self.position, self.place.channel)
            if written is None or pixel_hash(written) != output_hash:
                return False
        try:
            return pixel_hash(reader.read(self.place.number)) == str(self.entry["input_hash"])
        except BadSlice:
            return not self.entry["input_hash"]

    def kept(self) -> Kept:
        """The slice as one that need not be computed."""
        row = SliceRow(**{name: self.entry[name] for name in SliceRow.__dataclass_fields__})
        return Kept(row, None if self.in_place else (self.writer, self.position))


def candidates(
    job: Job,
    places: Sequence[SliceOfChannel],
    work: Mapping[str, Any],
    running: Ledger,
    published: Ledger,
) -> tuple[list[Candidate], dict[str, int]]:
    """The slices that journals of the same work have as finished, and those of other work by what is different."""
    found: dict[SliceOfChannel, Candidate] = {}
    lost: dict[str, int] = {}
    for ledger, in_place in ((published, False), (running, True)):
        if ledger.work is None or not ledger.slices:
            continue
        if ledger.work["pixels"] != work["pixels"]:
            lost["; ".join(differences(ledger.work["pixels"], work["pixels"]))] = len(ledger.slices)
        elif in_place and ledger.work["layout"] != work["layout"]:
            lost["; ".join(differences(ledger.work["layout"], work["layout"]))] = len(ledger.slices)
        else:
            folder = job.workspace.partial if in_place else job.workspace.folder
            found |= {each.place: each for each in _of(job, places, ledger, folder, in_place)}
    return list(found.values()), {} if found else lost


def _of(
    job: Job, places: Sequence[SliceOfChannel], ledger: Ledger, folder: Path, in_place: bool
) -> list[Candidate]:
    assert ledger.work is not None
    facts = ledger.work["layout"]
    layout = Layout(
        shape=tuple(facts["shape"]),
        dtype=np.dtype(ledger.work["pixels"]["output"]["dtype"]),
        names=tuple(facts["names"]),
        channels=len(job.channels),
        compression=facts["compression"],
        pyramid=facts["pyramid"],
    )
    writer = new_stack(facts["format"], folder, layout)
    unusable = UNUSABLE[job.protocol.input.on_bad_slice]
    position = {number: index for index, number in enumerate(facts["slices"])}
    entries = (
        (place, ledger.slices.get((place.number, job.channels[place.channel]))) for place in places
    )
    return [
        Candidate(place, entry, writer, position[place.number], in_place)
        for place, entry in entries
        if entry
        and (entry["input_hash"] or entry["status"] in unusable)
        and place.number in position
    ]


def finished(
    job: Job, places: Sequence[SliceOfChannel], work: Mapping[str, Any], log: Log, workers: Workers
) -> Done:
    """Those of some slices whose content is what a journal of the same work says."""
    running, published = (
        Journal(job.workspace.journal).ledger(),
        Ledger().read([job.workspace.folder / PUBLISHED]),
    )
    found, lost = candidates(job, places, work, running, published)
    done = Done(lost=lost)
    tasks = (delayed(_holding)(batch, job.readers) for batch in batches(found, workers.count))
    looked = 0
    with closing(workers.run(tasks, ordered=False)) as results:
        for batch in results:
            done.kept |= {candidate.place: candidate.kept() for candidate, holds in batch if holds}
            looked += len(batch)
            log.progress("check", looked, len(found))
    changed = len(found) - len(done.kept)
    if changed:
        done.lost["the input or the result has changed"] = changed
    return done


def _holding(batch: Sequence[Candidate], readers: Sequence[Reader]) -> list[tuple[Candidate, bool]]:
    return [(each, each.holds(readers[each.place.channel])) for each in batch]
