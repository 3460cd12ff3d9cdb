"""A stack as a folder of TIFF files, ordered by the numbers in their names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from stackmend.errors import BadSlice, InputError
from stackmend.stacks.axes import refuse_axes
from stackmend.stacks.folders import list_folder, look_at_each
from stackmend.stacks.interface import Metadata, Pixels, Reader, Slice, Tags
from stackmend.stacks.series import series_notes
from stackmend.stacks.tiff.conventions import Described, described
from stackmend.stacks.tiff.descriptions import stated_by_imagej, stated_by_shape
from stackmend.stacks.tiff.headers import Header, headers_of
from stackmend.stacks.tiff.pages import (
    SUFFIXES,
    PageInfo,
    examine,
    header_at,
    no_slice,
    open_tiff,
    palette_note,
    pixels_of,
)
from stackmend.stacks.tiff.planes import passed_over
from stackmend.stacks.tiff.tags import DESCRIPTION, kept_tags
from stackmend.stacks.tiff.volumes import open_volumes
from stackmend.words import few


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
        Whether any slice has tags that are kept.
    offsets
        Where the header of a slice stands whose page is not the first of its file, by name.
    """

    folder: Path
    info: PageInfo
    bad: Mapping[str, str] = field(default_factory=dict)
    odd: Mapping[str, Metadata] = field(default_factory=dict)
    tagged: bool = False
    offsets: Mapping[str, int] = field(default_factory=dict)

    def read(self, index: int) -> Pixels:
        """The pixels of one slice, by its place in the natural order."""
        return self.read_slice(index).pixels

    def read_slice(self, index: int) -> Slice:
        """Pixels and tags of one slice, from one look at its file."""
        name = self.names[index]
        if name in self.bad:
            raise BadSlice(self.bad[name])
        with open_tiff(self.folder / name) as tif:
            header = header_at(tif, self.offsets.get(name))
            pixels = pixels_of(tif, header, f"{self.label}/{name}", self.info)
            return Slice(pixels, kept_tags(header))

    def tags(self, index: int) -> Tags:
        """Those of one slice; no file is opened where none has any."""
        name = self.names[index]
        if not self.tagged or name in self.bad:
            return ()
        with open_tiff(self.folder / name) as tif:
            return kept_tags(header_at(tif, self.offsets.get(name)))

    def metadata_of(self, index: int) -> Metadata:
        """The pixel size of one slice."""
        return self.odd.get(self.names[index], self.metadata)


def recognises(path: Path) -> bool:
    """Whether a path is a folder, which then should hold slices."""
    return path.is_dir()


def open_channels(
    folder: Path, *, axes: str | None = None, tolerant: bool = False
) -> tuple[Reader, ...]:
    """The reader for the TIFF files of a folder, which is one channel if each is a slice.

    The header of each file is looked at. Where one holds several slices, all are read as files
    that may.

    Raises
    ------
    InputError
        If there are none, or some cannot be used (all of these are named); if ``tolerant``, only
        where none can.
    """
    refuse_axes(folder.name, "a folder of slices", axes)
    names, skipped = list_folder(folder, SUFFIXES)
    others = few(skipped)
    if not names:
        found = f"only {others}" if skipped else "it is empty"
        what = f"there are no .tif or .tiff files ({found})"
        raise InputError(f"{folder}: {what}; give the folder that holds the slices")
    notes = [f"{folder.name}: skipped what is no slice: {others}"] if skipped else []
    headers, bad = look_at_each(folder, names, _read_header, tolerant=tolerant)
    if any(header.several for header in headers.values()):
        return open_volumes(folder, names, notes, tolerant=tolerant)
    first = next(iter(headers.values()))
    info, usual = first.info, first.said.metadata
    odd = {name: each.said.metadata for name, each in headers.items()}
    reader = TiffFolderReader(
        label=folder.name or str(folder),
        shape=(len(names), *info.shape),
        dtype=info.dtype,
        names=tuple(names),
        notes=(*notes, *_header_notes(folder, headers), *series_notes(folder.name, names)),
        photometric=info.photometric,
        metadata=usual,
        bar=first.said.bar,
        folder=folder,
        info=info,
        bad=bad,
        odd={name: metadata for name, metadata in odd.items() if metadata != usual},
        tagged=any(header.tagged for header in headers.values()),
        offsets={name: each.offset for name, each in headers.items() if each.pages > 1},
    )
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        reader.read(0)
    return (reader,)


class _Header(NamedTuple):
    """What is kept of a slice's file: whether it has tags, but not these, which may be long.

    ``offset`` is where the header of the slice stands, ``pages`` how many pages the file has,
    ``several`` says that more than one of them is a slice.
    """

    info: PageInfo
    said: Described
    tagged: bool
    offset: int
    pages: int
    passed: tuple[str, ...]
    several: bool


def _read_header(file: Path) -> _Header:
    with open_tiff(file) as tif:
        headers = list(headers_of(tif.filehandle, file.name))
        pages = [header for header in headers if not no_slice(header)]
        if not pages:
            what = "has no page that is a slice"
            raise InputError(f"{file.name}: {what}; remove it from the folder")
        first = pages[0]
        info = examine(first, file.name)
        others = [header for header in headers if header is not first]
        passed = [_passed(header, info, file.name) for header in others]
        several = not all(passed) or _states_more(first, info)
        said = described(first, file, file.name)
        tagged = bool(kept_tags(first))
        return _Header(info, said, tagged, first.offset, len(headers), tuple(passed), several)


def _passed(header: Header, info: PageInfo, name: str) -> str:
    """What a page is beside that of the slice; empty if it is a slice, too."""
    kind = no_slice(header)
    if not kind:
        shape = header.number_of(257, 0), header.number_of(256, 0)
        kind = "smaller" if all(np.less(shape, info.shape)) else ""
    return f"page {header.number} of {name} is {kind}" if kind else ""


def _states_more(header: Header, info: PageInfo) -> bool:
    """Whether one page stands for more: a stack with one header, or what is left of one."""
    texts = header.texts(DESCRIPTION)
    stated = (stated_by(texts, info.shape) for stated_by in (stated_by_imagej, stated_by_shape))
    return any(each is not None and each.planes > 1 for each in stated)


def _header_notes(folder: Path, headers: Mapping[str, _Header]) -> list[str]:
    """What a person should know: palettes, pages passed over, slices that differ."""
    notes = []
    if any(header.info.palette for header in headers.values()):
        notes.append(palette_note(folder.name))
    passed = [text for header in headers.values() for text in header.passed]
    notes += passed_over(folder.name, passed)
    said: dict[str, None] = {}
    for header in headers.values():
        said |= dict.fromkeys(header.said.notes)
    notes += list(said)[:3]

    # Slices that are not like the first.
    first, usual = next((name, header.said) for name, header in headers.items())
    odd = []
    for name, header in headers.items():
        size = header.said.metadata
        if size.pixel_size != usual.metadata.pixel_size:
            odd.append(f"{name} is {size}")
    if odd:
        more = f" and {len(odd) - 1} more" if len(odd) > 1 else ""
        what = f"slices differ in pixel size: {first} is {usual.metadata}, but {odd[0]}{more}"
        notes.append(f"{folder.name}: {what}")
    bars = [name for name, header in headers.items() if header.said.bar != usual.bar]
    if bars:
        what = f"slices differ in the rows of their data bar: {first} has {usual.bar}"
        notes.append(f"{folder.name}: {what}, others are {few(bars, 3)}")
    return notes
