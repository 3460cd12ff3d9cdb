"""Products that have a meaning of their own, by name, and the forms in which some come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

IMAGE = "image"
"""The product that every chain starts from and ends with: one slice, ``(Y, X)`` float32."""

ASKED_PIXELS = "asked_pixels"
"""For steps: an index of the pixels of their image that are looked at, where not all are.

The image has its full shape, but the other pixels of it may be anything. A stage takes it with the
default ``None``, which stands for all pixels.
"""

FRAME = "frame"
"""Where the restored slice lies, if a step that moves pixels makes another shape of it.

First row, first column, rows and columns, in the coordinates of the slice that the step reads; the
same for all slices; or ``None``.
"""

UNRESTORED = "unrestored"
"""The slice as it was read, cut and moved as the restored one is; where a step moves pixels."""

MASK = "mask"
"""For ``Step.moves``: a mask that was made before pixels are moved."""

ProductT = TypeVar("ProductT")

LOSS = "loss"
"""The product that the last stage of a loss makes."""

INITIAL_IMAGE = "initial_image"
"""For losses: the image as it was before the first of the tuned steps."""

REFERENCE_MASK = "reference_mask"
"""For losses: one mask for all combinations, that of the tuned steps with reference values."""


PROBES = "probes"
"""For losses: the image with known faults added, as ``Probe``s, like those that were found."""

PROBE_RESULTS = "probe_results"
"""For losses: what the tuned steps make of each of the probes."""

HIDDEN_RESULTS = "hidden_results"
"""For losses: what the tuned steps make of the slice where pixels are hidden from them.

One for each place of the loss's ``Hiding``; ``None`` if the slice is left as it is.
"""


@dataclass(frozen=True)
class Probe:
    """An image with a fault added that is known; of neighbouring slices, only their image.

    The fault counts in pixels where it exceeds ``counts`` grey levels, 8 of an 8-bit slice.
    """

    image: Any
    fault: Any = None
    counts: float = 0.0


class Window(Sequence[ProductT]):
    """One product of neighbouring slices, in the order of the stack.

    At the ends of a stack, and beside slices that cannot be used, there are fewer. ``centre`` is
    the place of the slice that is computed, ``offsets`` says how far along the stack each lies from
    it.
    """

    def __init__(
        self, slices: Sequence[ProductT], centre: int, offsets: Sequence[int] | None = None
    ) -> None:
        self._slices = tuple(slices)
        self.centre = centre
        self.offsets = tuple(offsets or range(-centre, len(self._slices) - centre))

    def __len__(self) -> int:
        return len(self._slices)

    @overload
    def __getitem__(self, place: int) -> ProductT: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[ProductT]: ...
    def __getitem__(self, place: int | slice) -> ProductT | Sequence[ProductT]:
        return self._slices[place]
