"""Slices before and after, as the page shows them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from math import floor, log10
from typing import Any

from stackmend.report import page_plots, plot_data
from stackmend.report.trust import by_channel, facts_of
from stackmend.result import Result
from stackmend.result.previews import ShownSlice
from stackmend.result.rows import SliceRow, Status
from stackmend.words import figure, percent

Values = dict[str, Any]

BAR = 0.25
"""Share of the width of a picture that a scale bar takes at the most."""

_NEEDED = ("before", "after", "zoom_before", "zoom_after")
_OPTIONAL = ("mask", "zoom_mask", "subtracted")  # there is no mask where no step makes one


def data_uri(content: bytes | None) -> str | None:
    """A picture as a part of the page."""
    if content is None:
        return None
    kind = "png" if content.startswith(b"\x89PNG") else "webp"
    return f"data:image/{kind};base64,{b64encode(content).decode('ascii')}"


def shown_slices(source: Result) -> Iterator[Values]:
    """Slices before and after, those of which all pictures are there."""
    first = next(iter(by_channel(source.slices).values()), [])
    rows, facts = {row.slice: row for row in first}, facts_of(source)
    nm = source.record.input.pixel_size_nm.get("x") if source.finished else None
    for place, shown in enumerate(source.previews.slices):
        pictures = dict.fromkeys(_OPTIONAL)
        for name, file in shown["pictures"].items():
            pictures[name] = data_uri(source.picture(file))
        if all(pictures.get(name) for name in _NEEDED):
            row = rows.get(shown["slice"])
            values = _shown_slice(f"slice{place}", shown, pictures)
            yield {**values, **_bars(shown, nm), **_of_row(shown, row, facts)}


def _shown_slice(key: str, shown: ShownSlice, pictures: dict[str, str | None]) -> Values:
    height, width = shown["shape"]
    (top, bottom), (left, right) = shown["zoom"]
    box = left / width, top / height, (right - left) / width, (bottom - top) / height
    profile = shown["profile"]
    lines = (profile["x"] + 0.5) / width, (profile["y"] + 0.5) / height
    return {
        "id": key,
        "slice": shown["slice"],
        "name": shown["name"],
        "why": shown["why"],
        "display": shown["display"],
        "largest_change": shown["largest_change"],
        "difference_scale": shown["difference_scale"],
        "pictures": pictures,
        "profiles": [page_plots.line_profile(*line) for _, line in plot_data.profiles(profile)],
        "lines": [round(100 * share, 3) for share in lines],
        "size": f"{height} by {width} px",
        "reduced": shown["factor"],
        "box": [round(100 * share, 3) for share in box],
        "zoom_text": f"y {top} to {bottom}, x {left} to {right}",
        "broad": width > 2 * height,
        "aspect": f"{width} / {height}",
        "zoom_aspect": f"{right - left} / {bottom - top}",
    }


def _bars(shown: ShownSlice, nm: float | None) -> Values:
    """Scale bars of the slice and of its enlarged part: share of the width, and length."""
    left, right = shown["zoom"][1]
    return {"bar": scale_bar(shown["shape"][1], nm), "zoom_bar": scale_bar(right - left, nm)}


def scale_bar(width: int, nm: float | None) -> tuple[float, str] | None:
    """How wide a bar is, in percent of a picture of so many pixels, and the length it stands for.

    >>> scale_bar(1000, 8.0), scale_bar(1000, None)
    ((25.0, '2 µm'), None)
    """
    if not nm:
        return None
    most = BAR * width * nm
    power = 10.0 ** floor(log10(most))
    length = max(step * power for step in (1, 2, 5) if step * power <= most)
    text = f"{length / 1000:g} µm" if length >= 1000 else f"{length:g} nm"
    return round(100 * length / (width * nm), 2), text


def _of_row(shown: ShownSlice, row: SliceRow | None, facts: Mapping[str, str]) -> Values:
    """What the table of slices says of one."""
    if row is None:
        return {"changed": "", "masked": "", "facts": [], "untouched": ""}
    height, width = shown["shape"]
    masked = "" if row.mask_area is None else percent(row.mask_area / (height * width))
    said = [f"{facts[name]}: {figure(value)}" for name, value in row.facts.items() if name in facts]
    left = row.status in (Status.NOTHING_FOUND, Status.OVERMASKED)
    return {
        "changed": "" if row.changed_fraction is None else f"{row.changed_fraction:.2%}",
        "masked": masked,
        "facts": said,
        "untouched": row.words if left else "",
    }
