"""Image stacks on disk, slice by slice: one module a format, one small interface for reading and one for writing.

A reader and a writer are plain values that can be sent to another process; they open files only while they use them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import InputError
from stackmend.stacks.metadata import Metadata

Pixels = NDArray[Any]
"""One slice, ``(Y, X)``, of the stack's own type."""

DTYPES = ("uint8", "uint16", "int16", "float32")
"""Pixel types that stacks may have."""


class Reader(Protocol):
    """A stack that can be read one slice at a time."""

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
        InputError
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
        steps = {abs(after - before) for before, after in zip(self.slices, self.slices[1:], strict=False)}
        if z is not None and steps - {1}:
            z = z * steps.pop() if len(steps) == 1 else None
        return replace(metadata, pixel_size=(z, y, x))


class Writer(Protocol):
    """A stack that is written one slice at a time, in any order and from several processes."""

    @property
    def path(self) -> Path:
        """Folder or file that holds the stack."""

    def create(self) -> None:
        """Make the folder or the empty file."""

    def write(self, position: int, pixels: Pixels) -> None:
        """Write the slice at that position of the output."""


def open_stack(path: Path, channel: int | None = None) -> Reader:
    """A reader for a folder of TIFF slices or one channel of a multi-page TIFF file.

    Raises
    ------
    InputError
        If there is no stack that can be read, naming every file that stands in the way; if there are several channels
        and none is chosen.
    """
    from stackmend.stacks import tiff_file, tiff_folder

    if path.is_dir():
        return tiff_folder.open_folder(path, channel)
    if path.is_file():
        return tiff_file.open_file(path, channel)
    raise InputError(f"{path}: there is no such file or folder; check input.path, or give the stack with --input")


def open_phantom(parameters: Mapping[str, Any]) -> Reader:
    """A reader for a synthetic stack with the given parameters (the defaults for those left out)."""
    from stackmend.stacks.phantom import PhantomReader

    return PhantomReader.from_parameters(parameters)


def read_back(writer: Writer, name: str, position: int) -> Pixels | None:
    """A slice that was written, by its name in a folder or its position in a file; ``None`` if it is not there."""
    folder = writer.path.is_dir()
    try:
        return open_stack(writer.path / name if folder else writer.path).read(0 if folder else position)
    except InputError:
        return None


def new_stack(
    format: str, folder: Path, *, shape: tuple[int, int, int], dtype: np.dtype[Any], names: tuple[str, ...], **how: Any
) -> Writer:
    """A writer for ``stack`` in a folder.

    Parameters
    ----------
    format : {'tiff-folder', 'tiff'}
    folder
        Where ``stack/`` or ``stack.tif`` will be made.
    shape, dtype, names
        Of the stack to be written.
    **how
        ``stem`` instead of ``stack``; ``photometric``; ``metadata``, the ``Selected`` slices; ``compression``.
    """
    from stackmend.stacks.tiff_file import TiffFileWriter
    from stackmend.stacks.tiff_folder import TiffFolderWriter

    stem = how.pop("stem", "stack")
    if format == "tiff-folder":
        return TiffFolderWriter(folder / stem, names=names, **how)
    how.pop("compression", None)  # pages of one length can be written in any order
    return TiffFileWriter(folder / f"{stem}.tif", shape=shape, dtype=dtype, **how)
