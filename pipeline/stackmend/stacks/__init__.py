"""Image stacks on disk, slice by slice: one module a format, and here the door to all of them.

``interface`` is the ground, on which every format stands; only this module knows which formats
there are, and imports one when it is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from stackmend.addresses import Address
from stackmend.errors import InputError
from stackmend.stacks.interface import (
    DTYPES,
    NOTHING,
    Facts,
    Layout,
    Metadata,
    Pixels,
    Reader,
    Selection,
    Slice,
    Tag,
    Tags,
    Writer,
)

__all__ = [
    "DTYPES",
    "FORMATS",
    "NOTHING",
    "Facts",
    "Format",
    "Layout",
    "Metadata",
    "Pixels",
    "Reader",
    "Selection",
    "Slice",
    "Tag",
    "Tags",
    "Writer",
    "new_labels",
    "new_stack",
    "open_phantom",
    "open_stack",
]


@dataclass(frozen=True)
class Format:
    """A format in which stacks are written.

    Attributes
    ----------
    writer
        What makes its writer, as ``module:name``.
    suffix
        Of the stack's name.
    compressions
        The ways in which it is compressed, each with the package that it needs, if any.
    needs
        The package that the format itself needs, if any.
    pyramid
        Whether it has a place for smaller copies.
    labels
        What makes the writer of labels inside such a stack, if it has a place for them.
    """

    writer: str
    suffix: str
    compressions: Mapping[str, str | None]
    needs: str | None = None
    pyramid: bool = False
    labels: str | None = None


_TIFF = {"none": None, "zlib": None, "zstd": "imagecodecs"}
_ZARR = {"none": None, "zlib": None, "zstd": None}

FORMATS = {
    "tiff-folder": Format("tiff.folder_writer:TiffFolderWriter", "", _TIFF),
    "tiff": Format("tiff.file_writer:tiff_file_writer", ".tif", _TIFF),
    "ome-zarr": Format(
        *("ome_zarr_writer:OmeZarrWriter", ".zarr", _ZARR, "zarr"),
        pyramid=True,
        labels="ome_zarr_labels:OmeZarrLabelsWriter",
    ),
    "ome-zarr-0.4": Format(
        *("ome_zarr_writer:OmeZarr04Writer", ".zarr", _ZARR, "zarr"),
        pyramid=True,
        labels="ome_zarr_labels:OmeZarr04LabelsWriter",
    ),
}
"""All formats of an output; schema, checks and the names in a result folder follow from these."""

_INPUTS = ("hdf5", "n5", "ome_zarr_reader", "png", "dat", "tiff.folder", "mrc", "tiff.file_reader")
"""The modules that open stacks, in the order in which they are asked whether a path is theirs."""


def open_stack(
    path: Path,
    *,
    dataset: str | None = None,
    axes: str | None = None,
    facts: Facts | None = None,
    tolerant: bool = False,
) -> tuple[Reader, ...]:
    """Readers for the channels of a stack: TIFF (folder or file), HDF5, MRC or OME-Zarr.

    Parameters
    ----------
    path
        The folder or the file, or the address of either.
    dataset
        Which array of an HDF5 file is the stack.
    axes
        A letter for each axis of a file, where it states none or the wrong ones.
    facts
        What else a person says of the stack; rows that show no specimen are then set apart.
    tolerant
        Slices that cannot be used count as slices all the same; to read one of them raises
        ``BadSlice``.

    Raises
    ------
    InputError
        If there is no stack that can be read, naming every file that stands in the way.
    """
    if isinstance(path, Address):
        path.check()
    if not path.is_dir() and not path.is_file():
        if not isinstance(path, Address):
            _module("foreign").refuse(path)
        what = "there is no such file or folder"
        raise InputError(f"{path}: {what}; check input.path, or give the stack with --input")
    name = next(name for name in _INPUTS if _module(name).recognises(path))
    if name.startswith("tiff.") and not isinstance(path, Address):  # what nobody else knows
        _module("foreign").refuse(path)
    if name == "hdf5" and isinstance(path, Address):
        raise InputError(f"{path}: HDF5 is read from a file system only; download it first")
    if name != "hdf5" and dataset is not None:
        raise InputError(f"{path.name}: input.dataset is for HDF5, got {dataset}; leave it out")
    how = {} if dataset is None else {"dataset": dataset}
    if axes is not None:
        how["axes"] = axes
    readers: tuple[Reader, ...] = _module(name).open_channels(path, tolerant=tolerant, **how)
    if facts is not None:
        readers = _module("given").as_given(readers, facts)
    return readers


def open_phantom(parameters: Mapping[str, Any]) -> Reader:
    """A reader for a synthetic stack with these parameters (the defaults for those left out)."""
    reader: Reader = _module("phantom").open_phantom(parameters)
    return reader


def new_stack(format: str, folder: Path, layout: Layout, *, stem: str = "stack") -> Writer:
    """A writer for ``stack`` (or another stem) in a folder, with the suffix of the format."""
    chosen = FORMATS[format]
    return _writer(chosen.writer, folder / f"{stem}{chosen.suffix}", layout)


def new_labels(format: str, folder: Path, layout: Layout, *, name: str) -> Writer | None:
    """A writer for labels of ``stack`` in a folder, inside of it; ``None`` where none can be."""
    chosen = FORMATS[format]
    if chosen.labels is None:
        return None
    return _writer(chosen.labels, folder / f"stack{chosen.suffix}" / "labels" / name, layout)


def _writer(maker: str, path: Path, layout: Layout) -> Writer:
    module, _, name = maker.partition(":")
    writer: Writer = getattr(_module(module), name)(path, layout)
    return writer


def _module(name: str) -> Any:
    return import_module(f"{__name__}.{name}")
