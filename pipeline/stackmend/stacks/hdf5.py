"""A stack in an HDF5 file: one array in it, chosen by its path or because it is the only one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import InputError
from stackmend.stacks.arrays import ArrayReader
from stackmend.stacks.axes import stated_axes
from stackmend.stacks.extras import require
from stackmend.stacks.files import beginning_of
from stackmend.stacks.hdf5_storage import check_storage
from stackmend.stacks.interface import DTYPES, Pixels
from stackmend.stacks.metadata import size_in
from stackmend.stacks.pixels import usable_type

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_USUAL = {2: "YX", 3: "ZYX"}


class Hdf5Reader(ArrayReader):
    """Reads one channel of an array in an HDF5 file."""

    def _load(self, index: tuple[int | slice, ...]) -> Pixels:
        import h5py

        with h5py.File(self.file, "r") as file:
            return np.asarray(file[self.place][index])


def recognises(path: Path) -> bool:
    """Whether a file is HDF5, by its first bytes or by those after a block of a program's own."""
    start = beginning_of(path)
    return any(start[place:].startswith(_SIGNATURE) for place in (0, 512, 1024, 2048))


def open_channels(
    path: Path, *, dataset: str | None = None, axes: str | None = None, tolerant: bool = False
) -> tuple[Hdf5Reader, ...]:
    """Readers for the channels of one array of an HDF5 file.

    Raises
    ------
    InputError
        If there is none that could be a stack, or a choice to be made.
    """
    h5py = require("h5py", path.name)
    try:
        with h5py.File(path, "r") as file:
            facts = _facts(path, file, dataset, axes)
    except InputError:
        raise
    # Damaged files make the library raise anything; to the user it is one thing.
    except Exception as error:
        raise InputError(_cause(path, error)) from error
    readers = Hdf5Reader.channels(file=path, **facts)
    # A missing filter shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return readers


_CAUSES = {
    "unable to lock file": "another program has it open; close that first",
    "Resource temporarily unavailable": "another program has it open; close that first",
    "file is already open for write": "the program that wrote it has not closed it; "
    "wait for it, or run h5clear -s on a copy",
    "Permission denied": "check its permissions",
    "required filter": "install the filter's plugin, or save it with gzip",
}
"""What is known to make HDF5 refuse a file, by its words, and what to do."""


def _cause(path: Path, error: Exception) -> str:
    said = str(error) or type(error).__name__
    for words, how in _CAUSES.items():
        if words in said:
            return f"{path.name}: cannot be read ({said}); {how}"
    return f"{path.name}: is not HDF5 that can be read ({said}); copy it again from its source"


def _facts(path: Path, file: Any, wanted: str | None, given_axes: str | None) -> dict[str, Any]:
    """What a reader has to know of the array that is the stack."""
    array = _choose_array(path, file, wanted)
    if given_axes is None:
        axes, notes = _axes(path, array)
    else:
        axes, _ = stated_axes(path.name, "Q" * array.ndim, array.shape, given_axes)
        notes = ()
    metadata, more = size_in(_attributes(file, array), axes, path.name)
    return {
        # By the name that leads there from this file: behind a link, the array has another.
        "place": wanted if wanted is not None else array.name,
        "axes": axes,
        "sizes": tuple(array.shape),
        "dtype": usable_type(array.dtype, f"{path.name}: {array.name}"),
        "chunks": tuple(array.chunks or (1,) * array.ndim),
        "notes": (*notes, *more, *check_storage(path, array, axes)),
        "metadata": metadata,
    }


def _choose_array(path: Path, file: Any, wanted: str | None) -> Any:
    """The array that is the stack."""
    import h5py

    usable = _usable_arrays(file)
    if wanted is not None:
        _refuse_broken_links(path, file, wanted)
        if isinstance(file.get(wanted), h5py.Dataset) and file[wanted].ndim > 1:
            return file[wanted]
        problem = f"has no array {wanted} of two or more axes"
    elif len(usable) == 1:
        return usable[0]
    else:
        problem = f"expected one array that could be a stack, got {len(usable)}"

    # What there is instead.
    how = "give a file that holds the slices"
    if usable:
        found = ", ".join(_array_text(each) for each in usable[:10])
        more = f" and {len(usable) - 10} more" if len(usable) > 10 else ""
        how = f"give one as input.dataset: {found}{more}"
    raise InputError(f"{path.name}: {problem}; {how}")


def _refuse_broken_links(path: Path, file: Any, wanted: str) -> None:
    """A link that leads to a file or an array that is not there."""
    import h5py

    names = [name for name in wanted.split("/") if name]
    for number in range(len(names)):
        name = "/".join(names[: number + 1])
        link = file.get(name, getlink=True)
        if isinstance(link, h5py.ExternalLink) and not (path.parent / link.filename).is_file():
            what = f"{name} is a link to {link.filename}, which is not there"
            raise InputError(f"{path.name}: {what}; put it back beside the file")
        try:
            file[name]
        # A link may lead nowhere, to itself, or into a file that is no HDF5.
        except (KeyError, OSError, RuntimeError) as error:
            if isinstance(link, h5py.ExternalLink | h5py.SoftLink):
                what = f"{name} is a link to {link.path}, which cannot be opened ({error})"
                raise InputError(f"{path.name}: {what}; check what it leads to") from error
            return


def _array_text(array: Any) -> str:
    return f"{array.name} ({' x '.join(map(str, array.shape))} {array.dtype.name})"


def _usable_arrays(file: Any) -> list[Any]:
    """The arrays that could be stacks, by their types and the number of their axes."""
    import h5py

    items: list[Any] = []
    file.visititems(lambda _, item: items.append(item))
    return [each for each in items if isinstance(each, h5py.Dataset) and _is_usable(each)]


def _is_usable(array: Any) -> bool:
    return 2 <= array.ndim <= 5 and str(array.dtype.newbyteorder("=")) in DTYPES


def _axes(path: Path, array: Any) -> tuple[str, tuple[str, ...]]:
    """The axes as the file states them, or those that are usual, and a note on that."""
    for names in (_vigra(array), _labels(array)):
        if names and len(names) == array.ndim and all(names):
            return "".join(name[0].upper() for name in names), ()
    if array.ndim not in _USUAL:
        what = f"expected stated axes, got {array.ndim} axes of {array.name} that have no names"
        how = "label them z, y, x and c, or save one part as a stack"
        raise InputError(f"{path.name}: {what}; {how}")
    axes = _USUAL[array.ndim]
    said = f"axes of {array.name} are not stated and are taken as {', '.join(axes.lower())}"
    return axes, (f"{path.name}: {said}",)


def _vigra(array: Any) -> list[str]:
    """Names of the axes as ilastik writes them."""
    try:
        return [str(axis["key"]) for axis in json.loads(array.attrs["axistags"])["axes"]]
    except (KeyError, TypeError, ValueError, RecursionError):
        return []


def _labels(array: Any) -> list[str]:
    """Names of the axes as HDF5 has them itself."""
    return [dimension.label for dimension in array.dims]


def _attributes(file: Any, array: Any) -> dict[str, Any]:
    """Those of the array; of an Imaris file also the extent of the whole image."""
    found = dict(array.attrs)
    image = file.get("DataSetInfo/Image")
    if image is not None and "ExtMax0" in image.attrs:
        found["imaris"] = dict(image.attrs)
    return found
