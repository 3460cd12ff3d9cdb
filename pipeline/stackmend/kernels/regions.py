"""Connected regions of masks: holes, areas, distances and rings.

A mask is taken apart into its horizontal runs; holes and regions are components of runs, which are
few.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import readonly

Mask = NDArray[np.bool_]
Index = NDArray[np.intp]
Region = tuple[Index, Index]

EIGHT, FOUR = (
    1,
    0,
)  # how far runs of neighbouring rows may miss each other and still belong together, in pixels
MAX_LIMIT = 32765  # distances are int16, and two steps beyond the limit must fit


@dataclass(frozen=True, eq=False)
class Runs:
    """Flat start and stop of the runs of a mask in reading order, and each one's component.

    Components count from 1.
    """

    starts: Index
    stops: Index
    labels: Index
    count: int

    def areas(self) -> Index:
        """Pixels of each component."""
        lengths = np.bincount(
            self.labels, weights=self.stops - self.starts, minlength=self.count + 1
        )
        return lengths[1:].astype(np.intp)


def fill_holes(mask: Mask) -> Mask:
    """Fill the parts of the background that do not reach the border of the image.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
        May be empty of True pixels.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        As `scipy.ndimage.binary_fill_holes`: the background is 4-connected. A new array.

    Raises
    ------
    ValueError
        If the mask is not two-dimensional or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> ring = np.array([[0, 1, 0], [1, 0, 1], [0, 1, 0]], dtype=bool)
    >>> fill_holes(ring).astype(int)
    array([[0, 1, 0],
           [1, 1, 1],
           [0, 1, 0]])
    """
    flat = _plain_mask(mask)
    runs = _find(flat, 0, FOUR)
    n_rows, n_columns = mask.shape
    row, column = np.divmod(runs.starts, n_columns)
    open_ = np.zeros(runs.count + 1, dtype=bool)
    at_border = (row == 0) | (row == n_rows - 1) | (column == 0) | (runs.stops % n_columns == 0)
    open_[runs.labels[at_border]] = True
    return _painted(runs, ~open_, flat.copy())


def remove_small(mask: Mask, min_area: int) -> Mask:
    """Keep the 8-connected regions with more than `min_area` pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
    min_area : int
        Pixels; a region of exactly this area is removed.

    Returns
    -------
    ndarray of bool, shape (Y, X)
        A new array.

    Raises
    ------
    ValueError
        If the mask is not two-dimensional or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> remove_small(np.array([[1, 0, 1, 1]], dtype=bool), 1)
    array([[False, False,  True,  True]])
    """
    flat = _plain_mask(mask)
    runs = _find(flat, 1, EIGHT)
    return _painted(runs, np.append(False, runs.areas() > min_area), np.zeros_like(flat))


def bounding_boxes(mask: Mask) -> tuple[tuple[slice, slice], ...]:
    """Rows and columns of the 8-connected regions, in the order of their first pixels.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)

    Returns
    -------
    tuple of (slice, slice)
        As `scipy.ndimage.find_objects` of the labelled regions. No regions: an empty tuple.

    Raises
    ------
    ValueError
        If the mask is not two-dimensional or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> bounding_boxes(np.array([[1, 0, 1, 1]], dtype=bool))
    ((slice(0, 1, None), slice(0, 1, None)), (slice(0, 1, None), slice(2, 4, None)))
    """
    runs = _find(_plain_mask(mask), 1, EIGHT)
    row, column = np.divmod(runs.starts, mask.shape[1])
    low = np.full((2, runs.count), max(mask.shape), dtype=np.intp)
    high = np.zeros((2, runs.count), dtype=np.intp)
    for axis, first, stop in ((0, row, row + 1), (1, column, column + runs.stops - runs.starts)):
        np.minimum.at(low[axis], runs.labels - 1, first)
        np.maximum.at(high[axis], runs.labels - 1, stop)
    corners = zip(low.T.tolist(), high.T.tolist(), strict=True)
    return tuple((slice(a[0], b[0]), slice(a[1], b[1])) for a, b in corners)


def cityblock_distance(mask: Mask, limit: int) -> NDArray[np.int16]:
    """City-block distance of every pixel to the mask, as far as a limit.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
    limit : int
        Pixels, 0 to 32765; everything farther away gets ``limit + 1``.

    Returns
    -------
    ndarray of int16, shape (Y, X)
        0 inside the mask; ``distance <= n`` is the mask dilated `n` times with the cross of 4
        neighbours, for every ``n <= limit``. All ``limit + 1`` if nothing is masked.

    Raises
    ------
    ValueError
        If the mask is not two-dimensional or is empty, or the limit is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> cityblock_distance(np.array([[0, 0, 0, 0], [1, 0, 0, 0]], dtype=bool), 2)
    array([[1, 2, 3, 3],
           [0, 1, 2, 3]], dtype=int16)
    """
    if not 0 <= limit <= MAX_LIMIT:
        raise ValueError(f"limit: expected 0 to {MAX_LIMIT} pixels, got {limit!r}")
    return _distance(_plain_mask(mask), limit)


def regions_and_rings(mask: Mask, count: int, distance: int) -> tuple[Region, ...]:
    """Pixels of the largest regions of a mask, and of the clean ring around each.

    Parameters
    ----------
    mask : ndarray of bool, shape (Y, X)
    count : int
        At most so many regions (8-connected): the largest, largest first; of equal areas the one
        with the higher label first.
    distance : int
        Pixels d, 0 to 10921. A ring is what lies farther than d and no farther than 3 d from its
        region, and farther than d from every region of the mask, in city-block distance.

    Returns
    -------
    tuple of (region, ring)
        Flat pixel indices of each, ascending. A ring may be empty. No regions: an empty tuple.

    Raises
    ------
    ValueError
        If the mask is not two-dimensional or is empty, or `distance` is out of range.

    Examples
    --------
    >>> import numpy as np
    >>> regions_and_rings(np.array([[0, 0, 0, 0, 1, 1]], dtype=bool), 20, 1)
    ((array([4, 5]), array([1, 2])),)
    """
    if not 0 <= 3 * distance <= MAX_LIMIT:
        raise ValueError(f"distance: expected 0 to {MAX_LIMIT // 3} pixels, got {distance!r}")
    flat = _plain_mask(mask)
    runs = _find(flat, 1, EIGHT)
    if runs.count == 0 or count <= 0:
        return ()
    order = np.lexsort((np.arange(runs.count, 0, -1), -runs.areas()))[:count] + 1
    whole = _distance(flat, distance)
    chosen = (runs.labels == label for label in order)
    return tuple(
        _region_and_ring(runs.starts[own], runs.stops[own], whole, distance) for own in chosen
    )


def _region_and_ring(
    starts: Index, stops: Index, whole: NDArray[np.int16], distance: int
) -> Region:
    from stackmend.kernels import _region_loops

    n_rows, n_columns = whole.shape
    length = stops - starts
    pixels = np.repeat(stops - np.cumsum(length), length) + np.arange(length.sum())
    row, column = np.divmod(starts, n_columns)
    # Nothing farther than this from the region can be in its ring.
    top, left = max(int(row[0]) - 3 * distance, 0), max(int(column.min()) - 3 * distance, 0)
    bottom = min(int(row[-1]) + 3 * distance + 1, n_rows)
    right = min(int((column + length).max()) + 3 * distance, n_columns)
    box = np.zeros((bottom - top, right - left), dtype=np.uint8)
    first = (row - top) * box.shape[1] + column - left
    ones = np.ones(first.size, dtype=np.uint8)
    _region_loops.paint(readonly(first), readonly(first + length), readonly(ones), box.reshape(-1))
    ring = np.empty(box.size, dtype=np.intp)
    near = readonly(_distance(readonly(box), 3 * distance))
    found = _region_loops.ring_pixels(near, readonly(whole), top, left, distance, ring)
    return pixels, ring[:found].copy()


def boxed_regions(mask: Mask) -> Iterator[tuple[tuple[slice, slice], Mask]]:
    """The box of each 8-connected region, and the region in it, in the order of first pixels."""
    runs = _find(_plain_mask(mask), 1, EIGHT)
    labels = np.zeros(mask.shape, np.int32)
    labels[mask] = np.repeat(runs.labels, runs.stops - runs.starts)
    for number, box in enumerate(bounding_boxes(mask), start=1):
        yield box, labels[box] == number


def _plain_mask(mask: Mask) -> NDArray[np.uint8]:
    """The mask as contiguous read-only bytes, 0 and 1."""
    if mask.ndim != 2 or mask.size == 0:
        raise ValueError(f"mask: expected two axes and at least one pixel, got shape {mask.shape}")
    flags: Mask = np.ascontiguousarray(mask, dtype=np.bool_)
    return readonly(flags.view(np.uint8))


def _find(mask: NDArray[np.uint8], value: int, reach: int) -> Runs:
    """The runs of `value` (0 or 1) and their components."""
    from stackmend.kernels import _region_loops

    n_rows, n_columns = mask.shape
    starts, stops = (np.empty(n_rows * (n_columns // 2 + 1), dtype=np.intp) for _ in range(2))
    row_start = np.empty(n_rows + 1, dtype=np.intp)
    found = _region_loops.find_runs(mask, value, starts, stops, row_start)
    starts, stops = starts[:found].copy(), stops[:found].copy()
    labels = np.empty(found, dtype=np.intp)
    count = _region_loops.join_runs(
        readonly(starts), readonly(stops), readonly(row_start), n_columns, reach, labels
    )
    return Runs(starts, stops, labels, count)


def _painted(runs: Runs, keep: Mask, flat: NDArray[np.uint8]) -> Mask:
    """`flat` with the runs of every component to keep set to 1, as a mask."""
    from stackmend.kernels import _region_loops

    value = keep[runs.labels].view(np.uint8)
    _region_loops.paint(
        readonly(runs.starts), readonly(runs.stops), readonly(value), flat.reshape(-1)
    )
    return flat.view(np.bool_)


def _distance(mask: NDArray[np.uint8], limit: int) -> NDArray[np.int16]:
    from stackmend.kernels import _region_loops

    out = np.empty(mask.shape, dtype=np.int16)
    _region_loops.spread_distance(mask, limit, out)
    return out
