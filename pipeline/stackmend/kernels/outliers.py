"""Few pixels that set the grey range of an image."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

FEW = 1e-4
"""Share of the pixels that counts as few."""

_SAMPLE = 2**16


def pixels_that_make_the_range(image: NDArray[Any]) -> int:
    """How many pixels make more than half of the range from the darkest to the brightest.

    Parameters
    ----------
    image : ndarray, shape (Y, X)
        Any grey levels, all finite.

    Returns
    -------
    int
        The pixels outside some half of the range that nearly all others share; 0 where these are
        more than a share of ``FEW``, and where there is no such half.

    Notes
    -----
    The half is looked for among some of the pixels, evenly spaced; then all are counted.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.arange(40000, dtype=np.uint16).reshape(200, 200) % 100
    >>> image[3, 5] = 60000
    >>> pixels_that_make_the_range(image)
    1
    """
    low, high = float(image.min()), float(image.max())
    half = (high - low) / 2
    sample = image.ravel()[:: max(1, image.size // _SAMPLE)]
    first, last = np.percentile(sample, [0.5, 99.5]).tolist()
    if not half > last - first:
        return 0
    start = min(max((first + last - half) / 2, low), high - half)
    outside = int(np.count_nonzero(image < start) + np.count_nonzero(image > start + half))
    return outside if outside < FEW * image.size else 0
