"""What guards say: clean slices, combinations that are out, pixels that are not measured."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any

from stackmend.report.landscape import Search, Trial, loss_of, short
from stackmend.report.shown import data_uri
from stackmend.result import Result
from stackmend.result.previews import ShownSearch
from stackmend.result.record import SearchRecord
from stackmend.result.rows import MOST_MASKED, REFUSED, Status
from stackmend.words import counted, percent

WORST = 3
"""Slices with the most pixels that are not measured, which are named."""

Values = dict[str, Any]


def clean_rows(record: SearchRecord) -> list[tuple[str, str, str]]:
    """Each clean slice with the share that is changed of it, and whether that is allowed."""
    allowed = record.max_changed or 0.0
    rows = []
    for name, share in record.clean.items():
        rows.append((name, f"{share:.3%}", "yes" if share <= allowed else "no: too much"))
    return rows


def outcome(search: Search, trial: Trial) -> str:
    """What became of a combination."""
    if trial.refused:
        return f"refused: {'; '.join(reasons(search, trial))}"
    return "chosen" if search.chosen and trial.index == search.chosen.index else ""


def reasons(search: Search, trial: Trial) -> Iterator[str]:
    """Which guards refused a combination, with their figures."""
    allowed = search.record.max_changed if search.record else None
    changes = trial.clean_changed is not None and trial.clean_changed > (allowed or 0.0)
    masks = trial.masked_share is not None and trial.masked_share > MOST_MASKED
    if changes:
        most = "" if allowed is None else f" ({allowed:.2%} allowed)"
        yield f"changes {trial.clean_changed:.2%} of a clean slice{most}"
    if masks:
        share = percent(trial.masked_share or 0.0)
        yield f"masks {share} of a slice ({percent(MOST_MASKED)} allowed)"
    if not (changes or masks):
        yield f"masks more than {percent(MOST_MASKED)} of a clean slice"


def refused_candidate(
    search: Search, pictured: ShownSearch | None, source: Result
) -> Values | None:
    """The best by its loss of the combinations that a guard refused, beside the choice."""
    trial = search.best_refused
    if trial is None:
        return None
    file = pictured["points"].get(REFUSED) if pictured else None
    chosen = search.chosen
    return {
        "values": [(n, short(v)) for n, v in zip(search.names, trial.values, strict=True)],
        "loss": f"{loss_of(trial):.4f}",
        "chosen": f"{loss_of(chosen):.4f}" if chosen else "",
        "better": chosen is not None and loss_of(trial) < loss_of(chosen),
        "why": list(reasons(search, trial)),
        "picture": data_uri(source.picture(file)) if file else None,
    }


def restored_pixels(source: Result) -> Values | None:
    """How many pixels lie under a mask and are restored, of the stack and of the worst slices."""
    if not source.finished:
        return None
    pixels = prod(source.record.output.shape[1:])
    rows = [row for row in source.slices if row.mask_area is not None]
    if not rows:
        return None
    areas = {
        row.slice: row.mask_area or 0
        for row in rows
        if row.status is not Status.OVERMASKED and row.changed_fraction
    }
    worst = sorted((each for each in areas if areas[each]), key=lambda each: -areas[each])[:WORST]
    masked = sum(area > 0 for area in areas.values())
    return {
        "share": percent(sum(areas.values()) / (pixels * len(rows))),
        "slices": f"{masked} of {counted(len(rows), 'slice')}",
        "worst": [(number, percent(areas[number] / pixels)) for number in worst],
        "any": bool(worst),
    }
