"""Take what varies slowly in a slice from it, structure and shading alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.gaussian import gaussian
from stackmend.registry import IMAGE, Stage, Step

Image = NDArray[np.float32]


def freed_of_blur(image: Image, *, sigma: float) -> Image:
    """The slice less its blur, with the mean that it had.

    Parameters
    ----------
    image : (Y, X) float32
    sigma
        Of the Gaussian, px; truncated at 4 sigma, mirrored at the centre of the edge pixels.

    Returns
    -------
    (Y, X) float32

    Examples
    --------
    >>> import numpy as np
    >>> slope = np.tile(np.arange(64, dtype=np.float32), (64, 1))
    >>> bool(freed_of_blur(slope, sigma=4)[:, 20:44].std() < 1e-4)
    True
    """
    blurred = gaussian(image, sigma)
    np.subtract(image, blurred, out=blurred)
    blurred += np.float32(image.mean(dtype=np.float64))
    return blurred


def blur_sigma(*, sigma: float) -> float:
    """The width of the blur, for losses that weigh it, px."""
    return sigma


VARIANT = Step(
    name="gaussian",
    version=1,
    stages=(Stage(freed_of_blur, makes=IMAGE), Stage(blur_sigma)),
    watch=(
        "This is the blur of the slice, shading and slow structure alike: what shows an outline of "
        "the specimen here is missing in the result."
    ),
    references=("Curcuraci, Weinkamer, Bertinetti, bmiptools 1.0.1 (2022)",),
)
