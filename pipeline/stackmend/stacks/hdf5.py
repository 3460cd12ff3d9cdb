"""A stack in an HDF5 file: one array in it, chosen by its path or because it is the only one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from stackmend import words
from stackmend.errors import InputError
from stackmend.stacks import DTYPES, Pixels
from stackmend.stacks.arrays import ArrayReader
from stackmend.stacks.extras import needed
from stackmend.stacks.files import beginning_of
from stackmend.stacks.metadata import NOTHING, Metadata
from stackmend.stacks.pixels import usable_type

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_USUAL = {2: "YX", 3: "ZYX"}


def is_hdf5(path: Path) -> bool:
    """Whether a file is HDF5, by its first bytes; those of some programs come after a block of their own."""
    start = beginning_of(path)
    return any(start[place:].startswith(_SIGNATURE) for place in (0, 512, 1024, 2048))


class Hdf5Reader(ArrayReader):
    """Reads one channel of an array in an HDF5 file."""

    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        import h5py

        with h5py.File(self.file, "r") as file:
            return np.asarray(file[self.place][index])


def open_file(
    path: Path, dataset: str | None = None, *, tolerant: bool = False
) -> tuple[Hdf5Reader, ...]:
    """Readers for the channels of one array of an HDF5 file.

    Raises
    ------
    InputError
        If there is none that could be a stack, or a choice to be made.
    """
    h5py = needed("h5py", path.name)
    try:
        with h5py.File(path, "r") as file:
            found = _chosen(path, file, dataset)
            reader = _reader(path, found)
    except (OSError, RuntimeError, KeyError) as error:
        raise InputError(
            f"{path.name}: is not HDF5 that can be read ({error}); copy it again from its source"
        ) from error
    readers = reader.channels()
    if not tolerant:
        readers[0].read(0)  # a missing filter shows here rather than in the middle of a run
    return readers


def _reader(path: Path, dataset: Any) -> Hdf5Reader:
    axes, notes = _axes(path, dataset)
    return Hdf5Reader(
        path,
        dataset.name,
        axes,
        tuple(dataset.shape),
        usable_type(dataset.dtype, f"{path.name}: {dataset.name}"),
        tuple(dataset.chunks or (1,) * dataset.ndim),
        notes=notes,
        metadata=_metadata(dataset),
    )


def _chosen(path: Path, file: Any, wanted: str | None) -> Any:
    """The array that is the stack."""
    import h5py

    usable = list(_usable(file))
    if wanted is not None:
        if isinstance(file.get(wanted), h5py.Dataset) and file[wanted].ndim > 1:
            return file[wanted]
        problem = f"has no array {wanted} of two or more axes"
    elif len(usable) == 1:
        return usable[0]
    else:
        problem = f"expected one array that could be a stack, got {len(usable)}"
    how = "give a file that holds the slices"
    if usable:
        shapes = [
            f"{each.name} ({' x '.join(map(str, each.shape))} {each.dtype.name})" for each in usable
        ]
        how = f"give one as input.dataset: {words.few(shapes)}"
    raise InputError(f"{path.name}: {problem}; {how}")


def _usable(file: Any) -> Iterator[Any]:
    """The arrays that could be stacks, by their types and the number of their axes."""
    import h5py

    found: list[Any] = []
    file.visititems(lambda _, item: found.append(item))
    for item in found:
        if (
            isinstance(item, h5py.Dataset)
            and 2 <= item.ndim <= 5
            and str(item.dtype.newbyteorder("=")) in DTYPES
        ):
            yield item


def _axes(path: Path, dataset: Any) -> tuple[str, tuple[str, ...]]:
    """The axes as the file states them, or those that are usual, and a note on that."""
    for names in (_vigra(dataset), _labels(dataset)):
        if names and len(names) == dataset.ndim and all(names):
            return "".join(name[0].upper() for name in names), ()
    if dataset.ndim not in _USUAL:
        what = f"expected stated axes, got {dataset.ndim} axes of {dataset.name} that have no names"
        raise InputError(
            f"{path.name}: {what}; label them z, y, x and c, or save one part as a stack"
        )
    axes = _USUAL[dataset.ndim]
    said = f"axes of {dataset.name} are not stated and are taken as {', '.join(axes.lower())}"
    return axes, (f"{path.name}: {said}",)


def _vigra(dataset: Any) -> list[str]:
    """Names of the axes as ilastik writes them."""
    try:
        return [str(axis["key"]) for axis in json.loads(dataset.attrs["axistags"])["axes"]]
    except (KeyError, TypeError, ValueError):
        return []


def _labels(dataset: Any) -> list[str]:
    """Names of the axes as HDF5 has them itself."""
    return [dimension.label for dimension in dataset.dims]


def _metadata(dataset: Any) -> Metadata:
    """The size of a pixel in um, z, y, x, as programs around ilastik and Fiji write it."""
    try:
        size = np.asarray(dataset.attrs["element_size_um"], float).ravel().tolist()
    except (KeyError, TypeError, ValueError):
        return NOTHING
    known = [float(f"{each * 1000:.9g}") if each > 0 else None for each in size]
    if len(known) != 3 or not any(known):
        return NOTHING
    return Metadata((known[0], known[1], known[2]), "HDF5")
