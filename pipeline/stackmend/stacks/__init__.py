"""Image stacks on disk, slice by slice: one module a format, one small interface for reading and one for writing.

A reader is one channel of a stack; a file with several channels opens as several readers. A writer takes all channels.
Both are plain values that can be sent to another process; they open files only while they use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import InputError
from stackmend.stacks.metadata import NOTHING, Metadata

Pixels = NDArray[Any]
"""One slice, ``(Y, X)``, of the stack's own type."""

DTYPES = ("uint8", "uint16", "int16", "float32")
"""Pixel types that stacks may have."""


class Reader(Protocol):
    """One channel of a stack, that can be read one slice at a time."""

    @property
    def label(self) -> str:
        """Short name for messages."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """``(Z, Y, X)``."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels, in native byte order."""

    @property
    def names(self) -> tuple[str, ...]:
        """A file name for each slice."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What a person should know, for instance files that were passed over."""

    @property
    def photometric(self) -> str:
        """``minisblack`` or ``miniswhite``, to be kept in the output."""

    @property
    def metadata(self) -> Metadata:
        """Pixel size, and the microscope's tags in the first slice."""

    def metadata_of(self, index: int) -> Metadata:
        """The same for one slice, with the microscope's tags that are its own.

        Raises
        ------
        InputError
            If its file cannot be read.
        """

    def read(self, index: int) -> Pixels:
        """One slice.

        Raises
        ------
        BadSlice
            If it cannot be read, is not as announced, or has NaN or infinite pixels.
        """

    def truth(self, index: int) -> Pixels | None:
        """The slice as it should come out, where that is known (synthetic stacks), or ``None``."""


@dataclass(frozen=True)
class Selected:
    """The metadata of the slices that are restored, by their positions in the output."""

    reader: Reader
    slices: tuple[int, ...]

    def metadata_at(self, position: int) -> Metadata:
        """That of one slice; the spacing is that of the chosen slices, and unknown where it is not the same."""
        metadata = self.reader.metadata_of(self.slices[position])
        z, y, x = metadata.pixel_size
        if z is None or self._step == 1:
            return metadata
        return replace(metadata, pixel_size=(z * self._step if self._step else None, y, x))

    @cached_property
    def _step(self) -> int | None:
        """How far chosen slices lie apart, if always the same."""
        steps = {abs(after - before) for before, after in pairwise(self.slices)} or {1}
        return steps.pop() if len(steps) == 1 else None


@dataclass(frozen=True)
class Layout:
    """What is known of a stack before it is written.

    Attributes
    ----------
    shape : tuple[int, int, int]
        ``(Z, Y, X)`` of each channel.
    dtype
        Of the pixels.
    names
        A file name for each slice.
    channels
        How many there are.
    metadata
        Of the slices, by position.
    origin : tuple[int, int, int]
        Where the first pixel lies in the input, ``(z, y, x)`` in px.
    compression : {'none', 'zlib', 'zstd'}
    pyramid
        Whether smaller copies are written as well, where the format has a place for them.
    """

    shape: tuple[int, int, int]
    dtype: np.dtype[Any]
    names: tuple[str, ...]
    channels: int = 1
    photometric: str = "minisblack"
    metadata: Selected | None = None
    origin: tuple[int, int, int] = (0, 0, 0)
    compression: str = "none"
    pyramid: bool = False

    def metadata_at(self, position: int) -> Metadata:
        """What is known of one slice beside its pixels."""
        return self.metadata.metadata_at(position) if self.metadata else NOTHING


class Writer(Protocol):
    """A stack that is written one slice at a time, in any order and from several processes."""

    @property
    def path(self) -> Path:
        """Folder or file that holds the stack."""

    def create(self) -> None:
        """Make the folder or the empty file."""

    def write(self, position: int, pixels: Pixels, channel: int = 0) -> None:
        """Write the slice at that position of the output, replacing what is there."""

    def written(self, position: int, channel: int = 0) -> Pixels | None:
        """A slice as it was written, or ``None`` where there is none that can be read."""

    def leave_out(self, position: int, channel: int = 0) -> None:
        """There is no such slice: no file of its own, or a blank where the others would lose their place."""

    def finish(self) -> None:
        """Bring what was written into its final form; done once all slices are there, and again after a cut."""


def open_stack(
    path: Path, *, dataset: str | None = None, tolerant: bool = False
) -> tuple[Reader, ...]:
    """Readers for the channels of a stack: a folder of TIFF slices, a TIFF, HDF5 or MRC file, or OME-Zarr.

    Parameters
    ----------
    path
        The folder or the file.
    dataset
        Which array of an HDF5 file is the stack.
    tolerant
        Slices that cannot be used count as slices all the same; to read one of them raises ``BadSlice``.

    Raises
    ------
    InputError
        If there is no stack that can be read, naming every file that stands in the way.
    """
    from stackmend.stacks import hdf5, mrc, ome_zarr_reader, tiff_file_reader, tiff_folder

    if not path.is_dir() and not path.is_file():
        raise InputError(
            f"{path}: there is no such file or folder; check input.path, or give the stack with --input"
        )
    if hdf5.is_hdf5(path):
        return hdf5.open_file(path, dataset, tolerant=tolerant)
    if dataset is not None:
        raise InputError(f"{path.name}: input.dataset is for HDF5, got {dataset}; leave it out")
    if path.is_dir():
        zarr = ome_zarr_reader.is_zarr(path)
        return (ome_zarr_reader.open_zarr if zarr else tiff_folder.open_folder)(
            path, tolerant=tolerant
        )
    return (mrc.open_file if mrc.is_mrc(path) else tiff_file_reader.open_file)(
        path, tolerant=tolerant
    )


def open_phantom(parameters: Mapping[str, Any]) -> Reader:
    """A reader for a synthetic stack with the given parameters (the defaults for those left out)."""
    from stackmend.stacks.phantom import PhantomReader

    return PhantomReader.from_parameters(parameters)


_WRITERS = {
    "tiff-folder": ("tiff_folder", "TiffFolderWriter", ""),
    "tiff": ("tiff_file_writer", "tiff_file_writer", ".tif"),
    "ome-zarr": ("ome_zarr_writer", "OmeZarrWriter", ".zarr"),
    "ome-zarr-0.4": ("ome_zarr_writer", "OmeZarr04Writer", ".zarr"),
}
"""For each format of an output: module, what makes the writer, and the suffix of the stack's name."""


def new_stack(format: str, folder: Path, layout: Layout, *, stem: str = "stack") -> Writer:
    """A writer for ``stack`` (or another stem) in a folder, with the suffix of the format."""
    module, name, suffix = _WRITERS[format]
    writer: Writer = getattr(import_module(f"stackmend.stacks.{module}"), name)(
        folder / f"{stem}{suffix}", layout
    )
    return writer
