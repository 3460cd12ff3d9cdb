"""Raw slices are read once, in order and ahead, and no more of them are kept than are needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stackmend.errors import BadSlice
from stackmend.result.hashes import pixel_hash
from stackmend.stacks.interface import Reader
from stackmend.tuning.raw import RawSlices

COUNT = 12


@dataclass(frozen=True, kw_only=True)
class Numbers(Reader):
    """Slices that show their number, and in what order they were read."""

    order: list[int] = field(default_factory=list)
    bad: tuple[int, ...] = ()

    def read(self, index: int) -> NDArray[Any]:
        self.order.append(index)
        if index in self.bad:
            raise BadSlice(f"s{index}: is damaged")
        return np.full((1, 2), index, np.uint8)


def reader(**how: Any) -> Numbers:
    names = tuple(f"s{number}" for number in range(COUNT))
    shape, dtype = (COUNT, 1, 2), np.dtype(np.uint8)
    return Numbers(label="numbers", shape=shape, dtype=dtype, names=names, **how)


def around(number: int, reach: int) -> range:
    return range(max(number - reach, 0), min(number + reach + 1, COUNT))


@pytest.mark.parametrize("reach", [0, 1, 3, 20])
@pytest.mark.parametrize("numbers", [range(COUNT), (0, 1, 7, 8), (11,), (2, 6, 10)])
def test_each_is_read_once_in_order(numbers: Sequence[int], reach: int) -> None:
    source = reader()
    needed = sorted({each for number in numbers for each in around(number, reach)})
    with RawSlices(source, numbers, reach, tolerant=False) as raw:
        for number in numbers:
            for each in around(number, reach):
                found = raw.get(each)
                assert found.pixels is not None
                assert found.pixels[0, 0] == each
                assert found.hash == pixel_hash(found.pixels)
            raw.forget(number)
    assert source.order == needed


@pytest.mark.parametrize("reach", [0, 1, 3])
def test_no_more_are_kept_than_are_needed_and_one_ahead(reach: int) -> None:
    with RawSlices(reader(), range(COUNT), reach, tolerant=False) as raw:
        for number in range(COUNT):
            for each in around(number, reach):
                raw.get(each)
            assert len(raw._read) <= 2 * reach + 2
            raw.forget(number)
            assert len(raw._read) <= 2 * reach + 1


def test_what_was_forgotten_is_read_again() -> None:
    source = reader()
    with RawSlices(source, range(COUNT), 0, tolerant=False) as raw:
        for number in (0, 1):
            raw.get(number)
            raw.forget(number)
        again = raw.get(0).pixels
        assert again is not None
        assert again[0, 0] == 0
    assert Counter(source.order)[0] == 2


def test_bad_slices_are_handed_over_where_that_is_tolerated() -> None:
    with RawSlices(reader(bad=(1,)), range(COUNT), 1, tolerant=True) as raw:
        found = raw.get(1)
        assert found.pixels is None
        assert found.hash == ""
        assert "s1: is damaged" in str(found.bad)
    with RawSlices(reader(bad=(1,)), range(COUNT), 1, tolerant=False) as raw:
        assert raw.get(0).pixels is not None
        with pytest.raises(BadSlice, match="s1: is damaged"):
            raw.get(1)
