"""A stack as a folder of TIFF files that hold several slices each."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from typing import NamedTuple

from stackmend.errors import InputError
from stackmend.stacks.folders import all_errors, difference_error, odd_sizes
from stackmend.stacks.interface import Metadata, Pixels, Reader, Slice, Tags
from stackmend.stacks.pixels import slice_names
from stackmend.stacks.series import natural_key, series_notes
from stackmend.stacks.tiff.file_reader import TiffFileReader, channels_in
from stackmend.stacks.tiff.pages import PageInfo
from stackmend.words import counted, few


@dataclass(frozen=True, kw_only=True)
class TiffVolumesReader(Reader):
    """Reads one channel of TIFF files that follow each other; ``parts`` are their readers."""

    parts: tuple[TiffFileReader, ...]

    def read(self, index: int) -> Pixels:
        """The pixels of one slice."""
        part, page = self._place(index)
        return part.read(page)

    def read_slice(self, index: int) -> Slice:
        """Pixels and tags of one slice."""
        part, page = self._place(index)
        return part.read_slice(page)

    def tags(self, index: int) -> Tags:
        """Those of one slice."""
        part, page = self._place(index)
        return part.tags(page)

    def metadata_of(self, index: int) -> Metadata:
        """The pixel size of one slice."""
        return self._place(index)[0].metadata

    def _place(self, index: int) -> tuple[TiffFileReader, int]:
        """The file of a slice, and its place in it."""
        number = bisect_right(self._starts, index) - 1
        return self.parts[number], index - self._starts[number]

    @cached_property
    def _starts(self) -> list[int]:
        return list(accumulate((part.shape[0] for part in self.parts[:-1]), initial=0))


class _Alike(NamedTuple):
    """What must be the same in every file."""

    page: PageInfo
    channels: int

    def __str__(self) -> str:
        return f"{self.page}, {counted(self.channels, 'channel')}"


def open_volumes(
    folder: Path, names: Sequence[str], notes: Sequence[str], *, tolerant: bool = False
) -> tuple[TiffVolumesReader, ...]:
    """Readers for the channels of the TIFF files of a folder, in this order.

    Parameters
    ----------
    notes
        What is known of the folder already.
    tolerant
        Pages that cannot be used count as slices. Of a file that cannot be read at all, nobody
        knows how many it has.

    Raises
    ------
    InputError
        If files cannot be read (all of these are named), or are not alike.
    """
    files, errors = [], []
    for name in names:
        try:
            files.append(channels_in(folder / name, tolerant=tolerant))
        except InputError as error:
            errors.append(str(error))
    if errors:
        raise all_errors(errors)

    # One shape and type, and as many channels.
    kinds = [_Alike(channels[0].info, len(channels)) for channels in files]
    others = [(name, kind) for name, kind in zip(names, kinds, strict=True) if kind != kinds[0]]
    if others:
        raise difference_error(names[0], kinds[0], others)

    # A channel of all files each.
    label = folder.name or str(folder)
    said = (*notes, *_count_notes(label, [channels[0] for channels in files]))
    said += tuple(series_notes(label, names))
    readers = tuple(_joined(label, parts, said) for parts in zip(*files, strict=True))
    # A missing codec shows here rather than in the middle of a run.
    if not tolerant:
        readers[0].read(0)
    return readers


def _joined(
    label: str, parts: tuple[TiffFileReader, ...], notes: tuple[str, ...]
) -> TiffVolumesReader:
    count = sum(part.shape[0] for part in parts)
    first = parts[0]
    names = tuple(chain.from_iterable(part.names for part in parts))
    # The order of the names must be that of the slices.
    if len(set(names)) < count or list(names) != sorted(names, key=natural_key):
        names = slice_names(label, count)
    own = dict.fromkeys(chain.from_iterable(part.notes for part in parts))
    sizes = {part.label: part.metadata for part in parts}
    return TiffVolumesReader(
        label=label,
        shape=(count, *first.info.shape),
        dtype=first.dtype,
        names=names,
        notes=(*notes, *list(own)[:3], *odd_sizes(label, sizes)[1]),
        photometric=first.photometric,
        metadata=first.metadata,
        bar=min(part.bar for part in parts),
        parts=tuple(replace(part, names=(), notes=()) for part in parts),
    )


def _count_notes(label: str, parts: Sequence[TiffFileReader]) -> tuple[str, ...]:
    """How many slices the files hold, and which of them hold another number."""
    counts = Counter(part.shape[0] for part in parts)
    if len(counts) == 1:
        each = counted(parts[0].shape[0], "slice")
        return (f"{label}: {counted(len(parts), 'file')} of {each} each follow each other",)
    usual = counts.most_common(1)[0][0]
    odd = [f"{part.label} has {part.shape[0]}" for part in parts if part.shape[0] != usual]
    what = f"{counted(sum(part.shape[0] for part in parts), 'slice')} in {len(parts)} files"
    return (f"{label}: {what}: most hold {usual}, but {few(odd, 3)}",)
