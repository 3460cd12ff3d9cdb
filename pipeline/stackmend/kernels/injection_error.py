"""What is left of known charge that was added to a slice, and what is changed elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.injection import CHARGED

Image = NDArray[np.float32]

FEWEST_CHARGED = 500  # px


def injection_error(
    results: Sequence[Image], image: Image, fields: Sequence[Image]
) -> tuple[float, float] | None:
    """What a restoration leaves of known charge, and what it does elsewhere.

    Parameters
    ----------
    results : sequence of (Y, X) float32
        The restored slices, each of the slice with one of the fields added.
    image : (Y, X) float32
        The slice itself, in grey levels of an 8-bit slice.
    fields : sequence of (Y, X) float32
        From `known_charge`, one for each result.

    Returns
    -------
    (error, harm) or None
        Root mean square of ``result - image`` where the charge exceeds 8 grey levels, and where
        there is none (0 if there is some everywhere). ``None`` if fewer than 500 px are charged in
        all fields together.

    Examples
    --------
    >>> image = np.zeros((40, 40), np.float32)
    >>> field = image.copy()
    >>> field[:20] = 20
    >>> injection_error([image + field / 4], image, [field])
    (5.0, 0.0)
    """
    charged, clean = 0, 0
    error, harm = 0.0, 0.0
    for result, field in zip(results, fields, strict=True):
        square = (result.astype(np.float64) - image) ** 2
        inside, outside = field > CHARGED, field == 0
        charged += int(np.count_nonzero(inside))
        clean += int(np.count_nonzero(outside))
        error += float(square[inside].sum())
        harm += float(square[outside].sum())
    if charged < FEWEST_CHARGED:
        return None
    return (error / charged) ** 0.5, (harm / max(clean, 1)) ** 0.5
