"""Grey reconstruction from the border of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image

Image = NDArray[np.float32]


def fill_from_border(image: Image, drop: float) -> Image:
    """Flood an image from its frame, as high as paths from there allow.

    The grey reconstruction by dilation, 8-connected, of a seed under the image: the seed is
    ``image - drop`` on the frame of one pixel and the minimum of the image inside.

    Parameters
    ----------
    image : ndarray of float32, shape (Y, X)
        Any grey levels, all finite.
    drop : float
        Grey levels by which the flood starts below the frame, not negative.

    Returns
    -------
    ndarray of float32, shape (Y, X)
        Nowhere above the image; equal, bit by bit, to `skimage.morphology.reconstruction`. A new
        array.

    Raises
    ------
    ValueError
        If the image is not two-dimensional, is empty or not finite, or the drop is negative or not
        a number.

    Notes
    -----
    Rows are flooded from their neighbours in sweeps down and up [2]_, each along the whole row at
    once; later sweeps visit only the stretches that rose. Only comparisons: there is nothing to
    round.

    References
    ----------
    .. [1] K. Robinson, P. F. Whelan, Efficient morphological reconstruction: a downhill filter,
       Pattern Recogn. Lett. 25 (2004), 1759-1767, :doi:`10.1016/j.patrec.2004.07.002`.
    .. [2] L. Vincent, Morphological grayscale reconstruction in image analysis, IEEE Trans. Image
       Process. 2 (1993), 176-201, :doi:`10.1109/83.217222`.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.array([[1, 1, 1, 1], [1, 9, 8, 1], [1, 1, 1, 1]], dtype=np.float32)
    >>> fill_from_border(image, 0)
    array([[1., 1., 1., 1.],
           [1., 1., 1., 1.],
           [1., 1., 1., 1.]], dtype=float32)
    """
    if not drop >= 0:
        raise ValueError(f"drop: expected grey levels >= 0, got {drop!r}")
    from stackmend.kernels import _loops

    image = plain_image(image)
    least = image.min()
    # The flood would not end: nothing is equal to what is not a number.
    if not (np.isfinite(least) and np.isfinite(image.max())):
        raise ValueError("image: expected finite grey levels, got NaN or infinity")
    filled = np.full(image.shape, least, dtype=np.float32)
    for frame in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        filled[frame] = image[frame] - np.float32(drop)
    low = np.zeros((2, image.shape[0]), dtype=np.intp)
    high = np.full_like(low, image.shape[1] - 1)
    _loops.flood(image, filled, np.empty((3, image.shape[1]), dtype=np.float32), low, high)
    return filled
