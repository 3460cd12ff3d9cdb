"""Slices before and after: which of them are shown, and their pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stackmend.chain import Consecutive
from stackmend.errors import BadSlice
from stackmend.pictures.drawing import (
    Display,
    coloured,
    factor_for,
    outlined,
    png,
    shrunk,
    webp,
)
from stackmend.restore.apply import Application
from stackmend.result.rows import SliceRow
from stackmend.stacks import Pixels, Writer

SHOWN = 8
"""Slices shown at the most, whatever the size of the stack."""

PIXELS, SIDE = 600_000, 1200
ZOOM, ZOOM_LEAST = (240, 360), 48
"""Height and width shown in full resolution; two fifths of small slices, but at least 48 px."""

PROFILE = 400
"""How far a line profile reaches to either side, px."""

_BYTES = {
    "before": 50_000,
    "after": 50_000,
    "difference": 18_000,
    "zoom_before": 15_000,
    "zoom_after": 15_000,
}
"""Of each picture at the most, with ``SHOWN`` slices; twice that if few are shown."""


def choose_shown(
    rows: Sequence[SliceRow], optimization: Sequence[int], held_out: Mapping[int, float | None]
) -> dict[int, list[str]]:
    """Positions of the slices to be shown, and why, the most important first.

    The optimization slices (3 at most) and the held-out ones (2 at most), the worst and the two
    most changed. The worst is the held-out slice with the highest loss, if several have one;
    otherwise the one whose masked area, or where no mask is made whose change, is farthest from the
    median of the slices around it.
    """
    position = {row.slice: place for place, row in enumerate(rows)}
    why: dict[int, list[str]] = {}
    for reason, numbers, count in (
        ("optimization", optimization, 3),
        ("held out", list(held_out), 2),
    ):
        for number in [each for each in numbers if each in position][:count]:
            why.setdefault(position[number], []).append(reason)
    losses = {
        number: loss for number, loss in held_out.items() if loss is not None and number in position
    }
    if len(losses) > 1:
        why.setdefault(position[max(losses, key=losses.__getitem__)], []).append(
            "worst: highest held-out loss"
        )
    elif len(rows) > 2 and (odd := _odd_one(rows)) is not None:
        why.setdefault(odd, []).append("worst: differs most from its neighbours")
    changed = sorted(
        range(len(rows)), key=lambda place: (-(rows[place].changed_fraction or 0), place)
    )
    for place in changed[:2]:
        if rows[place].changed_fraction or len(rows) == 1:
            why.setdefault(place, []).append("most changed")
    return dict(list((why or {0: ["first"]}).items())[:SHOWN])


def _odd_one(rows: Sequence[SliceRow]) -> int | None:
    masked = all(row.mask_area is not None for row in rows)
    values = [(row.mask_area if masked else row.changed_fraction) or 0 for row in rows]

    def oddness(place: int) -> float:
        around = [*values[max(place - 3, 0) : place], *values[place + 1 : place + 4]]
        return abs(values[place] - median(around))

    odd = max(range(len(rows)), key=lambda place: (oddness(place), -place))
    return odd if oddness(odd) else None


class SlicePictures:
    """Makes the pictures of slices of the first channel, here or in a worker that it is sent to."""

    def __init__(
        self, application: Application, writer: Writer, folder: Path, generosity: float
    ) -> None:
        self.application, self.writer = application, writer
        self.folder, self.generosity = folder, generosity

    def make(self, row: SliceRow, position: int, why: Sequence[str]) -> dict[str, Any] | None:
        """Write the pictures of a slice and describe them.

        ``None`` if it cannot be read back or has another size.
        """
        page = self.writer.read_back(position)
        try:
            whole = self.application.chains[0].reader.read(row.slice)
        except BadSlice:
            return None
        before = whole[self.application.window]
        # Rows below that show no specimen are not shown.
        after = None if page is None else page[: before.shape[0]]
        if after is None or after.shape != before.shape:
            return None
        difference = after.astype(np.float32) - before.astype(np.float32)
        centre = deepest(difference)
        zoom = window_around(centre, before.shape)
        factor = factor_for(before.shape, PIXELS, SIDE)
        display = Display(before)
        mask = self._mask(row.slice, whole, before.shape)
        small = shrunk(difference, factor)
        pictures = {
            "before": Image.fromarray(display(shrunk(before, factor))),
            "after": Image.fromarray(display(shrunk(after, factor))),
            "difference": coloured(small, float(np.abs(small).max()) or 1.0),
            "zoom_before": Image.fromarray(display(before[zoom])),
            "zoom_after": Image.fromarray(display(after[zoom])),
        }
        encoded = {
            f"{name}.webp": webp(picture, int(_BYTES[name] * self.generosity))
            for name, picture in pictures.items()
        }
        if mask is not None:
            encoded |= {
                "mask.png": png(outlined(mask, factor)),
                "zoom_mask.png": png(outlined(mask[zoom], 1)),
            }
        for name, content in encoded.items():
            (self.folder / f"slice{position}_{name}").write_bytes(content)
        return {
            "slice": row.slice,
            "name": row.name,
            "why": list(why),
            "shape": before.shape,
            "factor": factor,
            "display": [display.low, display.high],
            "largest_change": float(np.abs(difference).max()),
            "difference_scale": float(np.abs(small).max()),
            "zoom": [[part.start, part.stop] for part in zoom],
            "pictures": {name.partition(".")[0]: f"slice{position}_{name}" for name in encoded},
            "profile": profile(before, after, centre),
        }

    def _mask(
        self, number: int, pixels: Pixels, shape: tuple[int, ...]
    ) -> NDArray[np.bool_] | None:
        """All pixels that any step of the chain marks; ``None`` where no step makes a mask."""
        chain = self.application.chains[0]
        graph = chain.graph()
        found = graph.masks()
        if not found:
            return None
        if pixels.min() == pixels.max():
            return np.zeros(shape, dtype=bool)
        slices = Consecutive(replace(graph, products=found), chain.products_of)
        masks = slices.evaluate(number, tuple(found))
        return self.application.union_of(list(masks.values()), shape)


def deepest(difference: NDArray[np.float32]) -> tuple[int, int]:
    """The middle of the block of 8 by 8 px that is changed most on average.

    It is the middle of the slice if nothing is changed.
    """
    small = np.abs(shrunk(difference, 8)) if min(difference.shape) >= 16 else np.abs(difference)
    step = 8 if min(difference.shape) >= 16 else 1
    if not small.any():
        return difference.shape[0] // 2, difference.shape[1] // 2
    y, x = np.unravel_index(int(small.argmax()), small.shape)
    return int(y) * step + step // 2, int(x) * step + step // 2


def window_around(centre: Sequence[int], shape: Sequence[int]) -> tuple[slice, ...]:
    """The part of a slice to be enlarged, as near as can be to the centre.

    Of a shorter axis it is all.
    """
    sizes = [min(most, max(ZOOM_LEAST, n * 2 // 5), n) for most, n in zip(ZOOM, shape, strict=True)]
    starts = [
        max(0, min(c - size // 2, n - size))
        for c, n, size in zip(centre, shape, sizes, strict=True)
    ]
    return tuple(slice(start, start + size) for start, size in zip(starts, sizes, strict=True))


def profile(before: Pixels, after: Pixels, centre: tuple[int, int]) -> dict[str, Any]:
    """Grey levels before and after along the row through a place."""
    y, x = centre
    start, stop = max(x - PROFILE, 0), min(x + PROFILE + 1, before.shape[1])
    levels = {
        name: [round(float(value), 4) for value in image[y, start:stop]]
        for name, image in (("before", before), ("after", after))
    }
    return {"y": y, "x": x, "start": start, **levels}
