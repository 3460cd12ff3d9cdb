"""Raw slices as a worker needs them: read ahead, hashed on the way, forgotten when used up."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from stackmend.errors import BadSlice
from stackmend.result.hashes import pixel_hash
from stackmend.stacks import Pixels, Reader, Tags

Image = NDArray[np.float32]


@dataclass(frozen=True)
class RawSlice:
    """A slice as it was read, with the hash of its page and its tags; or why it is unusable.

    ``below`` are the rows of the page that show no specimen, if there are any.
    """

    pixels: Pixels | None
    hash: str
    tags: Tags = ()
    bad: BadSlice | None = None
    below: Pixels | None = None


def page_of(pixels: Pixels, below: Pixels | None) -> Pixels:
    """A slice with the rows below it that show no specimen, if there are any."""
    return pixels if below is None else np.concatenate([pixels, below])


class RawSlices:
    """Reads slices in the order in which they are needed, one ahead of the one that is asked for.

    Parameters
    ----------
    reader
        Of the channel.
    numbers
        The slices that will be restored, in ascending order.
    reach
        How many slices to either side each of them needs.
    tolerant
        Whether slices that cannot be read are handed over as such.
    """

    def __init__(
        self, reader: Reader, numbers: Sequence[int], reach: int, *, tolerant: bool
    ) -> None:
        self._reader, self._reach, self._tolerant = reader, reach, tolerant
        needed: set[int] = set()
        for number in numbers:
            needed.update(range(max(number - reach, 0), number + reach + 1))
        self._order = deque(sorted(each for each in needed if each < reader.shape[0]))
        self._last = -1
        self._read: dict[int, Future[RawSlice]] = {}
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def get(self, number: int) -> RawSlice:
        """A slice that is needed by those that will be restored.

        Raises
        ------
        InputError
            If it cannot be read, and that is not tolerated.
        """
        self._read_on(number)
        if number not in self._read:  # asked for again when it was forgotten
            self._read[number] = self._thread.submit(self._load, number)
        return self._read[number].result()

    def forget(self, number: int) -> None:
        """Let go of what only slices up to this one needed."""
        for each in [each for each in self._read if each <= number - self._reach]:
            del self._read[each]

    def _read_on(self, number: int) -> None:
        """Begin to read all slices up to the first that lies behind this one."""
        while self._order and self._last <= number:
            self._last = self._order.popleft()
            self._read[self._last] = self._thread.submit(self._load, self._last)

    def _load(self, number: int) -> RawSlice:
        # The hash takes longer than to read the slice, so it is taken ahead, too.
        return read_raw(self._reader, number, tolerant=self._tolerant)


def read_raw(reader: Reader, number: int, *, tolerant: bool) -> RawSlice:
    """One slice as it is read, with its hash.

    Raises
    ------
    InputError
        If it cannot be read, and that is not tolerated.
    """
    try:
        pixels, tags, below = reader.read_slice(number)
    except BadSlice as error:
        if not tolerant:
            raise
        return RawSlice(None, "", bad=error)
    return RawSlice(pixels, pixel_hash(page_of(pixels, below)), tags, below=below)


def load_image(reader: Reader, index: int) -> Image:
    """One slice as the chain takes it."""
    return as_image(reader.read(index))


def as_image(pixels: NDArray[Any]) -> Image:
    """Pixels as the chain takes them: float32, read-only."""
    image = pixels.astype(np.float32)
    image.flags.writeable = False
    return image
