"""An array that tells what is taken from it."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


class Spied:
    """An array; ``taken`` has the keys by which it was indexed."""

    def __init__(self, array: NDArray[Any]) -> None:
        self.array, self.taken = array, list[Any]()
        self.chunks: Any = None
        self.shape, self.dtype, self.ndim = array.shape, array.dtype, array.ndim

    def __getitem__(self, key: Any) -> NDArray[Any]:
        self.taken.append(key)
        part: NDArray[Any] = self.array[key]
        return part
