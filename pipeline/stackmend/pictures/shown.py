"""Slices before and after: which of them are shown, and their pictures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from stackmend.chain import Consecutive, Products
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
from stackmend.registry import UNRESTORED
from stackmend.restore.apply import Application
from stackmend.result.rows import SliceRow
from stackmend.stacks import Pixels, Writer

SHOWN = 10
"""Slices shown at the most, whatever the size of the stack."""

SPREAD, GAP = 2, 4
"""Of them, those in the middle of the widest gaps, of more slices than this, between others."""

PIXELS, SIDE = 600_000, 1200
ZOOM, ZOOM_LEAST = (240, 360), 48
"""Height and width shown in full resolution; two fifths of small slices, but at least 48 px."""

PROFILE = 400
"""How far a line profile reaches to either side, px."""

_BYTES = {
    "before": 50_000,
    "after": 50_000,
    "subtracted": 18_000,
    "zoom_before": 15_000,
    "zoom_after": 15_000,
}
"""Of each picture at the most, with ``SHOWN`` slices; twice that if few are shown."""


def choose_shown(
    rows: Sequence[SliceRow],
    optimization: Sequence[int],
    held_out: Mapping[int, float | None],
    clean: Sequence[int] = (),
) -> dict[int, list[str]]:
    """Positions of the slices to be shown, and why, the most important first.

    The optimization slices (3 at most), the held-out ones (2 at most) and a clean one, the worst
    and the two most changed; then some in between, so that all of the stack is seen. The worst is
    the held-out slice with the highest loss, if several have one; otherwise the one whose masked
    area, or where no mask is made whose change, is farthest from the median of the slices around
    it.
    """
    position = {row.slice: place for place, row in enumerate(rows)}
    why: dict[int, list[str]] = {}
    for reason, numbers, count in (
        ("optimization", optimization, 3),
        ("held out", list(held_out), 2),
        ("clean", clean, 1),
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
    chosen = dict(list((why or {0: ["first"]}).items())[: SHOWN - SPREAD])
    for place in _in_between(chosen, len(rows)):
        chosen[place] = ["in between"]
    return chosen


def _in_between(chosen: Collection[int], count: int) -> Iterator[int]:
    """The middles of the widest gaps between some positions and the ends."""
    taken = sorted({-1, *chosen, count})
    for _ in range(SPREAD):
        start, stop = max(pairwise(taken), key=lambda gap: gap[1] - gap[0])
        if stop - start <= GAP:
            return
        middle = (start + stop) // 2
        taken = sorted([*taken, middle])
        yield middle


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
        products = self._products(row.slice, whole)
        before = self.application.form.before(whole, products)
        # Rows below that show no specimen are not shown.
        after = None if page is None else page[: before.shape[0]]
        if after is None or after.shape != before.shape:
            return None
        subtracted = before.astype(np.float32) - after.astype(np.float32)
        centre = deepest(subtracted)
        zoom = window_around(centre, before.shape)
        factor = factor_for(before.shape, PIXELS, SIDE)
        display = Display(before)
        mask = self._mask(products, before.shape)
        small = shrunk(subtracted, factor)
        pictures = {
            "before": Image.fromarray(display(shrunk(before, factor))),
            "after": Image.fromarray(display(shrunk(after, factor))),
            "subtracted": coloured(small, float(np.abs(small).max()) or 1.0),
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
            "largest_change": float(np.abs(subtracted).max()),
            "difference_scale": float(np.abs(small).max()),
            "zoom": [[part.start, part.stop] for part in zoom],
            "pictures": {name.partition(".")[0]: f"slice{position}_{name}" for name in encoded},
            "profile": profile(before, after, mask, centre),
        }

    def _products(self, number: int, pixels: Pixels) -> Products:
        """Masks by their names, and the slice where it is moved; nothing of a constant one."""
        chain = self.application.chains[0]
        graph = chain.graph()
        found = {**graph.masks(), **_picked(graph.products, UNRESTORED)}
        if not found or pixels.min() == pixels.max():
            return {}
        slices = Consecutive(replace(graph, products=found), chain.products_of)
        return slices.evaluate(number, tuple(found))

    def _mask(self, products: Products, shape: tuple[int, ...]) -> NDArray[np.bool_] | None:
        """All pixels that any step of the chain marks; ``None`` where no step makes a mask."""
        names = self.application.chains[0].graph().masks()
        if not names:
            return None
        masks = [products[name] for name in names if name in products]
        if not masks:
            return np.zeros(shape, dtype=bool)
        return self.application.form.union_of(masks, shape)


def _picked(products: Mapping[str, Any], name: str) -> dict[str, Any]:
    return {name: products[name]} if name in products else {}


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


def profile(
    before: Pixels, after: Pixels, mask: NDArray[np.bool_] | None, centre: tuple[int, int]
) -> dict[str, Any]:
    """Grey levels before and after along the row through a place, and across, along its column."""
    y, x = centre
    beside = np.zeros(before.shape, dtype=bool) if mask is None else mask
    across = _levels(before[:, x], after[:, x], beside[:, x], y)
    return {"y": y, "x": x, **_levels(before[y], after[y], beside[y], x), "across": across}


def _levels(before: Pixels, after: Pixels, mask: NDArray[Any], middle: int) -> dict[str, Any]:
    """Levels around a place of a line, where they begin, and the parts that are masked."""
    start, stop = max(middle - PROFILE, 0), min(middle + PROFILE + 1, before.size)
    ends = np.flatnonzero(np.diff(mask[start:stop], prepend=False, append=False)) + start
    return {
        "start": start,
        "before": [round(float(value), 4) for value in before[start:stop]],
        "after": [round(float(value), 4) for value in after[start:stop]],
        "masked": ends.reshape(-1, 2).tolist(),
    }
