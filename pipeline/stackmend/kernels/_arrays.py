"""What every kernel does to the arrays it is given, before its compiled loop."""

from __future__ import annotations

from threading import local
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)

_kept = local()


def plain_image(image: NDArray[np.generic]) -> NDArray[np.float32]:
    """The image as a contiguous, read-only float32 view.

    ValueError unless it is two-dimensional and not empty.
    """
    if image.ndim != 2 or image.size == 0:
        raise ValueError(
            f"image: expected two axes and at least one pixel, got shape {image.shape}"
        )
    return readonly(np.ascontiguousarray(image, dtype=np.float32))


def readonly(array: NDArray[Scalar]) -> NDArray[Scalar]:
    """A read-only view.

    Loops are compiled for read-only input alone, once, whatever the caller's arrays are.
    """
    view = array.view()
    view.flags.writeable = False
    return view


def scratch(name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Work space that the calling thread keeps; not cleared.

    It is as large as the largest asked for under this name. Memory fresh from the system costs more
    than the arithmetic of a blur: every page of it is faulted in and zeroed.
    """
    buffers: dict[str, NDArray[np.float32]] = _kept.__dict__
    size = int(np.prod(shape))
    if name not in buffers or buffers[name].size < size:
        buffers[name] = np.empty(size, dtype=np.float32)
    return buffers[name][:size].reshape(shape)
