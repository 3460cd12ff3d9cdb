"""Stacks whose slices are made when somebody looks at them, as napari takes them for arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import UsageError

Plane = NDArray[Any]


class Planes:
    """A stack ``(Z, Y, X)`` that makes a slice when it is looked at.

    Parameters
    ----------
    shape, dtype
        Of the stack.
    make
        Makes the slice at a position, or ``None`` where there is nothing to be seen.
    """

    ndim = 3

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        make: Callable[[int], Plane | None],
    ) -> None:
        self.shape, self.dtype, self._make = shape, dtype, make

    @property
    def size(self) -> int:
        """How many pixels there are."""
        return int(np.prod(self.shape))

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Plane]:
        return (self.plane(position) for position in range(len(self)))

    def __getitem__(self, key: Any) -> Any:
        """What lies at an index as NumPy has them; only the slices in it are made."""
        keys = key if isinstance(key, tuple) else (key,)
        for at in [place for place, each in enumerate(keys) if each is Ellipsis]:
            keys = (*keys[:at], *[slice(None)] * (4 - len(keys)), *keys[at + 1 :])
        first, *rest = keys or (slice(None),)
        positions = np.arange(self.shape[0])[first]
        if positions.ndim == 0:
            return self.plane(int(positions))[tuple(rest)]
        planes = [self.plane(int(position)) for position in positions.ravel()]
        stack = np.stack(planes) if planes else np.empty((0, *self.shape[1:]), self.dtype)
        return stack[(slice(None), *rest)]

    def __setitem__(self, key: Any, value: Any) -> None:
        raise UsageError("layer: shows what is computed, and cannot be painted; add another one")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self[:], dtype=dtype)

    def plane(self, position: int) -> Plane:
        """The slice at a position; black where there is nothing to be seen."""
        made = self._make(position)
        if made is None:
            return np.zeros(self.shape[1:], self.dtype)
        return made.astype(self.dtype, copy=False)


class KnownPlanes(Planes):
    """Planes of which somebody makes those that are looked at; what is not made yet is black.

    Nothing waits for them, so that the window stays alive. Only when nobody makes them any more
    (``made_elsewhere`` says so), they are made where they are asked for.
    """

    _MOST = 8

    def __init__(
        self,
        shape: tuple[int, int, int],
        dtype: np.dtype[Any],
        make: Callable[[int], Plane | None],
        made_elsewhere: Callable[[], bool],
    ) -> None:
        super().__init__(shape, dtype, make)
        self._made_elsewhere = made_elsewhere
        self._known: dict[int, Plane] = {}

    def knows(self, position: int) -> bool:
        """Whether a slice was made."""
        return position in self._known

    def put(self, position: int, plane: Plane | None) -> None:
        """Show a slice from now on; ``None`` where there is nothing to be seen."""
        self._known[position] = np.zeros(self.shape[1:], self.dtype) if plane is None else plane
        while len(self._known) > self._MOST:
            del self._known[next(iter(self._known))]

    def plane(self, position: int) -> Plane:
        """The slice at a position; black if it is still being made."""
        if position in self._known:
            return self._known[position].astype(self.dtype, copy=False)
        if self._made_elsewhere():
            return np.zeros(self.shape[1:], self.dtype)
        return super().plane(position)
