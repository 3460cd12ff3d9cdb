"""What was computed for the screen: the layers of one slice, from which pictures are cut."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.tuner.pictures import (
    Range,
    Window,
    difference_picture,
    grey_picture,
    mask_picture,
    overlay_picture,
    range_of,
    reach_of,
)

AS_READ, BEFORE, AFTER, MASK = "as read", "before", "after", "mask"
NEXT_BEFORE, NEXT_AFTER = "next-before", "next-after"
DIFFERENCE, OUTLINE = "difference", "outline"  # made of the others
OVER_BEFORE, OVER_AFTER = "next-over-before", "next-over-after"

OF_NEXT = {NEXT_BEFORE: AS_READ, NEXT_AFTER: AFTER}
"""What the layers are of the next slice, by which people judge how slices lie on each other."""

OVERLAYS = {OVER_BEFORE: (AS_READ, NEXT_BEFORE), OVER_AFTER: (AFTER, NEXT_AFTER)}

SOURCES = {DIFFERENCE: (BEFORE, AFTER), OUTLINE: (MASK,), **OVERLAYS}
"""What must be computed for a layer that is no product itself."""


@dataclass(frozen=True)
class Painted:
    """The layers of a slice, or of a window of it.

    Attributes
    ----------
    place : tuple[int, int, int]
        Of what revision of the text, which slice, and which channel.
    quick
        Whether the layers are an approximation of a window alone.
    origin : tuple[int, int]
        Where their first pixel lies in the slice, ``(y, x)`` in px.
    layers
        Images and masks by name, ``(Y, X)``.
    """

    place: tuple[int, int, int]
    quick: bool
    origin: tuple[int, int]
    layers: Mapping[str, NDArray[Any]]

    def has(self, layer: str) -> bool:
        """Whether there is a picture of a layer."""
        sources = SOURCES.get(layer, (layer,))
        there = [self.layers[name].shape for name in sources if name in self.layers]
        return len(there) == len(sources) and len(set(there)) == 1

    def shape_of(self, layer: str) -> tuple[int, ...]:
        """``(Y, X)`` of a layer."""
        shape: tuple[int, ...] = self.layers[SOURCES.get(layer, (layer,))[0]].shape
        return shape

    @property
    def window(self) -> Window | None:
        """The part of the slice that the layers show."""
        shapes = [layer.shape for layer in self.layers.values()]
        return Window(*self.origin, *shapes[0]) if shapes else None

    @cached_property
    def ranges(self) -> dict[str, Range]:
        """From which value to which each layer is shown."""
        found: dict[str, Range] = {}
        for name, layer in self.layers.items():
            if layer.dtype != np.bool_ and layer.size:
                found[name] = range_of(layer)
        for name in (AFTER, AS_READ, *OF_NEXT) if BEFORE in found else ():
            if name in found:
                found[name] = found[BEFORE]
        for name in OVERLAYS:
            if self.has(name) and BEFORE in found:
                found[name] = found[BEFORE]
        if self.has(DIFFERENCE):
            found[DIFFERENCE] = reach_of(self.layers[BEFORE], self.layers[AFTER])
        return found

    def inside(self, layer: str, window: Window) -> Window:
        """The part of a window of the slice that a layer has, as a window of that layer."""
        y, x = self.origin
        own = Window(window.y - y, window.x - x, window.height, window.width)
        return own.within(self.shape_of(layer))

    def picture(
        self, layer: str, inside: Window, scale: float, shown: Range, *, outline: bool = False
    ) -> bytes:
        """A PNG of a window of a layer."""
        if layer == DIFFERENCE:
            before, after = (self.layers[name][inside.cut] for name in SOURCES[layer])
            return difference_picture(before, after, scale, shown)
        if layer in OVERLAYS:
            one, other = (self.layers[name][inside.cut] for name in OVERLAYS[layer])
            return overlay_picture(one, other, scale, shown)
        pixels = self.layers[SOURCES.get(layer, (layer,))[0]][inside.cut]
        if pixels.dtype == np.bool_:
            return mask_picture(pixels, scale, outline=outline or layer == OUTLINE)
        return grey_picture(pixels, scale, shown)
