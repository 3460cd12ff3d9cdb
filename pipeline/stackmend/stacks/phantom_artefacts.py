"""What milling and detector add to the slices of the synthetic stack; the truth has none of it.

Curtains run down from places on the upper edge or below it, some for a slice or two, some for many.
The shading is one field for the whole stack. Slices flicker as a whole, and the noise comes last,
as it does in the microscope.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from numpy.random import Generator

from stackmend.stacks.phantom_parameters import Parameters
from stackmend.stacks.phantom_shapes import Image, waves

# Streams of random numbers; lower ones belong to tissue and charge.
CURTAINS, SHADING, FLICKER, SHOTS = range(30, 34)

WIDTHS = (0.7, 1.2, 2.0, 3.5, 6.0)  # px, of a Gaussian across
LIVES = (1.5, 4.0, 25.0)  # slices after which others stand in their place
DENSITY = 0.15  # curtains of one width and life that lie on one another, on average
ONSET = 12  # px over which one begins
READ_NOISE = 0.2  # share of the noise at mid grey that does not grow with the grey level


def with_artefacts(phantom: Parameters, index: int, grey: Image) -> Image:
    """The slice with every artefact that the phantom asks for, as fractions of the grey range."""
    if phantom.curtains:
        grey = grey + np.float32(phantom.curtains) * _curtains(phantom, index)
    if phantom.shading_gain:
        grey = grey * (1 + np.float32(phantom.shading_gain) * _field(phantom, 0))
    if phantom.shading_offset:
        grey = grey + np.float32(phantom.shading_offset) * _field(phantom, 1)
    if phantom.flicker:
        gain, offset = phantom.random(FLICKER, index).standard_normal(2) * phantom.flicker
        grey = grey * np.float32(1 + gain) + np.float32(0.5 * offset)
    if phantom.shot_noise:
        grey = grey + _shots(phantom, index, grey)
    return grey


def _curtains(phantom: Parameters, index: int) -> Image:
    """Curtains of unit variance on average, ``(Y, X)``."""
    total = np.zeros((phantom.height, phantom.width), dtype=np.float32)
    kinds = list(product(WIDTHS, enumerate(LIVES)))
    for kind, (width, (_, life)) in enumerate(kinds):
        # One set of them fades while the next one comes.
        turn, part = divmod(index / life + kind / len(kinds), 1.0)
        for ahead, weight in enumerate((np.cos(part * np.pi / 2), np.sin(part * np.pi / 2))):
            random = phantom.random(CURTAINS, kind, int(turn) + ahead)
            _draw(total, random, width, weight / np.sqrt(len(kinds)))
    return total


def _draw(total: Image, random: Generator, width: float, weight: float) -> None:
    """Add one set of curtains of a width, each with a beginning and a strength of its own."""
    rows, columns = total.shape
    count = max(1, round(DENSITY * columns / width))
    place = random.uniform(0, columns, count)
    begin = random.uniform(-1.2, 0.6, (count, 1)) * rows  # most of them above the slice
    fading, unrest = random.uniform(0.3, 1.0, (2, count, 1)) * rows
    phase = random.uniform(0, 2 * np.pi, (count, 1))

    # So many and so wide, they have unit variance.
    strength = random.standard_normal((count, 1)) * weight * np.sqrt(columns / (count * width))
    down = np.arange(rows) - begin
    along = strength * np.clip(down / ONSET, 0, 1) * np.exp(-np.maximum(down, 0) / (6 * fading))
    along *= 1 + 0.4 * np.cos(2 * np.pi * down / unrest + phase)

    # Each where it is: four widths to either side.
    near = np.arange(2 * int(4 * width) + 2) - int(4 * width)
    first = np.floor(place).astype(np.intp)
    across = np.exp(-0.5 * ((near + (first - place)[:, None]) / width) ** 2)
    padded = np.zeros((rows, columns + len(near)), dtype=np.float32)
    for number, left in enumerate(first):
        drawn = padded[:, left : left + len(near)]
        drawn += np.multiply.outer(along[number], across[number])
    total += padded[:, int(4 * width) : int(4 * width) + columns]


def _field(phantom: Parameters, number: int) -> Image:
    """A smooth field without mean and of unit variance, longer than the slice: ``(Y, X)``."""
    shape = (phantom.height, phantom.width)
    side = float(max(shape))
    field = waves(phantom.random(SHADING, number), shape, 0.0, 6, 1.5 * side, 4 * side)
    y, x = (np.linspace(-1, 1, length, dtype=np.float32) for length in shape)
    # A vignette beside it, as optics and detectors have.
    field -= np.float32(0.8) * (y[:, None] ** 2 + x**2)
    field -= field.mean(dtype=np.float64).astype(np.float32)
    scaled: Image = field / field.std(dtype=np.float64).astype(np.float32)
    return scaled


def _shots(phantom: Parameters, index: int, grey: Image) -> Image:
    """Noise of electrons, whose variance grows with the grey level, and of reading, ``(Y, X)``."""
    random = phantom.random(SHOTS, index)
    noise = random.standard_normal(grey.shape, dtype=np.float32)
    variance = READ_NOISE + (1 - READ_NOISE) * 2 * np.maximum(grey, 0)
    return noise * np.sqrt(variance) * np.float32(phantom.shot_noise)
