"""What happened to a slice."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from math import prod
from typing import Any

from stackmend import registry
from stackmend.errors import UsageError
from stackmend.explanation.told import Told
from stackmend.explanation.values import loss_text, share
from stackmend.result import Record, Result, names
from stackmend.result.rows import LEAVE_IT_ALONE, SliceRow
from stackmend.result.step_record import StepRecord
from stackmend.words import counted, few, figure, value

Tell = Iterator[Told]


def slice_story(result: Result, wanted: str) -> Tell:
    """Everything that is known of a slice, of each channel.

    Raises
    ------
    UsageError
        If there is no such slice.
    """
    rows = [row for row in result.slices if wanted in (str(row.slice), row.name)]
    if not rows:
        record = result.record.input
        first, last = min(record.slices), max(record.slices)
        what = f"the run has no slice {wanted}; its slices are {len(record.slices)}"
        raise UsageError(f"{what}, from {first} to {last}, by number or by name")
    for row in rows:
        yield from _story(result, row)


def _story(result: Result, row: SliceRow) -> Tell:
    record = result.record
    several = len(record.input.channels) > 1
    about = f"slice {row.slice}" + (f" of channel {row.channel}" if several else "")
    place = record.input.slices.index(row.slice) if row.slice in record.input.slices else None
    where = "" if place is None else f", at place {place} of the stack"
    yield Told(about, row.name, f"{row.name} of {record.input.label}{where}")
    reason = f": {row.reason}" if row.reason else ""
    yield Told("status", row.status.value, f"{row.words}{reason}")
    yield from _roles(result, row)
    yield from _mask(record, row)
    yield from _pixels(row)
    yield from _said_by_steps(_chain(record, row), row)
    yield from _surveyed(result, row)
    yield from _neighbours(record, row)
    for name in ("input_hash", "output_hash", "reach_hash"):
        if hash := getattr(row, name):
            yield Told(name.replace("_", " "), hash, hash)


def _chain(record: Record, row: SliceRow) -> tuple[StepRecord, ...]:
    return (record.chains or {}).get(str(row.channel), record.chain)


def _roles(result: Result, row: SliceRow) -> Tell:
    """What searches used the slice for."""
    for index, search in enumerate(result.searches):
        if search.channel != row.channel:
            continue
        about = f"search {index}"
        if row.slice in search.slices:
            own = [loss for loss in result.losses if loss.search == index]
            here = [loss for loss in own if loss.slice == row.slice]
            alone = next((each.loss for each in here if each.combination == LEAVE_IT_ALONE), None)
            chosen = [each.loss for each in here if _chosen(each.values, search.chosen)]
            text = "its values were chosen on this slice"
            if chosen and chosen[0] is not None:
                text += f": {loss_text(chosen[0])} here, {loss_text(alone)} left alone"
            yield Told(about, "optimization slice", text)
        if row.slice in search.held_out:
            loss = search.held_out[row.slice]
            shown = loss if isinstance(loss, str) else loss_text(loss)
            yield Told(about, "held out", f"held out: {shown}")
        for name, changed in search.clean.items():
            if name == f"slice {row.slice}" or name.startswith(f"slice {row.slice},"):
                text = f"known to be clean ({name}): {share(changed)} of its pixels change"
                yield Told(about, "clean", text)


def _chosen(values: Mapping[str, Any], chosen: Mapping[str, Any]) -> bool:
    own = {name: str(each) for name, each in values.items()}
    return bool(own) and own == {name: str(each) for name, each in chosen.items()}


def _mask(record: Record, row: SliceRow) -> Tell:
    if row.mask_area is None:
        return
    what = f", marking {record.mask_of}" if record.mask_of else ""
    text = f"{counted(row.mask_area, 'pixel')}, {share(row.mask_area / _size(record))}{what}"
    if row.mask_y is not None and row.mask_x is not None:
        text += f", centred at y {row.mask_y:.0f}, x {row.mask_x:.0f}"
    if row.masked_change is not None:
        darker = "brighter" if row.masked_change >= 0 else "darker"
        text += f"; {figure(abs(row.masked_change))} grey levels {darker} afterwards"
    yield Told("mask", row.mask_area, text)


def _size(record: Record) -> int:
    return prod(record.output.shape[1:])


def _pixels(row: SliceRow) -> Tell:
    if row.changed_fraction is None:
        return
    text = f"{share(row.changed_fraction)} of the pixels; {counted(row.clipped, 'pixel')} clipped"
    yield Told("changed", row.changed_fraction, text)
    for name in ("mean", "std", "noise", "rmse"):
        before, after = getattr(row, f"{name}_before"), getattr(row, f"{name}_after")
        if before is not None and after is not None:
            text = f"{before:.4g} before, {after:.4g} after, in grey levels"
            yield Told(name, [before, after], text)


def _said_by_steps(chain: tuple[StepRecord, ...], row: SliceRow) -> Tell:
    words: dict[str, str] = {}
    for step in chain:
        words |= {f"{step.id}.{name}": each for name, each in step.facts.items()}
    for step in chain:
        if step.found:
            yield Told(step.id, step.found, f"of the whole stack: {step.found}")
    for name, number in row.facts.items():
        yield Told(name, number, f"{words.get(name, 'measured')}: {figure(number)}")


def _surveyed(result: Result, row: SliceRow) -> Tell:
    """What surveys settled for all slices, and for this one."""
    file = result.folder / names.SURVEYS
    if not file.is_file():
        return
    try:
        channels = json.loads(file.read_text(encoding="utf-8"))["channels"]
        settled = channels.get(str(row.channel), {}).items()
    except (OSError, ValueError, KeyError, AttributeError):
        yield Told("surveys", None, f"{names.SURVEYS} cannot be read")
        return
    for product, entry in settled:
        if "each" in entry:
            own = entry["each"].get(str(row.slice))
            yield Told(product, own, f"settled for this slice: {_short(own)}")
        else:
            yield Told(product, entry.get("all"), f"for all slices: {_short(entry.get('all'))}")


def _short(settled: Any) -> str:
    """What was settled in a few words: arrays by their size."""
    if isinstance(settled, dict) and "array" in settled:
        return f"an array of {' x '.join(map(str, settled.get('shape', ())))} {settled['dtype']}"
    if isinstance(settled, dict):
        return ", ".join(f"{name} {_short(each)}" for name, each in settled.items())
    if isinstance(settled, list):
        return f"[{few(map(_short, settled), 6)}]"
    return value(settled)


def _neighbours(record: Record, row: SliceRow) -> Tell:
    """Which slices beside it were looked at, as far as the steps are installed here."""
    reach = 0
    for step in _chain(record, row):
        values = {name: each["value"] for name, each in step.parameters.items()}
        try:
            stages = registry.steps().get(step.step).stages
            reach += sum(stage.radius(values) for stage in stages)
        except (registry.RegistryError, KeyError):
            yield Told("neighbours", None, f"not known, as {step.step} is not installed here")
            return
    around = range(max(row.slice - reach, 0), min(row.slice + reach + 1, record.input.shape[0]))
    others = [number for number in around if number != row.slice]
    text = f"slices {few(others, 20)} were looked at as well" if others else "no other slice"
    yield Told("neighbours", others, text)
