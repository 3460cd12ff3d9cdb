"""Cut a part out of the stack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.slice_transform import SliceTransform
from stackmend.registry import IMAGE, Keeps, Stage, Step

Range = Sequence[int | None] | None


def cropped(image: NDArray[np.float32], *, y: Range, x: Range) -> NDArray[np.float32]:
    """The part of a slice between some rows and columns.

    Parameters
    ----------
    image : (Y, X) float32
    y, x : [first, stop] or None
        As in Python: counted from 0, from the end where negative, and open where ``None``; px.

    Returns
    -------
    (y, x) float32
        A copy, so that the whole slice need not be kept.

    Examples
    --------
    >>> import numpy as np
    >>> cropped(np.arange(12, dtype=np.float32).reshape(3, 4), y=[1, None], x=[-2, None])
    array([[ 6.,  7.],
           [10., 11.]], dtype=float32)
    """
    return np.ascontiguousarray(image[_slice(y), _slice(x)])


def _part(parameters: Mapping[str, Any], shape: tuple[int, int, int]) -> tuple[slice, slice, slice]:
    z, y, x = (
        slice(*_slice(parameters[axis]).indices(size))
        for axis, size in zip("zyx", shape, strict=True)
    )
    return z, y, x


def _slice(ends: Range) -> slice:
    return slice(*ends) if ends else slice(None)


def transform(transform: SliceTransform | None, *, y: Range, x: Range) -> SliceTransform | None:
    """Where aligned coordinates lie in the part; ``None`` where that is not known.

    Raises
    ------
    ValueError
        If the aligned slices are to have another extent, which was found for whole ones.
    """
    if transform is not None and transform.canvas is not None:
        raise ValueError("canvas is that of whole slices: crop before their places are found")
    return transform and transform.cut((_slice(y), _slice(x)))


STEP = Step(
    name="crop",
    version=1,
    stages=(Stage(cropped, makes=IMAGE), Stage(transform, carries=True)),
    keeps=Keeps(("z", "y", "x"), _part),
)
