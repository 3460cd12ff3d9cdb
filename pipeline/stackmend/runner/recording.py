"""What a run leaves in writing: its record, and the table of its losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from statistics import median
from typing import Any

import numpy as np

from stackmend.chain import Bound, Parameter
from stackmend.job import Job
from stackmend.registry import Undefined, steps
from stackmend.result.environment import environment
from stackmend.result.hashes import combined_hash
from stackmend.result.reading import FORMAT
from stackmend.result.rows import SliceRow
from stackmend.search import Choice
from stackmend.tuning.chains import ChannelChain, FinishedSearch, Tuning


def run_record(
    job: Job, tuning: Tuning, rows: Sequence[SliceRow], **circumstances: Any
) -> dict[str, Any]:
    """Everything that is needed to explain and to repeat a finished run.

    ``circumstances`` are ``warnings``, ``workers``, ``times``, ``estimate``, ``kept`` and ``shards``.
    """
    chains = {
        str(number): _chain_record(job, plan, tuning)
        for number, plan in zip(job.channels, tuning.chains, strict=True)
    }
    first, *others = chains.values()
    plan = tuning.chains[0]
    where = {**environment(), "workers": circumstances.pop("workers")}
    return {
        "record": FORMAT,
        "status": "finished",
        "name": job.protocol.name,
        "protocol": {
            "file": job.protocol.file,
            "folder": job.protocol.folder,
            "text": job.protocol.source.decode("utf-8-sig"),
            **asdict(job.protocol.given),
        },
        "input": {
            **_input_record(job),
            "pixel_hash": combined_hash(row.input_hash for row in rows),
        },
        "output": {
            "format": job.protocol.output.format,
            "dtype": str(job.dtype),
            "compression": job.protocol.output.compression,
            "pyramid": job.protocol.output.pyramid,
            "shape": job.shape,
            "origin": job.origin,
            "clipped": sum(row.clipped for row in rows),
            "pixel_hash": combined_hash(row.output_hash for row in rows),
        },
        "chain": first,
        "chains": chains if any(chain != first for chain in others) else None,
        "skipped_steps": plan.skipped,
        "replaced_chain": plan.replaced,
        "searches": [_search_record(tuned) for tuned in tuning.searches],
        "slices": _slices_record(rows, circumstances.pop("kept")),
        "truth": _truth_record(rows),
        "environment": where,
        **circumstances,
    }


def _input_record(job: Job) -> dict[str, Any]:
    given, reader = job.protocol.input, job.reader
    return {
        "path": given.path,
        "phantom": given.phantom,
        "dataset": given.dataset,
        "channels": job.channels,
        "label": reader.label,
        "shape": reader.shape,
        "dtype": str(reader.dtype),
        "pixel_size_nm": dict(zip("zyx", reader.metadata.pixel_size, strict=True)),
        "pixel_size_source": reader.metadata.source,
        "slices": job.slices,
        "on_bad_slice": given.on_bad_slice,
        "notes": reader.notes,
    }


def _chain_record(job: Job, plan: ChannelChain, tuning: Tuning) -> list[dict[str, Any]]:
    chosen = {key for tuned in tuning.searches for key in tuned.result.chosen}
    return [_step_record(job, plan, bound, chosen) for bound in plan.steps]


def _step_record(
    job: Job, plan: ChannelChain, bound: Bound, chosen: Collection[Parameter]
) -> dict[str, Any]:
    declared = {entry.id: entry for entry in job.protocol.chain} if not plan.replaced else {}
    parameters = {}
    for name, value in bound.parameters.items():
        entry = declared.get(bound.id)
        origin = entry.origins[name] if entry else "on_nothing_found"
        if (bound.id, name) in chosen:
            origin = f"chosen by search ({origin})"
        parameters[name] = {"value": value, "origin": origin}
    component = bound.component
    package = steps().origin(component.name)
    named = {
        "id": bound.id,
        "step": component.name,
        "package": package,
        "version": component.version,
    }
    return {**named, "parameters": parameters, "references": component.references}


def _search_record(tuned: FinishedSearch) -> dict[str, Any]:
    result, choice = tuned.result, tuned.result.choice
    short = dict(zip(result.space.parameters, column_names(result.space.parameters), strict=True))
    names = list(short.values())
    content: dict[str, Any] = {
        "steps": tuned.entry.steps,
        "channel": tuned.channel,
        "loss": tuned.entry.loss.name,
        "loss_version": tuned.entry.loss.loss.version,
        "loss_parameters": tuned.entry.loss.parameters,
        "loss_references": tuned.entry.loss.loss.references,
        "strategy": {"name": tuned.entry.strategy.name, **tuned.entry.strategy.options},
        "region": tuned.entry.region,
        "space": {name: axis.values for name, axis in zip(names, result.space.axes, strict=True)},
        "combinations": len(result.combinations),
        "slices": list(result.losses),
        "distinct_work": dict(result.work),
        "seconds": tuned.seconds,
        "slices_without_findings": choice.slices_without_findings,
    }
    if isinstance(choice, Choice):
        content |= {
            "status": "chosen",
            "chosen": dict(zip(names, choice.combination, strict=True)),
            "loss_of_choice": choice.loss,
            "loss_before": tuned.loss_before,
            "loss_median": median(
                mean for each in result.combinations if (mean := result.mean(each)) is not None
            ),
            "held_out": {
                str(number): _plain_loss(value) for number, value in tuned.held_out.items()
            },
            "tied": len(choice.tied),
            "on_edge": {short[parameter]: end for parameter, end in choice.edges.items()},
            "landmarks": {
                name: result.combinations.index(each) for name, each in result.landmarks.items()
            },
            "without_effect": [short[parameter] for parameter in choice.without_effect],
        }
    else:
        content |= {"status": choice.status, "reason": choice.reason}
    return content


def _plain_loss(value: float | Undefined) -> float | str:
    return value.status if isinstance(value, Undefined) else value


def _slices_record(rows: Sequence[SliceRow], kept: int) -> dict[str, int]:
    """How many slices ended how, and how many of them were taken over from earlier work."""
    return {"all": len(rows), "kept_from_earlier": kept, **Counter(row.status for row in rows)}


def _truth_record(rows: Sequence[SliceRow]) -> dict[str, float] | None:
    before = [row.rmse_before for row in rows if row.rmse_before is not None]
    after = [row.rmse_after for row in rows if row.rmse_after is not None]
    if not before or not after:
        return None
    total_before, total_after = (
        float(np.sqrt(np.mean(np.square(values)))) for values in (before, after)
    )
    return {"rmse_before": total_before, "rmse_after": total_after}


def loss_rows(tuning: Tuning) -> Iterator[dict[str, Any]]:
    """Rows of ``losses.csv``: every combination of every search on every slice."""
    for entry_index, tuned in enumerate(tuning.searches):
        space = tuned.result.space
        names = column_names(space.parameters)
        for number, row in tuned.result.losses.items():
            for index, (combination, value) in enumerate(row.items()):
                yield {
                    "search": entry_index,
                    "channel": tuned.channel,
                    "slice": number,
                    "combination": index,
                    **dict(zip(names, combination, strict=True)),
                    "loss": "" if isinstance(value, Undefined) else repr(value),
                    "mean_loss": _text(tuned.result.mean(combination)),
                    "status": value.status if isinstance(value, Undefined) else "ok",
                }


def column_names(parameters: Sequence[tuple[str, str]]) -> list[str]:
    """Short names where they are unambiguous, ``step.parameter`` otherwise."""
    names = [name for _, name in parameters]
    return [name if names.count(name) == 1 else f"{id}.{name}" for id, name in parameters]


def _text(value: float | None) -> str:
    return "" if value is None else repr(value)
