"""What is given to a step as an image: one slice or a stack, as float32, never written to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import BadSlice, WrongValue
from stackmend.registry import Step, steps
from stackmend.stacks.pixels import check_finite

Image = NDArray[np.float32]


class Images(Sequence[Image]):
    """The slices of an array, each copied as it is taken, so that a large array stays where it is.

    Parameters
    ----------
    array : (Y, X) or (Z, Y, X) array of real numbers
    where
        What messages begin with.

    Raises
    ------
    WrongValue
        If it is something else.
    """

    def __init__(self, array: Any, where: str) -> None:
        if not hasattr(array, "dtype") or not hasattr(array, "ndim"):
            array = np.asarray(array)
        if isinstance(array, np.ma.MaskedArray):
            raise WrongValue(f"{where}: image is a masked array; fill it first")
        shape = tuple(array.shape)
        if array.ndim not in (2, 3) or not all(shape):
            what = f"must be a slice (Y, X) or a stack (Z, Y, X), got shape {shape}"
            raise WrongValue(f"{where}: image {what}")
        if np.dtype(array.dtype).kind not in "uif":
            raise WrongValue(f"{where}: image must have real numbers, got {array.dtype}")
        self.array, self.where = array, where
        self.stack = array.ndim == 3
        self.shape: tuple[int, int] = (int(shape[-2]), int(shape[-1]))

    def __len__(self) -> int:
        return int(self.array.shape[0]) if self.stack else 1

    @overload
    def __getitem__(self, place: int) -> Image: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Image]: ...
    def __getitem__(self, place: int | slice) -> Image | Sequence[Image]:
        if isinstance(place, slice):
            return [self[number] for number in range(len(self))[place]]
        if not 0 <= place < len(self):
            raise IndexError(place)
        with np.errstate(over="ignore"):  # what float32 cannot say is refused below
            pixels = np.asarray(self.array[place] if self.stack else self.array)
            image = np.array(pixels, dtype=np.float32, order="C")
        where = f"{self.where}: image[{place}]" if self.stack else f"{self.where}: image"
        try:
            check_finite(image, where)
        except BadSlice as error:
            raise WrongValue(str(error)) from error
        image.flags.writeable = False
        return image


class NoImages(Sequence[Image]):
    """So many slices for a step that reads none."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, place: int) -> Image: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Image]: ...
    def __getitem__(self, place: int | slice) -> Image | Sequence[Image]:
        blank = np.array([[0, 1]], dtype=np.float32)  # not constant, so it is not passed over
        return blank if isinstance(place, int) else [blank] * len(range(self._count)[place])


def check_scaled(step: Step, images: Images) -> None:
    """Refuse whole numbers where a step counts on a scale that another one makes.

    Raises
    ------
    WrongValue
        If the image cannot be on that scale.
    """
    dtype = np.dtype(images.array.dtype)
    if not step.needs or dtype.kind == "f":
        return
    makers = [each.name for each in steps().usable() if each.opens in step.needs]
    what = f"must be on the {' and '.join(step.needs)} that {' or '.join(makers)} makes"
    raise WrongValue(f"{step.name}: image {what}, got {dtype}; call that step first")
