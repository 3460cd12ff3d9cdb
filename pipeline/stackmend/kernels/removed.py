"""What a filter takes away, in numbers."""

from __future__ import annotations

from math import sqrt

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels._arrays import plain_image


def removed(before: NDArray[np.float32], after: NDArray[np.float32]) -> tuple[float, float, float]:
    """How strong the difference of two images is, and how alike it is in neighbouring pixels.

    Parameters
    ----------
    before, after : (Y, X) float32

    Returns
    -------
    rms, along_y, along_x
        Root mean square of the difference in grey levels, and its correlation with itself one pixel
        on along either axis. Its mean is not taken off: a filter should leave that alone, so it
        counts as structure. The correlation is 0 where there is no difference.

    Examples
    --------
    >>> import numpy as np
    >>> flat, stripes = np.zeros((8, 100), np.float32), np.zeros((8, 100), np.float32)
    >>> stripes[:, ::2], stripes[:, 1::2] = 2, -2
    >>> removed(stripes, flat)
    (2.0, 1.0, -1.0)
    """
    from stackmend.kernels import _level_loops

    one, two = plain_image(before), plain_image(after)
    total, along_y, along_x = _level_loops.difference_products(one, two)
    if not total:
        return 0.0, 0.0, 0.0
    (height, width), mean = one.shape, total / one.size
    below, right = max((height - 1) * width, 1), max(height * (width - 1), 1)
    return sqrt(mean), along_y / (below * mean), along_x / (right * mean)
