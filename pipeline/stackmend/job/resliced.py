"""The stack as the first step of a chain makes it, where each slice is made of many."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import PurePath
from threading import Lock
from uuid import uuid4
from weakref import WeakValueDictionary

import numpy as np

from stackmend.errors import BadSlice
from stackmend.kernels.rounding import to_dtype
from stackmend.kernels.volume_affine import changed_slices
from stackmend.protocol import Protocol
from stackmend.registry import Resliced
from stackmend.stacks import Metadata, Pixels, Reader, Tags
from stackmend.stacks.pixels import check_finite, slice_names

DEPTH = 8
"""Slices that are made together."""

KEPT = 256 * 2**20
"""Bytes that a process keeps of slabs, and a thread of slices that these are made of."""

_IN_USE: WeakValueDictionary[tuple[int, Resliced], ReslicedReader] = WeakValueDictionary()
"""Those of stacks that are open, so that an edited protocol keeps what was made of its stack."""


def as_resliced(protocol: Protocol, readers: tuple[Reader, ...]) -> tuple[Reader, ...]:
    """The readers of the stack that the chain works on."""
    if not readers or not protocol.chain:
        return readers
    entry = protocol.chain[0]
    step, shape = entry.step, readers[0].shape
    if step.reslices is None or not step.reslices.needed(entry.parameters):
        return readers
    made = step.reslices.of(entry.parameters, shape)
    return tuple(_resliced(reader, made, step.name) for reader in readers)


def _resliced(reader: Reader, made: Resliced, step: str) -> Reader:
    key = id(reader), made
    known = _IN_USE.get(key)
    if known is None:
        known = _IN_USE[key] = _new(reader, made, step)
    return known


def _new(reader: Reader, made: Resliced, step: str) -> ReslicedReader:
    depth, height, width = made.shape
    note = f"{reader.label}: {step} makes {depth} slices of {height} x {width} px of its"
    return ReslicedReader(
        label=reader.label,
        shape=made.shape,
        dtype=reader.dtype,
        names=slice_names(PurePath(reader.label).stem or step, depth),
        notes=(*reader.notes, f"{note} {reader.shape[0]}"),
        photometric=reader.photometric,
        metadata=_zoomed(reader.metadata, made.zoom),
        inner=reader,
        made=made,
        has_truth=reader.truth(0) is not None,
    )


def _zoomed(metadata: Metadata, zoom: Sequence[float]) -> Metadata:
    z, y, x = (size and size / times for size, times in zip(metadata.pixel_size, zoom, strict=True))
    return replace(metadata, pixel_size=(z, y, x))


def resliced_array(images: Sequence[Pixels], made: Resliced) -> Pixels:
    """The slices that are made of those at hand, ``(Z, Y, X)`` float32."""
    height, width = images[0].shape
    shape, matrix, depth = (len(images), height, width), np.array(made.matrix), made.shape[0]
    read, fill = images.__getitem__, made.fill
    out = np.empty(made.shape, dtype=np.float32)
    for first in range(0, depth, DEPTH):
        some = first, min(first + DEPTH, depth)
        out[slice(*some)] = changed_slices(read, shape, matrix, some, made.shape[1:], fill)
    return out


class _Slabs:
    """Slices that are made together, until the last of them is read; bounded besides.

    They belong to the process, as a reader is sent anew with each task. Threads make slabs of their
    own at once, and wait where another one makes theirs.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[Hashable, Future[Pixels]] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], Pixels]) -> Pixels:
        """A slab, made if it is not there."""
        with self._lock:
            known = self._kept.get(key)
            slab = self._kept.setdefault(key, Future())
        if known is None:
            try:
                slab.set_result(make())
            # Whoever waits is told as well, and whoever asks again tries again.
            except BaseException as error:
                self.drop(key)
                slab.set_exception(error)
                raise
            self._bound()
        return slab.result()

    def drop(self, key: Hashable) -> None:
        """Let go of a slab, if it is there."""
        with self._lock:
            self._kept.pop(key, None)

    def _bound(self) -> None:
        with self._lock:
            made = {key: slab.result().nbytes for key, slab in self._kept.items() if slab.done()}
            for key, size in list(made.items())[:-1]:
                if sum(made.values()) <= KEPT:
                    return
                made[key] -= size
                del self._kept[key]


_SLABS = _Slabs()


@dataclass(frozen=True, kw_only=True)
class ReslicedReader(Reader):
    """Makes slices of those of another reader as they are asked for.

    ``opened`` tells this reader from those of another time, when the stack may have been another.
    """

    inner: Reader
    made: Resliced
    has_truth: bool
    opened: str = field(default_factory=lambda: uuid4().hex)

    def read(self, index: int) -> Pixels:
        """One slice; the type of the stack holds it, rounded."""
        pixels = self._slice_of(index, "pixels", self.inner.read)
        return check_finite(pixels, f"{self.label} slice {index}")

    def tags(self, index: int) -> Tags:
        """Those of the first slice, as long as the size of a pixel that they have is true."""
        return self.inner.tags(0) if self.made.zoom == (1, 1, 1) else ()

    def truth(self, index: int) -> Pixels | None:
        """The truth, made of those of other slices likewise."""
        return self._slice_of(index, "truth", self._truth_there) if self.has_truth else None

    def _truth_there(self, number: int) -> Pixels:
        truth = self.inner.truth(number)
        assert truth is not None  # it is known of all slices or of none
        return truth

    def _slice_of(self, index: int, what: str, read: Callable[[int], Pixels]) -> Pixels:
        first = index // DEPTH * DEPTH
        stop = min(first + DEPTH, self.shape[0])
        key = self.opened, what, first
        slab = _SLABS.get(key, lambda: self._made(first, stop, read))
        chosen: Pixels = slab[index - first].copy()
        if index == stop - 1:
            _SLABS.drop(key)
        return chosen

    def _made(self, first: int, stop: int, read: Callable[[int], Pixels]) -> Pixels:
        kept: OrderedDict[int, Pixels] = OrderedDict()

        def source(number: int) -> Pixels:
            """A slice that is needed, kept for the next tile."""
            if number not in kept:
                try:
                    kept[number] = read(number)
                except BadSlice as error:
                    numbers = f"slices {first} to {stop - 1} are made of one that cannot be read"
                    raise BadSlice(f"{self.label}: {numbers} ({error})") from error
                while len(kept) * kept[number].nbytes > KEPT:
                    kept.popitem(last=False)
            kept.move_to_end(number)
            return kept[number]

        matrix, fill = np.array(self.made.matrix), self.made.fill
        where = self.inner.shape, matrix, (first, stop), self.shape[1:]
        slices = changed_slices(source, *where, fill)
        return np.stack([to_dtype(each, self.dtype)[0] for each in slices])
