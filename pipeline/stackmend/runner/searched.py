"""What a search leaves in writing: its part of the record, and the table of its losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from statistics import median
from typing import Any

from stackmend.job import Job
from stackmend.protocol.build import is_whole
from stackmend.registry import FAILED, NOTHING_FOUND, Undefined
from stackmend.result.record import SearchRecord, SecondRecord
from stackmend.result.rows import LEAVE_IT_ALONE, LossRow
from stackmend.sweep import ALSO, REFUSED, Choice, Combination
from stackmend.tuning.chains import FinishedSearch, Tuning
from stackmend.tuning.plausible import MASKED_SHARE, OVERMASKED

LIMITS = ("minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum")
"""Words in which a schema says between which ends a value must lie."""


def search_record(job: Job, tuned: FinishedSearch) -> SearchRecord:
    """The record of a search, with what the schemas of its steps say of swept parameters."""
    entry, result, choice = tuned.entry, tuned.result, tuned.result.choice
    names = column_names(result.space.parameters)
    declared = dict(zip(names, _declared(job, tuned), strict=True))
    space = {name: axis.values for name, axis in zip(names, result.space.axes, strict=True)}
    content = SearchRecord(
        steps=tuple(entry.steps),
        channel=tuned.channel,
        loss=entry.loss.name,
        loss_version=entry.loss.loss.version,
        loss_parameters=entry.loss.parameters,
        loss_references=entry.loss.loss.references,
        strategy=entry.strategy,
        region=entry.region,
        space=space,
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
        refused=len(result.refused.keys() - tuned.failed.keys()),
        overmasked=sum(why == OVERMASKED for why in result.refused.values()),
        computed=tuned.computed,
        loss_description=str(entry.loss.loss.schema.get("description", "")),
        limits={name: _limits(each, space[name]) for name, each in declared.items()},
        whole=tuple(name for name, each in declared.items() if is_whole(each)),
        failed=dict(Counter(tuned.failed.values())),
        one_of=entry.alternative,
        beside=tuned.beside,
        also=_second_record(tuned),
        stopped_at=_stopped_at(tuned, names),
        known_weakness=entry.loss.loss.known_weakness,
    )
    if isinstance(choice, Choice):
        return _with_choice(content, tuned, choice)
    return replace(content, status=choice.status, reason=choice.reason)


def _stopped_at(tuned: FinishedSearch, names: Sequence[str]) -> dict[str, Any]:
    """The values behind which a strategy had the patience for no more; empty if it tried all."""
    result = tuned.result
    if tuned.entry.strategy["name"] != "patience" or len(result.combinations) == len(result.space):
        return {}
    return dict(zip(names, result.combinations[-1], strict=True))


def _second_record(tuned: FinishedSearch) -> SecondRecord | None:
    """What the second loss says of the choice."""
    also, second = tuned.entry.also, tuned.second
    if also is None or second is None:
        return None
    names = column_names(tuned.result.space.parameters)
    best = {} if second.best is None else dict(zip(names, second.best, strict=True))
    return SecondRecord(
        loss=also.name,
        loss_version=also.loss.version,
        loss_parameters=also.parameters,
        of_choice=second.of_choice,
        before=second.before,
        best=second.best_loss,
        best_values=best,
        best_chain=second.chain,
        disagrees=second.disagrees,
        known_weakness=also.loss.known_weakness,
    )


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


def _declared(job: Job, tuned: FinishedSearch) -> Iterator[Mapping[str, Any]]:
    """What the schemas of the steps say of each swept parameter."""
    chain = job.protocol.variant(tuned.entry.alternative)
    components = {entry.id: entry.step for entry in chain}
    for id, name in tuned.result.space.parameters:
        yield components[id].schema["properties"][name]


def _limits(declared: Mapping[str, Any], tried: Sequence[Any]) -> dict[str, float]:
    """Between which ends there are other values to be tried; where some are listed, none."""
    if "enum" in declared:
        numbers = [value for value in tried if isinstance(value, int | float)]
        return {"minimum": min(numbers), "maximum": max(numbers)} if numbers else {}
    return {word: declared[word] for word in LIMITS if word in declared}


def loss_rows(tuning: Tuning) -> Iterator[LossRow]:
    """Rows of ``losses.csv``: every combination of every search on every slice."""
    for index, tuned in enumerate(tuning.searches):
        names = column_names(tuned.result.space.parameters)
        for number, losses in tuned.result.losses.items():
            for place, (combination, value) in enumerate(losses.items()):
                reason = tuned.failed.get(combination, "")
                out = REFUSED if combination in tuned.result.refused else "ok"
                out = FAILED if reason else out
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
                    masked_share=_measured(tuned, MASKED_SHARE, number, combination),
                    also=_measured(tuned, ALSO, number, combination),
                    reason=reason,
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
        masked_share=0.0 if tuned.result.measured.get(MASKED_SHARE) else None,
        also=_number(tuned.second.untouched.get(number) if tuned.second else None),
    )


def _measured(
    tuned: FinishedSearch, name: str, number: int, combination: Combination
) -> float | None:
    """What was measured of a combination on a slice besides its loss."""
    return _number(tuned.result.measured.get(name, {}).get(number, {}).get(combination))


def _number(value: float | Undefined | None) -> float | None:
    return None if isinstance(value, Undefined) else value


def column_names(parameters: Sequence[tuple[str, str]]) -> list[str]:
    """Short names where they are unambiguous, ``step.parameter`` otherwise."""
    names = [name for _, name in parameters]
    return [name if names.count(name) == 1 else f"{id}.{name}" for id, name in parameters]
