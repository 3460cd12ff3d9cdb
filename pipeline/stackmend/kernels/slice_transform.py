"""The transform of one slice, with the frame of pixels that it is for."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.transforms import carried, centre_of, moved

Box = tuple[int, int, int, int]
"""First row, first column, rows and columns."""


@dataclass(frozen=True)
class SliceTransform:
    """Where aligned coordinates lie in a slice.

    Attributes
    ----------
    matrix : (2, 3) float64
        Maps aligned coordinates (y, x) to those of the slice.
    shape : (int, int)
        Rows and columns of the slices that it is for.
    canvas : Box, optional
        The part of the aligned plane that is to be shown, where that is not the slice's own frame.
    """

    matrix: NDArray[np.float64]
    shape: tuple[int, int]
    canvas: Box | None = None

    @property
    def motion(self) -> tuple[float, float, float]:
        """By how much the middle is moved along y and x (px), and the slice is turned (degrees)."""
        middle = centre_of(self.shape)
        (yy, yx), (xy, xx) = self.matrix[:, :2]
        y, x = moved(self.matrix, middle) - middle
        return float(y), float(x), float(np.degrees(np.arctan2(xy - yx, yy + xx)))

    def cut(self, window: tuple[slice, ...]) -> SliceTransform:
        """The same for a part of the slices, in the frame of which it is shown."""
        y, x = (part.indices(size) for part, size in zip(window, self.shape, strict=True))
        shape = len(range(*y)), len(range(*x))
        if (y[0], x[0]) == (0, 0) and shape == self.shape:
            return self
        return replace(self, matrix=carried(self.matrix, (y[0], x[0])), shape=shape, canvas=None)
