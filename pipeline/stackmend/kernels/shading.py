"""Shading that all slices of a stack have in common: found in block means, and taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image, readonly

Image = NDArray[np.float32]
Numbers = NDArray[np.float64]

HIGHEST = 5
"""Largest total degree of the polynomials."""

MOST_BLOCKS = 128
"""Blocks along the longer side of a slice; what varies slowly needs no more."""

PARTS = 4
"""Consecutive parts of a stack, of which each is foretold from the others."""

WORTH = 0.9
"""A shading must leave less than this of what no shading leaves: fits to chance leave 0.95."""

ROUNDS = 8
HUBER = 1.345
LEAST_SPREAD = 0.2  # of the mean spread: darker corners are not amplified without end


@dataclass(frozen=True)
class Blocks:
    """Mean and variance of the blocks of a slice, each ``(rows, columns)`` float32."""

    means: Image
    variances: Image


def block_size(shape: Sequence[int], size: int) -> int:
    """Side of the blocks, px: a multiple of `size` where there would be too many of them."""
    longer = max(shape)
    return size * -(-longer // (size * MOST_BLOCKS))


def blocks_of(image: Image, size: int) -> Blocks:
    """Means and variances of blocks.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite.
    size : int
        Side of a block, px, as `block_size` gives it. The last row and column of blocks have what
        is left.

    Returns
    -------
    Blocks

    Raises
    ------
    ValueError
        If the image is not two-dimensional or is empty.

    Examples
    --------
    >>> import numpy as np
    >>> blocks_of(np.arange(15, dtype=np.float32).reshape(3, 5), 2).means.tolist()
    [[3.0, 5.0, 6.5], [10.5, 12.5, 14.0]]
    """
    plain = plain_image(image)
    starts = [np.arange(0, side, size) for side in plain.shape]
    sides = [np.diff(np.append(each, n)) for each, n in zip(starts, plain.shape, strict=True)]
    counts = np.outer(*sides)

    def averaged(pixels: Numbers) -> Numbers:
        rows = np.add.reduceat(pixels, starts[0], axis=0)
        sums: Numbers = np.add.reduceat(rows, starts[1], axis=1)
        return sums / counts

    # Squares are taken from the mean of the slice on: far from it few digits would be left.
    middle = plain.mean(dtype=np.float64)
    pixels = plain - middle
    means = averaged(pixels)
    variances = np.maximum(averaged(pixels * pixels) - means * means, 0)
    return Blocks((means + middle).astype(np.float32), variances.astype(np.float32))


def shading_of(
    slices: Sequence[Blocks], shape: tuple[int, int], size: int, order: int | None
) -> dict[str, Any]:
    """The shading of a stack, from the blocks of its slices.

    Parameters
    ----------
    slices
        In the order of the stack.
    shape : (Y, X)
        Of a slice.
    size
        Side of the blocks, px.
    order
        Largest total degree of the polynomials, 0 to 5; ``None`` for the one that foretells each
        quarter of the stack best from the others, which needs 8 slices.

    Returns
    -------
    dict
        Plain data: ``order``; ``alike``, the mean correlation of what the quarters show beside
        shading (0 for fewer slices than quarters); ``shape``; ``mean`` and ``spread``, (6, 6)
        coefficients of ``y**i * x**j``; their means over the slice, ``level`` and ``contrast``;
        ``lowest``, the smallest fitted mean of a block.
    """
    terms = _terms_of(shape, size)
    parts = list(_part_means(slices))
    if order is None:
        order = _best_order(parts, terms)

    mean_blocks = np.mean([each.means for each in slices], axis=0, dtype=np.float64).ravel()
    basis = terms.upto(order)
    mean, fitted = _fit(mean_blocks, basis)
    squares = np.zeros(mean_blocks.size)
    for each in slices:
        squares += each.variances.ravel() + (each.means.ravel() - fitted) ** 2
    spread, fitted_spread = _fit(np.sqrt(squares / len(slices)), basis)
    return {
        "order": order,
        "alike": _likeness(parts, terms.upto(HIGHEST)) if len(parts) == PARTS else 0.0,
        "shape": list(shape),
        "mean": terms.square(mean, order),
        "spread": terms.square(spread, order),
        "level": float(fitted.mean()),
        "contrast": float(fitted_spread.mean()),
        "lowest": float(fitted.min()),
    }


def without_shading(image: Image, shading: Mapping[str, Any], field: str) -> Image:
    """An image without the shading of its stack.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
    shading
        As `shading_of` returns it.
    field : {'gain_offset', 'gain', 'offset'}
        Whether mean and spread are made even, or the mean alone by a factor or by a term.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        A new array; for order 0 and constant images the image itself.

    Raises
    ------
    ValueError
        If the image is not of the shape that the shading was found in.
    """
    from stackmend.kernels import _shading_loops

    plain = plain_image(image)
    if list(plain.shape) != list(shading["shape"]):
        height, width = shading["shape"]
        what = f"the shading was found in slices of {height} x {width} px"
        raise ValueError(f"image: {what}, got {plain.shape[0]} x {plain.shape[1]}")
    if shading["order"] == 0 or plain.min() == plain.max():
        return plain
    mean, even = np.array(shading["mean"]), np.zeros_like(shading["mean"])
    level = float(shading["level"])
    if field == "gain":
        how = even, mean, 0.0, level, 0.0
    elif field == "offset":
        even[0, 0] = 1
        how = mean, even, 0.0, 1.0, level
    else:
        contrast = float(shading["contrast"])
        how = mean, np.array(shading["spread"]), LEAST_SPREAD * contrast, contrast, level
    out = np.empty_like(plain)
    _shading_loops.divide_out(plain, readonly(how[0]), readonly(how[1]), *how[2:], out)
    return out


def shading_field(shading: Mapping[str, Any], name: str) -> Numbers:
    """Mean or spread by place, coarsely, to be looked at.

    Parameters
    ----------
    shading
        As `shading_of` returns it.
    name : {'mean', 'spread'}

    Returns
    -------
    ndarray of float64, shape (Y / n, X / n)
        Grey levels; of at most 128 rows and columns.
    """
    size = -(-max(shading["shape"]) // 128)
    terms = _terms_of(tuple(shading["shape"]), size)
    coefficients = np.array(shading[name])
    field: Numbers = np.polynomial.polynomial.polygrid2d(terms.y, terms.x, coefficients)
    return field


@dataclass(frozen=True)
class _Terms:
    """Products of powers of y and x, from -1 to 1, at the centres of blocks."""

    y: Numbers
    x: Numbers

    def upto(self, order: int) -> Numbers:
        """A column for each term of that total degree at most."""
        columns = [np.outer(self.y**i, self.x**j).ravel() for i, j in _powers(order)]
        return np.stack(columns, axis=1)

    def square(self, coefficients: Numbers, order: int) -> Numbers:
        """Coefficients by the powers of y and x."""
        square = np.zeros((HIGHEST + 1, HIGHEST + 1))
        for (i, j), each in zip(_powers(order), coefficients, strict=True):
            square[i, j] = each
        return square


@lru_cache
def _powers(order: int) -> list[tuple[int, int]]:
    powers: list[tuple[int, int]] = []
    for i in range(order + 1):
        powers += [(i, j) for j in range(order + 1 - i)]
    return powers


def _terms_of(shape: tuple[int, int], size: int) -> _Terms:
    places = []
    for side in shape:
        starts = np.arange(0, side, size)
        centres = (starts + np.minimum(starts + size, side) - 1) / 2
        places.append(2 * centres / max(side - 1, 1) - 1)
    return _Terms(*places)


def _part_means(slices: Sequence[Blocks]) -> Iterator[Numbers]:
    """Mean of the blocks over each quarter of a stack, each slice less its own median."""
    for numbers in np.array_split(np.arange(len(slices)), PARTS):
        if numbers.size:
            means = [slices[each].means.astype(np.float64).ravel() for each in numbers]
            yield np.mean([each - np.median(each) for each in means], axis=0)


def _best_order(parts: Sequence[Numbers], terms: _Terms) -> int:
    left = []
    for order in range(HIGHEST + 1):
        basis = terms.upto(order)
        errors = []
        for place, part in enumerate(parts):
            others = [each for number, each in enumerate(parts) if number != place]
            errors.append(np.var(part - _fit(np.mean(others, axis=0), basis)[1]))
        left.append(float(np.mean(errors)))
    best = int(np.argmin(left))
    return best if left[best] < WORTH * left[0] else 0


def _likeness(parts: Sequence[Numbers], basis: Numbers) -> float:
    """Mean correlation of what is left of the quarters without what varies slowly."""
    left = np.array([part - _fit(part, basis)[1] for part in parts])
    if not left.any(axis=1).all():
        return 0.0
    pairs = np.corrcoef(left)[np.triu_indices(len(parts), 1)]
    return float(pairs.mean())


def _fit(values: Numbers, basis: Numbers) -> tuple[Numbers, Numbers]:
    """Coefficients and fitted values; blocks far from the fit weigh less in the next round."""
    from stackmend.kernels import _shading_loops

    terms = basis.shape[1]
    weights = np.ones(values.size)
    for _ in range(ROUNDS):
        products, right = np.zeros((terms, terms)), np.zeros(terms)
        _shading_loops.add_products(
            readonly(basis), readonly(weights), readonly(values), products, right
        )
        # A slice of few blocks does not determine all terms: the smallest solution is taken.
        solution = np.linalg.lstsq(products, right, rcond=1e-13)[0]
        coefficients: Numbers = solution.astype(np.float64, copy=False)
        fitted: Numbers = (basis * coefficients).sum(axis=1)
        distance = np.abs(values - fitted)
        spread = 1.4826 * float(np.median(distance))
        if spread == 0:
            break
        weights = np.minimum(1, HUBER * spread / np.maximum(distance, 1e-300))
    return coefficients, fitted
