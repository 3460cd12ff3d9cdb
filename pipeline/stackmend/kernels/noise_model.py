"""How the variance of the noise depends on the grey level, and grey levels where it does not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image

Image = NDArray[np.float32]

BLOCK = 8  # px
CLASSES = 12
QUARTILE = 0.88  # the 25 % quantile of the mean square in blocks of white noise of variance 1
FEWEST_BLOCKS = 2 * CLASSES


@dataclass(frozen=True)
class NoisePoints:
    """What a slice says of its noise.

    Variances at some grey levels, the range of these, and how alike the noise of neighbouring
    pixels is along y and x: sums of products, and of squares.
    """

    levels: NDArray[np.float64]
    variances: NDArray[np.float64]
    products: NDArray[np.float64]
    squares: NDArray[np.float64]


def noise_points(image: NDArray[np.generic]) -> NoisePoints | None:
    """Variances of the noise of a slice at 12 grey levels, from its smoothest places.

    Parameters
    ----------
    image : (Y, X)
        Grey levels, all finite.

    Returns
    -------
    NoisePoints or None
        ``None`` if the slice has fewer than 24 blocks of 8 x 8 px.

    Notes
    -----
    Of the four neighbours of a pixel less four times itself, over the square root of 20, means of
    squares are taken in blocks of 8 x 8 px. Blocks between the 2 and 98 % quantiles of their grey
    levels are sorted into 12 classes of as many each; 0.88 of the variance is the 25 % quantile
    in a class. Blocks of no noise at all, which a detector's limit makes, do not count where most
    have some. How alike neighbouring pixels are is taken from second differences along the other
    axis in the smoother half of the blocks.

    Examples
    --------
    >>> import numpy as np
    >>> points = noise_points(np.random.default_rng(1).normal(100, 5, (300, 300)))
    >>> round(float(points.variances.mean()) ** 0.5)
    5
    """
    plain = plain_image(image).astype(np.float64)
    height, width = ((size - 2) // BLOCK * BLOCK for size in plain.shape)
    if height // BLOCK * (width // BLOCK) < FEWEST_BLOCKS:
        return None
    inner = plain[1 : height + 1, 1 : width + 1]
    along_y = plain[:height, 1 : width + 1] - 2 * inner + plain[2 : height + 2, 1 : width + 1]
    along_x = plain[1 : height + 1, :width] - 2 * inner + plain[1 : height + 1, 2 : width + 2]
    levels = _block_means(inner).ravel()
    squares = _block_means((along_y + along_x) ** 2 / 20).ravel()
    if np.count_nonzero(squares) > squares.size / 2:
        levels, squares = levels[squares > 0], squares[squares > 0]

    low, high = np.quantile(levels, [0.02, 0.98])
    within = np.flatnonzero((levels >= low) & (levels <= high))
    within = within[np.argsort(levels[within], kind="stable")]
    classes = np.array_split(within, CLASSES)
    products = [_alike(along_x), _alike(along_y.T)]
    return NoisePoints(
        levels=np.array([levels[each].mean() for each in classes]),
        variances=np.array([np.quantile(squares[each], 0.25) / QUARTILE for each in classes]),
        products=np.array([product for product, _ in products]),
        squares=np.array([square for _, square in products]),
    )


def _block_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    rows, columns = values.shape[0] // BLOCK, values.shape[1] // BLOCK
    blocks = values[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK)
    means: NDArray[np.float64] = blocks.mean(axis=(1, 3))
    return means


def _alike(rough: NDArray[np.float64]) -> tuple[float, float]:
    """Sums of products of neighbours along the first axis, and of squares, where it is smooth."""
    squares = _block_means(rough[:-1] ** 2)
    smooth = squares <= np.median(squares)
    products = _block_means(rough[:-1] * rough[1:])
    return float(products[smooth].sum()), float(squares[smooth].sum())


def noise_line(points: Sequence[NoisePoints]) -> tuple[float, float]:
    """The straight line through the variances of some slices: ``alpha * grey + beta``.

    Parameters
    ----------
    points
        At least one.

    Returns
    -------
    alpha, beta
        By least squares with ``alpha`` and the variance at the darkest class not negative; both 0
        where there is no noise. ``alpha`` is 0 where it makes less than a thousandth of the
        variance, so that float32 keeps its digits.

    Examples
    --------
    >>> import numpy as np
    >>> levels = np.arange(12.0)
    >>> points = NoisePoints(levels, 3 * levels + 6, np.zeros(2), np.ones(2))
    >>> [round(each, 6) for each in noise_line([points])]
    [3.0, 6.0]
    """
    levels = np.concatenate([each.levels for each in points])
    variances = np.concatenate([each.variances for each in points])
    dark, mean = float(levels.min()), float(variances.mean())
    from_dark = levels - dark
    spread = from_dark - from_dark.mean()
    squares = float((spread**2).sum())
    alpha = float((spread * variances).sum()) / squares if squares else 0.0
    at_dark = mean - alpha * float(from_dark.mean())
    if at_dark < 0:
        alpha, at_dark = float((from_dark * variances).sum() / (from_dark**2).sum()), 0.0
    if alpha * float(from_dark.max()) < 1e-3 * mean:
        return 0.0, mean
    return alpha, at_dark - alpha * dark


def correlations(points: Sequence[NoisePoints]) -> tuple[float, float]:
    """Correlation of the noise of neighbouring pixels along y and along x; 0 without noise."""
    products = np.sum([each.products for each in points], axis=0)
    squares = np.sum([each.squares for each in points], axis=0)
    along_y, along_x = (products / np.where(squares > 0, squares, 1)).tolist()
    return along_y, along_x


def white_part(along: Sequence[float]) -> float:
    """The share of the variance that is independent noise, from its correlations along y and x.

    Fine structure, and noise that neighbouring pixels share, is taken to have a correlation of 1/2,
    as an image scaled to twice its size has.

    Examples
    --------
    >>> white_part((0.0, -0.01)), white_part((0.1, 0.25)), white_part((0.5, 0.6))
    (1.0, 0.5, 0.0)
    """
    return min(max(1 - 2 * max(along), 0.0), 1.0)


def stabilised(image: Image, alpha: float, beta: float) -> Image:
    """Grey levels whose noise has variance 1 everywhere.

    Parameters
    ----------
    image : (Y, X) float32
    alpha, beta
        The variance of its noise is ``alpha * grey + beta``; not both 0.

    Returns
    -------
    (Y, X) float32
        ``2 / alpha * sqrt(alpha * grey + 3 / 8 * alpha^2 + beta)``; where ``alpha`` is 0,
        ``grey / sqrt(beta)``.
    """
    if alpha == 0:
        return (image / np.float64(np.sqrt(beta))).astype(np.float32)
    under = alpha * image.astype(np.float64) + (0.375 * alpha**2 + beta)
    return (2 / alpha * np.sqrt(np.maximum(under, 0))).astype(np.float32)


def grey_levels_of(stabilised: Image, alpha: float, beta: float) -> Image:
    """Grey levels from means of stabilised ones, without bias.

    Parameters
    ----------
    stabilised : (Y, X) float32
    alpha, beta
        As for `stabilised`.

    Returns
    -------
    (Y, X) float32

    References
    ----------
    .. [1] M. Makitalo, A. Foi, A closed-form approximation of the exact unbiased inverse of the
       Anscombe variance-stabilizing transformation, IEEE Trans. Image Process. 20 (2011),
       2697-2698, :doi:`10.1109/TIP.2010.2056693`.
    .. [2] M. Makitalo, A. Foi, Optimal inversion of the generalized Anscombe transformation for
       Poisson-Gaussian noise, IEEE Trans. Image Process. 22 (2013), 91-103,
       :doi:`10.1109/TIP.2012.2202675`.

    Examples
    --------
    >>> import numpy as np
    >>> levels = np.array([[5.0, 50.0]], np.float32)
    >>> grey_levels_of(stabilised(levels, 0.0, 9.0), 0.0, 9.0)
    array([[ 5., 50.]], dtype=float32)
    """
    exact = stabilised.astype(np.float64)
    if alpha == 0:
        return np.asarray(exact * np.sqrt(beta), dtype=np.float32)
    exact = np.maximum(exact, 2 * np.sqrt(0.375))  # there the closed form is 0, below it turns
    root = np.sqrt(1.5)
    counts = exact**2 / 4 + root / (4 * exact) - 11 / (8 * exact**2) + 5 * root / (8 * exact**3)
    return np.asarray(alpha * (counts - 0.125) - beta / alpha, dtype=np.float32)
