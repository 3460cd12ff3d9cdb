"""Grey levels mapped so that the histogram of one image becomes that of another."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def matched_to(image: NDArray[np.float32], reference: NDArray[np.float32]) -> NDArray[np.float32]:
    """The image with the histogram of the reference.

    Parameters
    ----------
    image, reference : (Y, X) float32
        The same order of grey levels stays; equal ones stay equal.

    Returns
    -------
    (Y, X) float32
        As scikit-image's ``match_histograms`` has it.
    """
    from skimage.exposure import match_histograms

    return np.asarray(match_histograms(image, reference), dtype=np.float32)
