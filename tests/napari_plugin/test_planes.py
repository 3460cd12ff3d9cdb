"""Stacks that are made slice by slice are indexed as arrays are."""

from __future__ import annotations

import numpy as np
import pytest

from stackmend.errors import UsageError
from stackmend.napari_plugin.planes import KnownPlanes, Planes

STACK = np.arange(4 * 3 * 5, dtype=np.uint8).reshape(4, 3, 5)
MADE: list[int] = []


def made(position):
    MADE.append(position)
    return STACK[position]


@pytest.fixture
def planes():
    MADE.clear()
    return Planes(STACK.shape, STACK.dtype, made)


@pytest.mark.parametrize(
    "key",
    [
        2,
        -1,
        np.int64(1),
        slice(None),
        slice(3, 0, -2),
        slice(2, 2),
        ...,
        (1, slice(None), slice(1, 3)),
        (slice(1, 3), 0),
        (slice(None), slice(None), 2),
        (..., 4),
        (1, ..., 0),
        (1, 2, 3),
        [0, 3],
        (np.array([2, 2, 0]), slice(1)),
        (),
    ],
    ids=str,
)
def test_an_index_gives_what_numpy_gives(planes, key):
    assert np.array_equal(planes[key], STACK[key])
    assert np.asarray(planes[key]).dtype == STACK.dtype


def test_only_what_is_looked_at_is_made(planes):
    assert planes[2, 1:, :].shape == (2, 5)
    assert MADE == [2]
    assert (planes.ndim, planes.size, len(planes)) == (3, STACK.size, 4)
    assert MADE == [2]


def test_a_place_outside_is_an_error(planes):
    with pytest.raises(IndexError):
        planes[4]


def test_all_of_it_is_an_array(planes):
    assert np.array_equal(np.asarray(planes), STACK)
    assert np.array_equal(list(planes), STACK)
    assert np.asarray(planes, dtype=np.float32).dtype == np.float32


def test_nothing_to_be_seen_is_black(planes):
    nothing = Planes(STACK.shape, STACK.dtype, lambda _: None)
    assert not nothing[1].any()
    assert nothing[1].shape == (3, 5)


def test_it_cannot_be_painted(planes):
    with pytest.raises(UsageError, match="cannot be painted"):
        planes[0, 0, 0] = 1


def test_what_is_not_known_is_black_as_long_as_somebody_makes_it():
    MADE.clear()
    tended = [True]
    planes = KnownPlanes(STACK.shape, STACK.dtype, made, lambda: tended[0])
    planes.put(1, STACK[1])
    planes.put(2, None)
    assert np.array_equal(planes[1], STACK[1])
    assert not planes[2].any()
    assert not planes[3].any()
    assert [planes.knows(position) for position in range(4)] == [False, True, True, False]
    tended[0] = False
    assert np.array_equal(planes[3], STACK[3])
    assert MADE == [3]


def test_few_are_kept():
    planes = KnownPlanes((20, 3, 5), STACK.dtype, made, lambda: True)
    for position in range(20):
        planes.put(position, STACK[0])
    assert sum(planes.knows(position) for position in range(20)) == 8
    assert planes.knows(19)
