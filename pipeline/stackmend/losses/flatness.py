"""How flat a slice has become, against what of its gradients is lost."""

from __future__ import annotations

from math import log
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from stackmend.kernels.flatness import BINS, Entropies, entropies, flatness
from stackmend.kernels.gaussian import gaussian
from stackmend.registry import UNDEFINED, Loss, Stage, Undefined

Image = NDArray[np.float32]

STEEPEST = 0.039  # of the grey range a pixel: where the histogram of gradients ends
STEP = 5  # px from one blur to the next where none says which is the largest
STEEPNESS = 30  # of the penalty
RANGES = (1.0, 255.0, 65535.0)


class Scale(NamedTuple):
    """What a slice is compared with: two entropies, and what the histograms span.

    ``hidden`` is the entropy that the slice as it was lacks because its grey levels are few: those
    of a flattened one lie anywhere between them.
    """

    least: Entropies
    untouched: Entropies
    image_range: float
    hidden: float


def flatness_scale(initial_image: Image, *, smallest: float, image_range: float | None) -> Scale:
    """Entropies of the slice as it was, and by the smallest blur.

    Parameters
    ----------
    initial_image : (Y, X) float32
    smallest
        Of the blurs that are compared, px.
    image_range
        What the histograms span, grey levels; ``None`` for the first of 1, 255 and 65535 of which
        the slice has less than twice as much.
    """
    if min(initial_image.shape) < 2:
        return Scale(Entropies(0, 0), Entropies(0, 0), 1, 0)
    span = image_range or _range_of(initial_image)
    flat = initial_image - gaussian(initial_image, smallest)
    least = entropies(flat, span, STEEPEST * span)
    untouched = entropies(initial_image, span, STEEPEST * span)
    return Scale(least, untouched, span, _hidden_in(initial_image, span))


def loss(
    image: Image,
    initial_image: Image,
    flatness_scale: Scale,
    blur_sigma: float | None = None,
    *,
    smallest: float,
    largest: float | None,
    penalty: float,
) -> float | Undefined:
    """Entropy of the grey levels, loss of gradients, and how far these are from what they were.

    Parameters
    ----------
    image : (Y, X) float32
        The flattened slice.
    initial_image : (Y, X) float32
        The slice as it was.
    flatness_scale
        Of the same slice.
    blur_sigma
        By which it was flattened, px, if it was by a blur.
    smallest, largest
        Of the blurs that are compared, px; ``None`` for the last of 5, 10, ... px below a quarter
        of the shorter side.
    penalty
        Weight of blurs near the largest.

    Returns
    -------
    float or Undefined
        1 for the smallest blur, less for better ones.
    """
    if min(image.shape) < 2:
        return Undefined(UNDEFINED, "the slice has fewer than 2 px along an axis")
    quarter = (min(image.shape) // 4 - 1) // STEP * STEP
    widest = largest or max(quarter, smallest)
    near = 0.0 if blur_sigma is None else (blur_sigma - smallest) / widest
    least, untouched, span, hidden = flatness_scale
    made = entropies(image, span, STEEPEST * span)
    if hidden and np.array_equal(image, initial_image):
        made = made._replace(levels=made.levels + hidden)
    value = flatness(made, least, untouched, penalty / 3 * near**STEEPNESS)
    if value is None:
        return Undefined(UNDEFINED, "the smallest blur leaves gradients as they are, or nothing")
    return value


def _range_of(image: Image) -> float:
    # An earlier step may have left a little more than the range of the type.
    found = float(image.max()) - float(image.min())
    return next((each for each in RANGES if found < 2 * each), found)


def _hidden_in(image: Image, span: float) -> float:
    levels = np.unique(image)
    if not 1 < levels.size <= BINS:
        return 0.0
    return max(0.0, log(BINS * float(np.diff(levels).min()) / span))


LOSS = Loss(
    name="flatness",
    version=1,
    stages=(Stage(flatness_scale), Stage(loss)),
    finds="shading",
    nothing_found="no combination has anything to judge",
    advice="choose other optimization slices",
    undefined_advice="try other optimization slices, or another smallest",
    known_weakness=(
        "flatness is known to leave strong shading alone, above all in noise, and to rate method "
        "gaussian above stack where that leaves more: of shading of 22 to 32 grey levels (RMS) it "
        "took nothing, where gaussian would have left 7.0 to 11.9 and stack 2.4 to 4.2. Look at "
        "the slices, or use method stack without a search."
    ),
    references=("Curcuraci, Weinkamer, Bertinetti, bmiptools 1.0.1 (2022)",),
)
