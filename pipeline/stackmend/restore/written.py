"""What is written of one slice: by a run, and for those who look at a single one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.chain import ABSENT, CORRECTION_REFUSED, Products
from stackmend.errors import BadSlice, StepError
from stackmend.job import Job
from stackmend.kernels.rounding import to_dtype
from stackmend.registry import IMAGE, UNRESTORED
from stackmend.result.rows import MOST_MASKED, REST_RESTORED, Status
from stackmend.stacks import Pixels
from stackmend.tuning.raw import as_image, page_of

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Written:
    """The pixels of a slice as they are written, what became of it, and what was marked in it.

    ``pixels`` are without the rows below that show no specimen; ``None`` where the slice is left
    out. ``clipped`` counts those that the type could not hold, ``products`` are those of the chain,
    where it was evaluated. ``reason`` says what of the chain did not work on the slice.
    """

    pixels: Pixels | None
    status: Status
    mask: Mask | None
    clipped: int
    products: Products
    reason: str = ""


@dataclass(frozen=True)
class Form:
    """The form in which the slices of a job are written.

    ``window`` is what the chains leave of a slice, ``size`` that of a page with the rows that show
    no specimen, ``rows`` how many of those that are read show some. ``shape`` is that of what is
    left, where it is moved to another part of the plane too; ``origin`` is where that begins.
    """

    window: tuple[slice, slice]
    dtype: np.dtype[Any]
    size: tuple[int, int]
    rows: int
    on_bad_slice: str
    shape: tuple[int, int]
    origin: tuple[int, int] = (0, 0)

    @classmethod
    def of(cls, job: Job) -> Form:
        """The form of the slices of a job."""
        on_bad_slice = job.protocol.input.on_bad_slice
        rows = job.reader.shape[1]
        origin = job.frame[:2] if job.frame else (0, 0)
        return cls(job.window, job.dtype, job.shape[1:], rows, on_bad_slice, job.specimen, origin)

    def written(
        self, pixels: Pixels, evaluate: Callable[[], Products], masks: Sequence[str]
    ) -> Written:
        """What is written of a slice that can be used.

        Parameters
        ----------
        pixels
            The slice as it was read.
        evaluate
            Gives its products by the chain: the image, the masks, the slice as it would be without
            being restored, where it is moved, and whether the correction of what is marked is
            refused, where others work all the same. Not asked of a slice of one grey level.
        masks
            Names of the masks.
        """
        if pixels.min() == pixels.max():
            return self._left_alone(pixels, Status.CONSTANT, None, {})
        products = evaluate()
        image, mask, status = products[IMAGE], None, Status.RESTORED
        if image is ABSENT:
            raise StepError("nothing was settled for this slice that a step must know")
        refused = products.get(CORRECTION_REFUSED)
        if masks:
            mask = self.union_of([products[name] for name in masks], image.shape)
            if refused is None and mask.mean() > MOST_MASKED:
                return self._left_alone(pixels, Status.OVERMASKED, mask, products)
            status = Status.RESTORED if mask.any() else Status.NOTHING_FOUND
        result, clipped = to_dtype(image, self.dtype)
        if refused:
            return Written(result, Status.OVERMASKED, mask, clipped, products, REST_RESTORED)
        return Written(result, status, mask, clipped, products)

    def _left_alone(
        self, pixels: Pixels, status: Status, mask: Mask | None, products: Products
    ) -> Written:
        result, clipped = self.untouched(self.before(pixels, products))
        return Written(result, status, mask, clipped, products)

    def before(self, pixels: Pixels, products: Products) -> Pixels:
        """What is restored of a slice as it was read, cut and moved to its place.

        ``products`` are those of the chain; none of a slice of one grey level.
        """
        if UNRESTORED in products:
            return to_dtype(products[UNRESTORED], pixels.dtype)[0]
        part = pixels[self.window]
        return part if part.shape == self.shape else np.full(self.shape, part[0, 0])

    def in_place(self, pixels: Pixels) -> Pixels:
        """A slice where it was read, cut but not moved; darkest where restored ones go beyond."""
        part = pixels[self.window]
        if self.origin == (0, 0) and part.shape == self.shape:
            return part
        found = np.full(self.shape, part.min())
        ends = zip(self.origin, self.shape, part.shape, strict=True)
        common = [(max(first, 0), min(first + size, own)) for first, size, own in ends]
        here = tuple(slice(low, max(low, high)) for low, high in common)
        there = (
            slice(each.start - first, each.stop - first)
            for each, first in zip(here, self.origin, strict=True)
        )
        found[tuple(there)] = part[here]
        return found

    def union_of(self, masks: Sequence[Mask], shape: tuple[int, ...]) -> Mask:
        """All pixels that any step of a chain marks, of the part that is left of a slice."""
        cut = [mask if mask.shape == shape else mask[self.window] for mask in masks]
        union: Mask = np.logical_or.reduce(cut)
        return union

    def page(self, result: Pixels, below: Pixels | None) -> Pixels:
        """A slice as it is written, with the rows that show no specimen unless a part is cut out.

        ``below`` are these as they were read.
        """
        if below is None or len(result) + len(below) != self.size[0]:
            return result
        return page_of(result, self.untouched(below)[0])

    def untouched(self, pixels: Pixels) -> tuple[Pixels, int]:
        """Pixels as they are written without being restored, and how many are clipped."""
        if pixels.dtype == self.dtype:
            return pixels, 0
        return to_dtype(as_image(pixels), self.dtype)

    def without(self, bad: BadSlice) -> Written:
        """What the protocol says about a slice that cannot be used: keep what there is, or none.

        The pixels are those of the page.
        """
        if self.on_bad_slice == "skip":
            return Written(None, Status.SKIPPED, None, 0, {})
        pixels = None if bad.pixels is None else self._kept_part(bad.pixels)
        if pixels is None or pixels.shape != self.size:
            kept, status = np.zeros(self.size, self.dtype), Status.BLANK
        elif pixels.dtype == self.dtype:
            kept, status = pixels, Status.KEPT
        else:
            kept, status = to_dtype(np.nan_to_num(pixels), self.dtype)[0], Status.KEPT
        return Written(kept, status, None, 0, {})

    def _kept_part(self, page: Pixels) -> Pixels:
        """What stays of a page: all of it, unless the chain cuts a part out."""
        if self.size == page.shape:
            return page
        part: Pixels = page[: self.rows][self.window]
        return part
