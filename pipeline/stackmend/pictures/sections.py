"""Sections across the slices of a stack, before and after: one row and one column of each slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stackmend.errors import BadSlice
from stackmend.job import Job
from stackmend.pictures.drawing import Display, webp
from stackmend.restore.written import Form
from stackmend.stacks import Pixels, Writer

FEWEST = 4
"""Slices of a stack across which sections are shown, at the least."""

MOST = 400
"""Slices that are read for it at the most, evenly spaced."""

WIDTH, NARROW = 1000, 200
"""Pixels across at the most, and those that are shown of a stack of ever so few slices."""

BROAD = 4
"""How many times as wide as high a section is at the most, if it is not narrow."""

LEAST = 500
"""Pixels across below which those of a section are drawn larger."""

BYTES = 60_000
"""Of each picture at the most."""

Line = NDArray[np.float32]
Lines = tuple[Line | None, Line | None]
"""What a section shows of a slice, before and after; ``None`` of one that is not there."""


@dataclass(frozen=True)
class Section:
    """Where a section lies in a restored slice, and what is shown of it.

    Attributes
    ----------
    axis : {'x', 'y'}
        Which axis it shows across; the slices go down.
    at : int
        The row, or the column.
    start, stop : int
        What is shown of the line.
    factor : int
        Pixels of it that are one in the picture, their mean.
    height : float
        How high a slice is in the picture, in pixels of it.
    """

    axis: str
    at: int
    start: int
    stop: int
    factor: int
    height: float

    def of(self, page: Pixels) -> Line:
        """The line in a slice."""
        across = page if self.axis == "x" else page.T
        line = across[self.at, self.start : self.stop].astype(np.float32)
        return np.asarray(line.reshape(-1, self.factor).mean(axis=1))


class SectionLines:
    """Reads what sections show of slices, here or in a worker that it is sent to."""

    def __init__(self, job: Job, writer: Writer, sections: Sequence[Section]) -> None:
        self.reader, self.writer, self.sections = job.reader, writer, tuple(sections)
        self.form = Form.of(job)

    def read(self, places: Sequence[tuple[int, int]]) -> list[list[Lines]]:
        """The lines of some slices, given by number in the input and position in the output."""
        return [self._of_slice(number, position) for number, position in places]

    def _of_slice(self, number: int, position: int) -> list[Lines]:
        try:
            before = self.form.in_place(self.reader.read(number))
        except BadSlice:
            before = None
        pages = before, self.writer.read_back(position)
        lines: list[Lines] = []
        for section in self.sections:
            one, other = (None if page is None else section.of(page) for page in pages)
            lines.append((one, other))
        return lines


def chosen_slices(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Which slices are read: number and position of every one, or of evenly spaced ones.

    None of a stack of ever so few.
    """
    if len(numbers) < FEWEST:
        return []
    step = -(-len(numbers) // MOST)
    return [(number, place) for place, number in enumerate(numbers)][::step]


def sections_through(job: Job, writer: Writer, count: int) -> list[Section]:
    """Sections through the middle of the restored slices, of so many of these.

    Pixels are taken together only where a slice is as high as several of them, as what jumps from
    slice to slice would not be seen otherwise; of wide slices the middle is shown.
    """
    z, *sizes = writer.layout.metadata_at(0).pixel_size
    step = -(-len(job.slices) // count)
    found = []
    for axis, pixel, size, at in zip("yx", sizes, job.specimen, job.specimen[::-1], strict=True):
        height = step * (z / pixel if z and pixel else 1.0)
        factor = max(1, min(-(-size // WIDTH), round(height), size))
        across = max(NARROW * factor, BROAD * count * height)
        shown = max(1, int(min(size, WIDTH * factor, across)) // factor) * factor
        start = (size - shown) // 2
        found.append(Section(axis, at // 2, start, start + shown, factor, height / factor))
    return found[::-1]


def drawn(
    section: Section, lines: Sequence[Lines], places: Sequence[tuple[int, int]], folder: Path
) -> dict[str, Any] | None:
    """Write the pictures of a section and describe them; ``None`` where there is nothing."""
    pictures = [_stacked([each[side] for each in lines]) for side in (0, 1)]
    if any(each is None or np.isnan(each).all() for each in pictures):
        return None
    before, after = (np.asarray(each) for each in pictures)
    display = Display(before[np.isfinite(before)])
    known: Mapping[str, NDArray[np.float32]] = {"before": before, "after": after}
    for name, values in known.items():
        grey = display(np.nan_to_num(values, nan=display.low))
        larger = max(1, LEAST // grey.shape[1])
        high = max(1, round(section.height * larger * len(grey)))
        picture = Image.fromarray(grey).resize(
            (grey.shape[1] * larger, high),
            Image.Resampling.NEAREST if high >= len(grey) else Image.Resampling.BOX,
        )
        (folder / _name(section, name)).write_bytes(webp(picture, BYTES))
    return {
        "axis": section.axis,
        "at": section.at,
        "start": section.start,
        "stop": section.stop,
        "slices": [places[0][0], places[-1][0]],
        "count": len(places),
        "aspect": round(before.shape[1] / (section.height * len(before)), 6),
        "display": [display.low, display.high],
        "pictures": {name: _name(section, name) for name in known},
    }


def _stacked(lines: Sequence[Line | None]) -> NDArray[np.float32] | None:
    """Lines below each other, NaN where there is none of a slice."""
    known = next((line for line in lines if line is not None), None)
    if known is None:
        return None
    empty = np.full_like(known, np.nan)
    return np.stack([empty if line is None else line for line in lines])


def _name(section: Section, side: str) -> str:
    return f"section_{section.axis}z_{side}.webp"
