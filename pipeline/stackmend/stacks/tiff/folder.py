"""A stack as a folder of single-page TIFF files, ordered by the numbers in their names."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from stackmend.disk import remedy
from stackmend.errors import BadSlice, InputError, OutputError
from stackmend.stacks.files import new_file
from stackmend.stacks.interface import Metadata, Pixels, Reader, Slice, Tags, Writer
from stackmend.stacks.tiff.conventions import metadata_of, vendor_tags
from stackmend.stacks.tiff.pages import (
    SUFFIXES,
    PageInfo,
    count_pages,
    decode,
    difference_error,
    difference_text,
    examine,
    open_tiff,
    palette_note,
    pixels_of,
)
from stackmend.stacks.tiff.writing import tiff_options
from stackmend.words import few


def natural_key(name: str) -> tuple[Any, ...]:
    """Sort key by which slice2.tif comes before slice10.tif."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name


@dataclass(frozen=True, kw_only=True)
class TiffFolderReader(Reader):
    """Reads a folder of TIFF slices.

    Attributes
    ----------
    info
        What holds for every slice.
    bad
        What is wrong with slices that cannot be used, by name.
    odd
        The pixel size of slices that have another one than the first, by name.
    tagged
        Whether any slice has tags of a microscope.
    """

    folder: Path
    info: PageInfo
    bad: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, Metadata] = field(default_factory=dict)
    tagged: bool = False

    def read(self, index: int) -> Pixels:
        """The pixels of one slice, by its place in the natural order."""
        return self.read_slice(index).pixels

    def read_slice(self, index: int) -> Slice:
        """Pixels and tags of one slice, from one look at its file."""
        name = self.names[index]
        if name in self.bad:
            raise BadSlice(self.bad[name])
        with open_tiff(self.folder / name) as tif:
            page = tif.pages[0]
            pixels = pixels_of(page, f"{self.label}/{name}", self.info)
            return Slice(pixels, vendor_tags(page) if self.tagged else ())

    def tags(self, index: int) -> Tags:
        """Those of one slice; no file is opened where none has any."""
        name = self.names[index]
        if not self.tagged or name in self.bad:
            return ()
        with open_tiff(self.folder / name) as tif:
            return vendor_tags(tif.pages[0])

    def metadata_of(self, index: int) -> Metadata:
        """The pixel size of one slice."""
        return self.odd.get(self.names[index], self.metadata)


def recognises(path: Path) -> bool:
    """Whether a path is a folder, which then should hold slices."""
    return path.is_dir()


def open_channels(folder: Path, *, tolerant: bool = False) -> tuple[TiffFolderReader]:
    """The reader for the TIFF files of a folder, which is one channel.

    The header of each file is looked at.

    Raises
    ------
    InputError
        If there are none, or some cannot be used (all of these are named); if ``tolerant``, only
        where none can.
    """
    names, skipped = _list_folder(folder)
    others = few(skipped)
    if not names:
        found = f"only {others}" if skipped else "it is empty"
        what = f"there are no .tif or .tiff files ({found})"
        raise InputError(f"{folder}: {what}; give the folder that holds the slices")
    headers, bad = _read_headers(folder, names, tolerant=tolerant)
    notes = [f"{folder.name}: skipped what is no slice: {others}"] if skipped else []
    info, usual, _ = next(iter(headers.values()))
    reader = TiffFolderReader(
        label=folder.name or str(folder),
        shape=(len(names), *info.shape),
        dtype=info.dtype,
        names=tuple(names),
        notes=(*notes, *_header_notes(folder, headers)),
        photometric=info.photometric,
        metadata=usual,
        folder=folder,
        info=info,
        bad=bad,
        odd={name: each.metadata for name, each in headers.items() if each.metadata != usual},
        tagged=any(header.tagged for header in headers.values()),
    )
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        reader.read(0)
    return (reader,)


def _list_folder(folder: Path) -> tuple[list[str], list[str]]:
    """Names of the slices, and of everything else.

    A link that leads nowhere counts as a slice that is missing.
    """
    names, skipped = [], []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                tiff = entry.name.casefold().endswith(SUFFIXES) and not entry.name.startswith(".")
                if entry.is_dir():
                    skipped.append(f"{entry.name}/")
                elif tiff and (entry.is_file() or entry.is_symlink()):
                    names.append(entry.name)
                else:
                    skipped.append(entry.name)
    except OSError as error:
        what = f"cannot be listed ({error.strerror})"
        raise InputError(f"{folder}: {what}; check its permissions") from error
    return sorted(names, key=natural_key), sorted(skipped, key=natural_key)


