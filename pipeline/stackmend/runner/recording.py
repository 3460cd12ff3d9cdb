"""What a run leaves in writing: its record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from stackmend.chain import Bound, Parameter
from stackmend.job import Job
from stackmend.job.fit import grid_of
from stackmend.registry import Component, Each, LoadedFile, Step, steps
from stackmend.result.encoding import as_json
from stackmend.result.envelope_record import EnvelopeRecord
from stackmend.result.environment import environment
from stackmend.result.gate_record import GateRecord
from stackmend.result.hashes import combined_hash
from stackmend.result.record import (
    Estimate,
    InputRecord,
    MasksRecord,
    OutputRecord,
    ProtocolRecord,
    Record,
    SliceCounts,
    Times,
    TruthRecord,
)
from stackmend.result.recovery_record import RecoveryRecord
from stackmend.result.rows import SliceRow
from stackmend.result.step_record import ParameterRecord, StepRecord
from stackmend.runner.searched import search_record
from stackmend.tuning.chains import ChannelChain, Tuning


def run_record(
    job: Job,
    tuning: Tuning,
    rows: Sequence[SliceRow],
    recovery: Sequence[RecoveryRecord],
    *,
    gates: Sequence[GateRecord],
    warnings: Sequence[str],
    workers: int,
    times: Times,
    estimate: Estimate,
    kept: int,
    shards: Sequence[Mapping[str, Any]],
) -> Record:
    """Everything that is needed to explain and to repeat a finished run."""
    chains = {}
    for number, chain in zip(job.channels, tuning.chains, strict=True):
        chains[str(number)] = _chain_record(job, chain, tuning)
    first, *others = chains.values()
    return Record(
        name=job.protocol.name,
        protocol=protocol_record(job),
        input=_input_record(job, rows),
        output=_output_record(job, rows),
        chain=first,
        chains=chains if any(chain != first for chain in others) else None,
        mask_of=_mask_of(tuning),
        skipped_steps=tuple(tuning.chains[0].skipped),
        replaced_chain=tuning.chains[0].replaced,
        searches=tuple(search_record(job, tuned) for tuned in tuning.searches),
        slices=_slice_counts(rows, kept),
        masked_share=_masked_share(rows),
        truth=_truth_record(rows),
        envelope=_envelope(job, tuning, rows),
        recovery=tuple(recovery),
        gates=tuple(gates),
        environment=environment(workers),
        warnings=tuple(warnings),
        times=times,
        estimate=estimate,
        shards=tuple(shards),
    )


def protocol_record(job: Job) -> ProtocolRecord:
    """The protocol of a job, and what the command line added."""
    given = as_json(job.protocol.given)
    return {
        "file": str(job.protocol.file),
        "folder": str(job.protocol.folder),
        "text": job.protocol.source.decode("utf-8-sig"),
        "input": given["input"],
        "output": given["output"],
        "set": given["set"],
    }


def _input_record(job: Job, rows: Sequence[SliceRow]) -> InputRecord:
    given, reader = job.protocol.input, job.reader
    return InputRecord(
        path=None if given.path is None else str(given.path),
        phantom=given.phantom,
        dataset=given.dataset,
        channels=job.channels,
        label=reader.label,
        shape=reader.shape,
        dtype=str(reader.dtype),
        pixel_size_nm=dict(zip("zyx", reader.metadata.pixel_size, strict=True)),
        pixel_size_source=reader.metadata.source,
        slices=job.slices,
        on_bad_slice=given.on_bad_slice,
        notes=tuple(reader.notes),
        pixel_hash=combined_hash(row.input_hash for row in rows),
    )


def _output_record(job: Job, rows: Sequence[SliceRow]) -> OutputRecord:
    output = job.protocol.output
    return OutputRecord(
        format=output.format,
        dtype=str(job.dtype),
        compression=output.compression,
        pyramid=output.pyramid,
        shape=job.shape,
        origin=job.origin,
        clipped=sum(row.clipped for row in rows),
        pixel_hash=combined_hash(row.output_hash for row in rows),
        masks=_masks_record(job, rows),
    )


def _masks_record(job: Job, rows: Sequence[SliceRow]) -> MasksRecord | None:
    masks = job.masks()
    if masks is None:
        return None
    return {
        "path": masks.writer.path.relative_to(job.workspace.partial).as_posix(),
        "dtype": str(masks.writer.layout.dtype),
        "marked": masks.marked,
        "pixel_hash": combined_hash(row.mask_hash for row in rows),
    }


def _mask_of(tuning: Tuning) -> str | None:
    """What the mask marks that people are shown, in the words of the step that makes it."""
    for chain in tuning.chains:
        for bound in chain.steps:
            for stage in bound.component.stages:
                if stage.mask_of:
                    return stage.mask_of
    return None


def _masked_share(rows: Sequence[SliceRow]) -> float | None:
    areas = [row.mask_area for row in rows if row.mask_area is not None]
    return sum(area > 0 for area in areas) / len(areas) if areas else None


def _chain_record(job: Job, chain: ChannelChain, tuning: Tuning) -> tuple[StepRecord, ...]:
    chosen: set[Parameter] = set()
    for tuned in tuning.searches:
        chosen.update(tuned.result.chosen)
    return tuple(_step_record(job, chain, bound, chosen) for bound in chain.steps)


def _step_record(
    job: Job, chain: ChannelChain, bound: Bound, chosen: Collection[Parameter]
) -> StepRecord:
    variant = job.protocol.variant(chain.alternative)
    declared = {entry.id: entry for entry in variant} if not chain.replaced else {}
    entry, parameters = declared.get(bound.id), dict[str, ParameterRecord]()
    grid = grid_of(job.reader)
    for name, value in bound.parameters.items():
        origin = entry.origins[name] if entry else "on_nothing_found"
        if (bound.id, name) in chosen:
            origin = f"chosen by search ({origin})"
        parameters[name] = {"value": value, "origin": origin}
        if isinstance(value, LoadedFile):
            parameters[name]["file"] = value.hash
        given = entry.written.get(name, {}).get(_hashable(value)) if entry else None
        if given:
            parameters[name]["given"] = given
        if length := grid.text(value, bound.component.schema["properties"][name]):
            parameters[name]["length"] = length
    component = bound.component
    return StepRecord(
        id=bound.id,
        step=component.name,
        package=steps().origin(component.name),
        version=component.version,
        parameters=parameters,
        references=component.references,
        titles=_titles(component),
        facts=_facts(component),
        polarity=_polarity(bound),
        found=_found(chain, bound),
    )


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _titles(component: Component) -> dict[str, str]:
    """What parameters are called in words, where their schema says so."""
    declared = component.schema.get("properties", {})
    return {name: each["title"] for name, each in declared.items() if "title" in each}


def _facts(component: Component) -> dict[str, str]:
    found: dict[str, str] = {}
    for stage in component.stages:
        found |= stage.facts
    return found


def facts_of_masks(tuning: Tuning) -> dict[str, str]:
    """What the numbers are that steps which mark say of slices, by the names of their columns."""
    found: dict[str, str] = {}
    for chain in tuning.chains:
        for bound in chain.steps:
            marks = any(stage.mask_of for stage in bound.component.stages)
            own = _facts(bound.component) if marks else {}
            found |= {f"{bound.id}.{name}": words for name, words in own.items()}
    return found


def _found(chain: ChannelChain, bound: Bound) -> str:
    """What a step has found out about the stack, where its survey says it in words."""
    settled = chain.settled.get(bound.survey_product or "")
    return str(settled.about.get("found", "")) if isinstance(settled, Each) else ""


def _polarity(bound: Bound) -> str | None:
    name = bound.component.darkness if isinstance(bound.component, Step) else ""
    if not name:
        return None
    return "dark" if bound.parameters[name] else "bright"


def _slice_counts(rows: Sequence[SliceRow], kept: int) -> SliceCounts:
    count = Counter(row.status.value for row in rows)
    return {
        "all": len(rows),
        "kept_from_earlier": kept,
        "restored": count["restored"],
        "constant": count["constant"],
        "nothing_found": count["nothing_found"],
        "kept": count["kept"],
        "blank": count["blank"],
        "skipped": count["skipped"],
        "overmasked": count["overmasked"],
    }


def _truth_record(rows: Sequence[SliceRow]) -> TruthRecord | None:
    before = [row.rmse_before for row in rows if row.rmse_before is not None]
    after = [row.rmse_after for row in rows if row.rmse_after is not None]
    if not before or not after:
        return None
    return {"rmse_before": _root_mean_square(before), "rmse_after": _root_mean_square(after)}


def _envelope(job: Job, tuning: Tuning, rows: Sequence[SliceRow]) -> EnvelopeRecord | None:
    """What the chosen values were for: the slices of the channels that were searched."""
    searched = {tuned.channel for tuned in tuning.searches}
    seen = [row for row in rows if row.channel in searched]
    mean = _ends(row.mean_before for row in seen)
    std = _ends(row.std_before for row in seen)
    if mean is None or std is None:
        return None
    height, width = job.shape[1:]
    areas = (row.mask_area for row in seen)
    shares = (None if area is None else area / (height * width) for area in areas)
    y, x = job.reader.metadata.pixel_size[1:]
    return {
        "dtype": str(job.reader.dtype),
        "pixel_size": None if y is None or x is None else (y, x),
        "mean": mean,
        "std": std,
        "noise": _ends(row.noise_before for row in seen),
        "masked": _ends(shares),
    }


def _ends(values: Iterable[float | None]) -> tuple[float, float] | None:
    """The least and the greatest of those that are known."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    return float(f"{min(known):.4g}"), float(f"{max(known):.4g}")


def _root_mean_square(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))
