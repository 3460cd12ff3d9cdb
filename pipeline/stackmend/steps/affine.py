"""Turn, scale, shear and move the volume about its centre."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.resampling import warped
from stackmend.kernels.slice_transform import Box, SliceTransform
from stackmend.kernels.transforms import composed
from stackmend.kernels.volume_affine import changed_volume, is_in_plane, plane_part
from stackmend.registry import IMAGE, Each, Resliced, Reslices, Stage, Step, Survey

Image = NDArray[np.float32]
Mask = NDArray[np.bool_]
Three = Sequence[float]
Place = Mapping[str, Any]
Fill = float | Literal["edge"]

CHANGE = ("rotation", "scale", "shear", "shift", "voxel")


def extent(image: Image, transform: SliceTransform | None = None) -> dict[str, Any]:
    """Where on the plane of the aligned stack its slices lie."""
    canvas = transform.canvas if transform else None
    return {"shape": list(image.shape), "box": list(canvas or (0, 0, *image.shape))}


def noted(extent: Place) -> Place:
    """What is seen of a slice is its record."""
    return extent


def place(
    records: Mapping[int, Place],
    numbers: Sequence[int],
    *,
    rotation: Three,
    scale: Three,
    shear: Three,
    shift: Three,
    voxel: Three,
    canvas: str,
) -> Each:
    """For every slice, what leads from its place to where it was, and the part that is shown."""
    box = tuple(next(iter(records.values()))["box"])
    change = {"rotation": rotation, "scale": scale, "shear": shear, "shift": shift, "voxel": voxel}
    matrices, shown = plane_part(change, box, numbers, canvas)
    own = (0, 0, *next(iter(records.values()))["shape"])
    of_all = {"box": list(shown), "framed": shown != own}
    each = zip(numbers, matrices, strict=True)
    return Each({number: {"matrix": matrix, **of_all} for number, matrix in each})


def changed(
    image: Image,
    place: Place | None,
    transform: SliceTransform | None = None,
    *,
    rotation: Three,
    scale: Three,
    shift: Three,
    fill: Fill,
) -> Image | None:
    """The slice in its place, interpolated once.

    Parameters
    ----------
    image : (Y, X) float32
    place
        What leads from there to where the slice was, as the survey settled it.
    transform
        Where it was, if an alignment was estimated before: both are applied as one.
    rotation, scale, shift
        Where they change more than the plane of a slice, the stack was read as it is wanted, and
        the slice stays.
    fill
        Grey level beyond the slice, or ``edge`` for that of the nearest pixel.

    Returns
    -------
    (Y, X) float32, or None
        Nothing of a neighbour that has no place.
    """
    if not is_in_plane(rotation, scale, shift):
        return image
    if place is None:
        return None
    return _warped(image, place, transform, 3, fill)


def moved_mask(
    mask: Mask,
    place: Place | None,
    transform: SliceTransform | None = None,
    *,
    rotation: Three,
    scale: Three,
    shift: Three,
) -> Mask:
    """A mask in the place of its slice: what lies nearest, and nothing beyond."""
    if place is None or not is_in_plane(rotation, scale, shift):
        return mask
    return _warped(mask.astype(np.float32), place, transform, 0, 0.0) > 0.5


def frame(place: Place | None) -> Box | None:
    """Where the slice lies on the plane, if that is another part of it."""
    if place is None or not place["framed"]:
        return None
    y, x, rows, columns = place["box"]
    return y, x, rows, columns


def _warped(
    image: Image, place: Place, transform: SliceTransform | None, order: int, fill: Fill
) -> Image:
    matrix = np.asarray(place["matrix"])
    if transform is not None:
        matrix = composed(transform.matrix, matrix)
    y, x, rows, columns = place["box"]
    return warped(image, matrix, order=order, origin=(y, x), shape=(rows, columns), fill=fill)


def looked_at(numbers: Sequence[int], optimization: Sequence[int]) -> Sequence[int]:
    """A few slices, for the shape that all have."""
    del optimization
    return numbers[:8]


def in_plane(*, rotation: Three, scale: Three, shift: Three) -> bool:
    """Whether slices stay slices, so that each must be put in its place."""
    return is_in_plane(rotation, scale, shift)


def makes_slices(parameters: Mapping[str, Any]) -> bool:
    """Whether a slice is made of many, or of other pixels."""
    return not is_in_plane(*(parameters[name] for name in ("rotation", "scale", "shift")))


def made(parameters: Mapping[str, Any], shape: tuple[int, int, int]) -> Resliced:
    """The changed volume."""
    change = {name: parameters[name] for name in CHANGE}
    matrix, size = changed_volume(change, shape, parameters["canvas"])
    rows = [tuple(row) for row in matrix.tolist()]
    fill = None if parameters["fill"] == "edge" else float(parameters["fill"])
    z, y, x = parameters["scale"]
    return Resliced(tuple(rows), size, fill, (float(z), float(y), float(x)))


STEP = Step(
    name="affine",
    version=1,
    stages=(Stage(changed, makes=IMAGE), Stage(frame)),
    survey=Survey("place", noted, place, prepare=extent, slices=looked_at, needed=in_plane),
    watch=(
        "What the slice shows should be as it was, only elsewhere: look at its rim for what was "
        "lost there, and at fine detail, which interpolation makes a little softer."
    ),
    moves=Stage(moved_mask),
    closes="transform",
    reslices=Reslices(makes_slices, made),
    references=("Unser, IEEE Signal Process. Mag. 16 (1999), 22-38, 10.1109/79.799930",),
)
