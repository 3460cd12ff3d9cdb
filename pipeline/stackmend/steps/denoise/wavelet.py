"""Shrink the wavelet coefficients of a slice."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stackmend.registry import Step
from stackmend.steps.denoise.removal import filter_stages

Image = NDArray[np.float32]


def shrunk(
    image: Image,
    *,
    wavelet: str,
    wavelet_levels: int | None,
    mode: str,
    threshold: str,
    sigma: float | None,
) -> Image:
    """The slice with shrunk wavelet coefficients, as ``denoise_wavelet`` of scikit-image.

    Parameters
    ----------
    image : (Y, X) float32
    wavelet
        Any discrete wavelet of PyWavelets.
    wavelet_levels
        Of the decomposition; ``None`` for three less than the most.
    mode : {'soft', 'hard'}
        How coefficients are shrunk.
    threshold : {'BayesShrink', 'VisuShrink'}
        How thresholds are chosen.
    sigma
        Standard deviation of the noise, grey levels; ``None``: from the finest coefficients.

    Returns
    -------
    (Y, X) float32
        As it was, where there is no noise.

    Raises
    ------
    ValueError
        If there is no such wavelet, or the slice has no room for so many levels.
    """
    import pywt
    from skimage.restoration import denoise_wavelet

    # There is no threshold to be found, or nothing to be taken away.
    if min(image.shape) == 1 or image.min() == image.max() or sigma == 0:
        return image
    most = pywt.dwtn_max_level(image.shape, wavelet)
    if (wavelet_levels or 1) > most:
        what = f"{most} levels of {wavelet} fit into {image.shape[0]} x {image.shape[1]} px"
        raise ValueError(f"{what}, got {wavelet_levels or 1}; take fewer, or a shorter wavelet")
    given = {"sigma": sigma, "wavelet": wavelet, "wavelet_levels": wavelet_levels}
    result = denoise_wavelet(image.astype(np.float64), mode=mode, method=threshold, **given)
    # Where no finest coefficient differs from 0, its noise is no number, nor is what comes of that.
    return np.asarray(result, dtype=np.float32) if np.isfinite(result).all() else image


def _refuse(_: Mapping[str, Any]) -> dict[str, str]:
    if importlib.util.find_spec("pywt") is None:
        return {"method": "needs PyWavelets; pip install 'stackmend[wavelets]'"}
    return {}


VARIANT = Step(
    name="wavelet",
    version=1,
    stages=filter_stages(shrunk),
    refuse=_refuse,
    references=(
        "Chang, Yu, Vetterli, IEEE Trans. Image Process. 9 (2000), 1532-1546, 10.1109/83.862633",
        "Donoho, Johnstone, Biometrika 81 (1994), 425-455, 10.1093/biomet/81.3.425",
    ),
)
