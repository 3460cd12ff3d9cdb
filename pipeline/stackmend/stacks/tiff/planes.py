"""Which pages of a TIFF file are planes of the stack, and whether as many are there as it states.

One header may stand for many planes that follow each other, as ImageJ writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tifffile

from stackmend.errors import InputError, NotReached
from stackmend.stacks.folders import difference_error, difference_text
from stackmend.stacks.tiff.descriptions import (
    Stated,
    stated_by_imagej,
    stated_by_ome,
    stated_by_shape,
)
from stackmend.stacks.tiff.headers import Header, headers_of
from stackmend.stacks.tiff.pages import (
    PageInfo,
    examine,
    no_slice,
)
from stackmend.stacks.tiff.segments import segments_of
from stackmend.stacks.tiff.tags import DESCRIPTION, may_keep

_KINDS = ("is_lsm", "is_stk", "is_fluoview", "is_scanimage")
"""Files whose axes tifffile finds in tags of their own."""


@dataclass(frozen=True)
class Pages:
    """The pages that are planes.

    Attributes
    ----------
    info
        What holds for all of them.
    offsets
        Where the header of each stands.
    starts
        Where the pixels of each begin, -1 if they do not lie there as they are.
    tagged
        Whether each may have tags that are kept.
    bad
        What is wrong with those that cannot be used.
    notes
        What was passed over.
    """

    info: PageInfo
    offsets: tuple[int, ...]
    starts: tuple[int, ...]
    tagged: tuple[bool, ...]
    bad: Mapping[int, str]
    notes: tuple[str, ...]


class _Page(NamedTuple):
    """A page that could be a plane: where its header and its pixels begin, and what it holds."""

    number: int
    offset: int
    start: int
    info: PageInfo | None
    tagged: bool


class _Look:
    """One page after the other looked at; those that are alike but for their place only once."""

    def __init__(self, label: str) -> None:
        self.label = label
        self.known: dict[bytes, tuple[PageInfo, int, bool]] = {}

    def knows(self, header: Header) -> bool:
        """Whether a page is like one that was looked at before."""
        return header.likeness[0] in self.known

    def at(self, header: Header) -> tuple[PageInfo, int, bool]:
        """What a page holds, where its pixels begin if they lie as they are, if tags are kept."""
        where = f"{self.label} page {header.number}"
        key, strip = header.likeness
        if strip is not None and key in self.known:
            info, length, tagged = self.known[key]
            if 0 < strip <= header.source.size - length:
                return info, strip, tagged
        info = examine(header, where)
        segments = segments_of(header, info.shape, info.bits, where)
        start, tagged = segments.start, may_keep(header)
        if strip is not None and start == strip:
            self.known[key] = info, int(segments.counts[0]), tagged
        return info, -1 if start is None else start, tagged


def pages_of(tif: tifffile.TiffFile, file: Path, *, tolerant: bool) -> Pages:
    """The pages of a file that are planes, after a look at each header.

    Raises
    ------
    InputError
        If some cannot be used; if ``tolerant``, these are bad.
    """
    look = _Look(file.name)
    found: list[_Page] = []
    bad, passed = {}, []
    for header in headers_of(tif.filehandle, file.name):
        kind = "" if look.knows(header) else no_slice(header)
        if kind:
            passed.append(f"page {header.number} is {kind}")
            continue
        info, start, tagged = None, -1, False
        try:
            info, start, tagged = look.at(header)
        except InputError as error:
            if not tolerant or isinstance(error, NotReached):
                raise
            bad[len(found)] = str(error)
        found.append(_Page(header.number, header.offset, start, info, tagged))
    first = next((page.info for page in found if page.info), None)
    if first is None:
        what = f"{file.name}: has no page that is a slice; give the file that holds the slices"
        raise InputError(next(iter(bad.values()), what))

    # Smaller pictures at the end are labels and previews that the microscope took along.
    while len(found) > 1 and _is_smaller(found[-1].info, first):
        last = found.pop()
        passed.append(f"page {last.number} is smaller ({last.info})")
    different = []
    for place, page in enumerate(found):
        if page.info is not None and page.info != first:
            different.append((f"page {page.number}", page.info))
            bad[place] = f"{file.name} page {page.number}: {difference_text(page.info, first)}"
    if different and not tolerant:
        raise difference_error(f"{file.name} page {found[0].number}", first, different)
    return Pages(
        first,
        tuple(page.offset for page in found),
        tuple(page.start for page in found),
        tuple(page.tagged for page in found),
        bad,
        passed_over(file.name, passed),
    )


def _is_smaller(info: PageInfo | None, first: PageInfo) -> bool:
    return info is not None and all(np.less(info.shape, first.shape))


def passed_over(name: str, pages: Sequence[str]) -> tuple[str, ...]:
    """What to say of pages that are no slices."""
    if not pages:
        return ()
    more = f" and {len(pages) - 3} more" if len(pages) > 3 else ""
    return (f"{name}: passed over what is no slice: {', '.join(pages[:3])}{more}",)


@dataclass(frozen=True)
class Planes:
    """Axes and sizes of a file, and for each plane the number of its page, or where it lies.

    ``starts`` has where pixels begin that lie as they are, in the order of the planes; else
    ``order`` has the pages.
    """

    axes: str
    sizes: tuple[int, ...]
    order: Sequence[int]
    starts: Sequence[int]


def planes_of(tif: tifffile.TiffFile, header: Header, file: Path, pages: Pages) -> Planes:
    """The planes that a file states, all of which must be there.

    Raises
    ------
    InputError
        If there are fewer, or several images.
    """
    shape, count = pages.info.shape, len(pages.offsets)
    texts = header.texts(DESCRIPTION)
    stated = stated_by_imagej(texts, shape)
    one_block = stated is not None
    if stated is None and stated_by_ome(texts, shape):
        return _by_library(tif, file, pages, stated_by_ome(texts, shape))
    if stated is None and any(getattr(tif, kind, False) for kind in _KINDS):
        return _by_library(tif, file, pages, None)
    if stated is None:
        stated = stated_by_shape(texts, shape)
        one_block = stated is not None and count == 1
        if stated and stated.planes < count:
            # Written at several times, each of which says only what is its own.
            stated = _added_up(tif, file, pages, stated)
    if stated is None or stated.planes == 1 < count:
        stated = Stated("IYX", (count, *shape))
    if stated.planes == count:
        return Planes(stated.axes, stated.sizes, range(count), pages.starts)
    if one_block and stated.planes > count:
        return _in_one_block(header, file, pages, stated)
    raise _mismatch(file, stated.planes, count)


def _added_up(tif: tifffile.TiffFile, file: Path, pages: Pages, first: Stated) -> Stated | None:
    """What all descriptions of tifffile state together; ``None`` if that is one page each."""
    total, number = 0, 0
    for header in headers_of(tif.filehandle, file.name):
        said = stated_by_shape(header.texts(DESCRIPTION), pages.info.shape)
        if said and number >= total:
            total += said.planes
        number += 1
    if total == first.planes:
        return first
    return Stated("IYX", (max(total, number), *pages.info.shape))


def _in_one_block(header: Header, file: Path, pages: Pages, stated: Stated) -> Planes:
    """Planes that follow each other, whose headers are left out."""
    info, start = pages.info, pages.starts[0]
    length = info.shape[0] * info.shape[1] * info.dtype.itemsize
    if start < 0:
        raise _mismatch(file, stated.planes, len(pages.offsets))
    room = (header.source.size - start) // length
    if room < stated.planes:
        what = f"the file is truncated, it states {stated.planes} planes and has room for {room}"
        raise InputError(f"{file.name}: {what}; copy it again from its source")
    starts = range(start, start + stated.planes * length, length)
    if tuple(pages.starts) != tuple(starts[: len(pages.starts)]):
        raise _mismatch(file, stated.planes, len(pages.offsets))
    return Planes(stated.axes, stated.sizes, range(stated.planes), starts)


def _mismatch(file: Path, stated: int, found: int) -> InputError:
    what = f"states {stated} planes, got {found} pages"
    how = "save it again, so that both agree"
    if stated > found:
        what, how = f"the file is truncated: it {what}", "copy it again from its source"
    return InputError(f"{file.name}: {what}; {how}")


def _by_library(tif: tifffile.TiffFile, file: Path, pages: Pages, stated: Stated | None) -> Planes:
    """The planes as tifffile finds them, where that takes more than a line of text."""
    count = len(pages.offsets)
    series: Any = tif.series[0]
    if stated is not None and series.kind.casefold() != "ome":
        if stated.planes == count:
            return Planes(stated.axes, stated.sizes, range(count), pages.starts)
        raise _mismatch(file, stated.planes, count)
    if stated is not None and len(tif.series) > 1:
        what = f"expected one image, got {len(tif.series)} (OME)"
        raise InputError(f"{file.name}: {what}; save one of them as a stack")
    found = list(series.pages)
    if any(page is None or page.parent is not tif for page in found):
        what = "expected a whole stack, got one file of several (OME)"
        raise InputError(f"{file.name}: {what}; save them as one file, or as a folder of slices")

    # One header for all planes, or a page each.
    axes, sizes = series.axes, tuple(map(int, series.shape))
    planes = int(np.prod(sizes[:-2], dtype=np.int64))
    needed = planes if stated is None else max(planes, stated.planes)
    if planes == needed > count and pages.starts[0] >= 0 and series.dataoffset is not None:
        return _in_one_block(_first(tif), file, pages, Stated(axes, sizes))
    order = [_place_of(page, pages) for page in found]
    if needed != len(order) or sizes[-2:] != pages.info.shape:
        raise _mismatch(file, needed, len(order))
    return Planes(axes, sizes, order, [pages.starts[number] for number in order])


def _first(tif: tifffile.TiffFile) -> Header:
    return next(headers_of(tif.filehandle, str(tif.filename)))


def _place_of(page: Any, pages: Pages) -> int:
    """The number of a page of the library among those that are planes."""
    return pages.offsets.index(int(page.offset))
