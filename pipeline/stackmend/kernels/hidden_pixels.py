"""Pixels hidden from a filter, to see what it makes of them from the others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.float32]

STRIDE = 4


def hidden_at(place: int) -> tuple[slice, slice]:
    """The pixels of one of the 16 places of a grid of 4 x 4 px, counted row by row."""
    row, column = divmod(place, STRIDE)
    return slice(row, None, STRIDE), slice(column, None, STRIDE)


def with_hidden(image: Image, place: int) -> Image:
    """A slice in which the pixels of one place have the mean of their four neighbours.

    Parameters
    ----------
    image : (Y, X) float32
        Mirrored at the centre of its edge pixels; 2 px at least along each axis.
    place
        0 to 15.

    Returns
    -------
    (Y, X) float32

    Examples
    --------
    >>> import numpy as np
    >>> image = np.zeros((3, 3), np.float32)
    >>> image[1, 1] = 4
    >>> with_hidden(image, 1)[0]
    array([0., 2., 0.], dtype=float32)
    """
    wide = np.pad(image, 1, mode="reflect").astype(np.float64)
    around = wide[:-2, 1:-1] + wide[2:, 1:-1] + wide[1:-1, :-2] + wide[1:-1, 2:]
    where = hidden_at(place)
    changed = image.copy()
    changed[where] = around[where] / 4
    return changed