class _Header(NamedTuple):
    """What is kept of a slice's file: whether it has tags, but not these, which may be long."""

    info: PageInfo
    metadata: Metadata
    tagged: bool


def _read_headers(
    folder: Path, names: list[str], *, tolerant: bool
) -> tuple[dict[str, _Header], dict[str, str]]:
    """The headers of the slices that are alike, and what is wrong with the others."""
    # Each by itself.
    headers, bad = {}, {}
    for name in names:
        try:
            headers[name] = _read_header(folder / name)
        except InputError as error:
            bad[name] = str(error)
    if bad and not (tolerant and headers):
        more = [f"and {len(bad) - 10} more files"] if len(bad) > 10 else []
        raise InputError("\n".join([*list(bad.values())[:10], *more]))

    # All together: one shape and type.
    infos = [header.info for header in headers.values()]
    usual = Counter(infos).most_common(1)[0][0] if tolerant else infos[0]
    different = [(name, header.info) for name, header in headers.items() if header.info != usual]
    if different and not tolerant:
        raise difference_error(names[0], usual, different)
    for name, info in different:
        bad[name] = f"{name}: {difference_text(info, usual)}"
        del headers[name]
    return headers, bad


def _read_header(file: Path) -> _Header:
    with open_tiff(file) as tif:
        count = count_pages(tif, file.name)
        if count != 1:
            what = f"holds {count} pages, a slice is one"
            raise InputError(
                f"{file.name}: {what}; give the file itself as input.path, or split it"
            )
        page = tif.pages[0]
        info, tags = examine(page, file.name, file.stat().st_size), vendor_tags(page)
        return _Header(info, metadata_of(page, tags), bool(tags))


def _header_notes(folder: Path, headers: Mapping[str, _Header]) -> list[str]:
    """What a person should know: that there are palettes, that slices differ in pixel size."""
    notes = []
    if any(header.info.palette for header in headers.values()):
        notes.append(palette_note(folder.name))
    sizes = [(name, header.metadata) for name, header in headers.items()]
    first, usual = sizes[0]
    odd = [f"{name} is {size}" for name, size in sizes if size.pixel_size != usual.pixel_size]
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        what = f"slices differ in pixel size: {first} is {usual}, but {odd[0]}{more}"
        notes.append(f"{folder.name}: {what}")
    return notes


class TiffFolderWriter(Writer):
    """Writes a folder of TIFF slices; a slice is there completely or not at all."""

    def create(self) -> None:
        """Make the folder."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            what = f"cannot be made ({error.strerror})"
            raise OutputError(f"{self.path}: {what}; {remedy(error)}") from error

    def opens(self) -> bool:
        """Whether there is the folder: each of its files stands for itself."""
        return self.path.is_dir()

    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        """Write one slice."""
        layout = self.layout
        options = tiff_options(layout.metadata_at(position), new.tags)
        options["photometric"] = layout.photometric
        with new_file(self.file_of(position, channel)) as file:
            if layout.compression != "none":
                tifffile.imwrite(file, new.pixels, compression=layout.compression, **options)
                return
            # The library leaves room for the pixels, which are then written without a copy.
            stored = np.ascontiguousarray(new.pixels, dtype=layout.dtype)
            place = tifffile.imwrite(
                file, shape=stored.shape, dtype=stored.dtype, returnoffset=True, **options
            )
            assert place is not None  # as it would be for what is compressed
            file.seek(place[0])
            file.write(stored.data)

    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        """The pixels of a slice's file."""
        file = self.file_of(position, channel)
        try:
            with open_tiff(file) as tif:
                return decode(tif.pages[0], file.name)
        except InputError:
            return None

    def leave_out(self, position: int, channel: int = 0) -> None:
        """No file for this slice."""
        self.file_of(position, channel).unlink(missing_ok=True)

    def file_of(self, position: int, channel: int) -> Path:
        """The file of a slice; where there are several channels, the name says which."""
        name = Path(self.layout.names[position])
        if self.layout.channels == 1:
            return self.path / name.name
        return self.path / f"{name.stem}_c{channel}{name.suffix}"
