"""Stacks of real slices to which flicker was added, so that the truth is known."""

from __future__ import annotations

import numpy as np
from PIL import Image as Picture
from scipy import ndimage

from reference_data import celegans

RESIN, TEXTURE, SHARE = 225, 6, 0.6


def resin_enters(seed):
    """21 slices of tissue (256 x 256) into which pale resin comes from one side.

    It has a ragged edge, and fills 60 % of the last slice.
    """
    random = np.random.default_rng(seed)
    files = sorted(celegans().glob("*.tif"))
    stack = np.stack([np.asarray(Picture.open(file)) for file in files]).astype(np.float64)
    stack = np.rot90(stack, random.integers(4), axes=(1, 2)).copy()
    edge = ndimage.gaussian_filter1d(random.standard_normal(256), 12, mode="wrap")
    edge *= 12 / edge.std()
    for number, image in enumerate(stack):
        front = -30 + (256 * SHARE + 30) * number / (len(stack) - 1)
        resin = np.arange(256) < (front + edge)[:, np.newaxis]
        levels = RESIN + TEXTURE * random.standard_normal(image.shape)
        image[resin] = levels[resin]
    return stack


def with_flicker(stack, seed, before):
    """Each slice with a gain and an offset of its own, as whole grey levels of 8 bit.

    Gains are log-normal and offsets normal, 10 grey levels for 10 %, of mean 1 and 0; how strong
    they are, the error `before` says.
    """
    random = np.random.default_rng(100 + seed)
    gains, offsets = random.standard_normal((2, len(stack), 1, 1))
    gains, offsets = gains - gains.mean(), offsets - offsets.mean()

    def made(strength):
        return np.exp(0.1 * strength * gains) * stack + 10 * strength * offsets

    low, high = 0.0, 4.0
    for _ in range(40):
        middle = (low + high) / 2
        spread = np.std(made(middle) - stack)
        low, high = (low, middle) if spread > before else (middle, high)
    return np.clip(np.rint(made(low)), 0, 255)


def error(made, truth):
    """Root mean square of what is left with the best gain and offset for the stack as a whole."""
    one, two = (each.astype(np.float64) - each.mean(dtype=np.float64) for each in (made, truth))
    slope = np.mean(one * two) / np.mean(one * one)
    return float(np.sqrt(np.mean((slope * one - two) ** 2)))
