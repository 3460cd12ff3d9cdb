"""Sections across the slices, as the page shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stackmend.report.shown import data_uri
from stackmend.result import Result
from stackmend.result.previews import ShownSection

Values = dict[str, Any]

SIDES = ("before", "after")


def shown_sections(source: Result) -> Iterator[Values]:
    """Sections before and after, those of which both pictures are there."""
    for shown in source.previews.sections:
        pictures = {side: data_uri(source.picture(shown["pictures"][side])) for side in SIDES}
        if all(pictures.values()):
            across, along = ("XZ", "row y =") if shown["axis"] == "x" else ("YZ", "column x =")
            yield {
                "title": f"{across} section, {along} {shown['at']}",
                "words": _words(shown, source),
                "aspect": f"{shown['aspect']:.4f}",
                "pictures": pictures,
            }


def _words(shown: ShownSection, source: Result) -> str:
    """What is shown of the line and of the stack, and in which proportions."""
    first, last = shown["slices"]
    rows = {row.slice for row in source.slices}
    said = f"{shown['axis']} from {shown['start']} to {shown['stop'] - 1}, to the right; "
    said += f"slices {first} to {last}, downwards"
    if shown["count"] < len(rows):
        said += f", {shown['count']} of {len(rows)} at equal distances"
    sizes = source.record.input.pixel_size_nm if source.finished else {}
    known = sizes.get("z") and sizes.get(shown["axis"])
    proportions = "Voxels have their proportions" if known else "Proportions are those of cubes"
    unknown = "" if known else ", as the size of a voxel is not known"
    if shown["resliced"]:
        unknown += ". Before are the slices that were interpolated as the stack was read"
    low, high = (f"{level:.4g}" for level in shown["display"])
    return f"{said}. {proportions}{unknown}. Grey levels {low} (black) to {high} (white)."
