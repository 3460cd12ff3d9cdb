"""What a run leaves in writing: its record, and the table of its losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

import numpy as np

from stackmend.chain import Bound, Parameter
from stackmend.job import Job
from stackmend.registry import NOTHING_FOUND, Undefined, steps
from stackmend.result.encoding import as_json
from stackmend.result.environment import environment
from stackmend.result.hashes import combined_hash
from stackmend.result.record import (
    Estimate,
    InputRecord,
    OutputRecord,
    ParameterRecord,
    ProtocolRecord,
    Record,
    SearchRecord,
    SliceCounts,
    StepRecord,
    Times,
    TruthRecord,
)
from stackmend.result.rows import LEAVE_IT_ALONE, LossRow, SliceRow
from stackmend.search import REFUSED, Choice
from stackmend.tuning.chains import ChannelChain, FinishedSearch, Tuning


def run_record(
    job: Job,
    tuning: Tuning,
    rows: Sequence[SliceRow],
    *,
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
        searches=tuple(_search_record(tuned) for tuned in tuning.searches),
        slices=_slice_counts(rows, kept),
        masked_share=_masked_share(rows),
        truth=_truth_record(rows),
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
    )


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
    declared = {entry.id: entry for entry in job.protocol.chain} if not chain.replaced else {}
    entry, parameters = declared.get(bound.id), dict[str, ParameterRecord]()
    for name, value in bound.parameters.items():
        origin = entry.origins[name] if entry else "on_nothing_found"
        if (bound.id, name) in chosen:
            origin = f"chosen by search ({origin})"
        parameters[name] = {"value": value, "origin": origin}
    component = bound.component
    return StepRecord(
        id=bound.id,
        step=component.name,
        package=steps().origin(component.name),
        version=component.version,
        parameters=parameters,
        references=component.references,
    )


def _search_record(tuned: FinishedSearch) -> SearchRecord:
    entry, result, choice = tuned.entry, tuned.result, tuned.result.choice
    names = column_names(result.space.parameters)
    content = SearchRecord(
        steps=tuple(entry.steps),
        channel=tuned.channel,
        loss=entry.loss.name,
        loss_version=entry.loss.loss.version,
        loss_parameters=entry.loss.parameters,
        loss_references=entry.loss.loss.references,
        strategy=entry.strategy,
        region=entry.region,
        space={name: axis.values for name, axis in zip(names, result.space.axes, strict=True)},
        combinations=len(result.combinations),
        slices=tuple(result.losses),
        distinct_work=dict(result.work),
        seconds=tuned.seconds,
        status="chosen",
        finds=entry.loss.loss.finds,
        advice=entry.loss.loss.advice,
        slices_without_findings=choice.slices_without_findings,
        loss_before=tuned.loss_before,
        clean=tuned.clean,
        max_changed=entry.max_changed if entry.clean else None,
        refused=len(result.refused),
    )
    if isinstance(choice, Choice):
        return _with_choice(content, tuned, choice)
    return replace(content, status=choice.status, reason=choice.reason)


def _with_choice(content: SearchRecord, tuned: FinishedSearch, choice: Choice) -> SearchRecord:
    """The record of a search with what was chosen, and how far that can be trusted."""
    result = tuned.result
    names = column_names(result.space.parameters)
    short = dict(zip(result.space.parameters, names, strict=True))
    means = [result.mean(each) for each in result.combinations]
    return replace(
        content,
        chosen=dict(zip(names, choice.combination, strict=True)),
        loss_of_choice=choice.loss,
        loss_median=median(mean for mean in means if mean is not None),
        held_out={number: _loss_or_status(value) for number, value in tuned.held_out.items()},
        tied=len(choice.tied),
        on_edge={short[parameter]: end for parameter, end in choice.edges.items()},
        landmarks={name: result.combinations.index(at) for name, at in result.landmarks.items()},
        without_effect=tuple(short[parameter] for parameter in choice.without_effect),
    )


def _loss_or_status(value: float | Undefined) -> float | str:
    return value.status if isinstance(value, Undefined) else value


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
    }


def _truth_record(rows: Sequence[SliceRow]) -> TruthRecord | None:
    before = [row.rmse_before for row in rows if row.rmse_before is not None]
    after = [row.rmse_after for row in rows if row.rmse_after is not None]
    if not before or not after:
        return None
    return {"rmse_before": _root_mean_square(before), "rmse_after": _root_mean_square(after)}


def _root_mean_square(values: Sequence[float]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))


def loss_rows(tuning: Tuning) -> Iterator[LossRow]:
    """Rows of ``losses.csv``: every combination of every search on every slice."""
    for index, tuned in enumerate(tuning.searches):
        names = column_names(tuned.result.space.parameters)
        for number, losses in tuned.result.losses.items():
            for place, (combination, value) in enumerate(losses.items()):
                out = REFUSED if combination in tuned.result.refused else "ok"
                yield LossRow(
                    search=index,
                    channel=tuned.channel,
                    slice=number,
                    combination=place,
                    values=dict(zip(names, combination, strict=True)),
                    loss=None if isinstance(value, Undefined) else value,
                    mean_loss=tuned.result.mean(combination),
                    status=value.status if isinstance(value, Undefined) else out,
                    clean_changed=tuned.changed.get(combination),
                )
            yield _untouched_row(index, tuned, number)


def _untouched_row(index: int, tuned: FinishedSearch, number: int) -> LossRow:
    """The row of a slice that is left alone; without a choice there may be no mask to judge it."""
    loss = tuned.untouched.get(number, Undefined(NOTHING_FOUND, ""))
    return LossRow(
        search=index,
        channel=tuned.channel,
        slice=number,
        combination=LEAVE_IT_ALONE,
        values={},
        loss=None if isinstance(loss, Undefined) else loss,
        mean_loss=tuned.loss_before,
        status=loss.status if isinstance(loss, Undefined) else "ok",
        clean_changed=0.0 if tuned.changed else None,
    )


def column_names(parameters: Sequence[tuple[str, str]]) -> list[str]:
    """Short names where they are unambiguous, ``step.parameter`` otherwise."""
    names = [name for _, name in parameters]
    return [name if names.count(name) == 1 else f"{id}.{name}" for id, name in parameters]
