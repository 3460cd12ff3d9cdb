"""Stacks whose true transforms are known, made of single real slices.

Each slice of a stack reads one field, a real slice as its spline of order 5, at places that are
known exactly; noise is added after. So the truth is as exact as that spline, and no slice was
interpolated twice. What changes from slice to slice is put in before the noise.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from stackmend.kernels import transforms

NOISE = 8.0


class Field:
    """A real slice that may be read anywhere."""

    def __init__(self, image):
        self.shape = image.shape
        self.spline = ndimage.spline_filter(image.astype(np.float64), order=5, mode="mirror")

    def read(self, matrix, size):
        """A square of a size, from where a matrix leads to; its middle is that of the field."""
        corner = (np.array(self.shape) - size) // 2
        how = {"order": 5, "prefilter": False, "mode": "mirror", "output_shape": (size, size)}
        return ndimage.affine_transform(self.spline, matrix[:, :2], matrix[:, 2] + corner, **how)


def stack_of(field, matrices, size, random, noise=NOISE, other=None):
    """The slices of these transforms; ``other(number, slice)`` may change one before the noise."""
    slices = []
    for number, matrix in enumerate(matrices):
        # It leads from aligned coordinates to those of the slice, which thus reads backwards.
        image = field.read(transforms.inverse(matrix), size)
        image = image if other is None else other(number, image)
        slices.append(image + random.normal(0, noise, image.shape))
    return np.stack(slices).astype(np.float32)


def static(field, seed, size=480, count=8, noise=NOISE):
    """Shifts alone."""
    random = np.random.default_rng(seed)
    matrices = [transforms.translation(random.uniform(-3, 3, 2)) for _ in range(count)]
    return stack_of(field, matrices, size, random, noise), np.stack(matrices)


def affine(field, seed, size=480, count=8):
    """Strain, shear and turn of 0.006 and shifts, in each slice anew."""
    random = np.random.default_rng(seed)
    matrices, centre = [], transforms.centre_of((size, size))
    for _ in range(count):
        linear = np.eye(2) + random.normal(0, 0.006, (2, 2))
        here = np.column_stack([linear, random.uniform(-3, 3, 2)])
        matrices.append(transforms.about(here, centre))
    return stack_of(field, matrices, size, random), np.stack(matrices)


def turning(field, seed, size=320, count=20):
    """2 degrees and 3 px from each slice to the next, all in one sense."""
    random = np.random.default_rng(seed)
    matrices, centre = [], transforms.centre_of((size, size))
    direction, sense = random.uniform(0, 2 * np.pi), random.choice([-1, 1])
    for number in range(count):
        place = number - (count - 1) / 2
        angle, shift = sense * np.deg2rad(2 * place), 3 * place
        turn = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        shifts = [shift * np.cos(direction), shift * np.sin(direction)]
        matrices.append(transforms.about(np.column_stack([turn, shifts]), centre))
    return stack_of(field, matrices, size, random), np.stack(matrices)


def _discs(random, size, count, radii):
    """Discs at random places that cover part of a square."""
    y, x = np.mgrid[:size, :size]
    cover = np.zeros((size, size))
    for _ in range(count):
        at, radius = random.uniform(0, size, 2), random.uniform(*radii)
        distance = np.hypot(y - at[0], x - at[1])
        cover = np.maximum(cover, np.clip((radius - distance) / 3 + 0.5, 0, 1))
    return cover


def changing(field, others, seed, size=440, count=12):
    """Shifts, and a fifth of every slice is other tissue, at other places in each."""
    random = np.random.default_rng(seed)
    matrices = [transforms.translation(random.uniform(-4, 4, 2)) for _ in range(count)]

    def replaced(number, image):
        cover = _discs(random, size, 8, (25, 60))
        other = others[number % len(others)]
        turned = other.read(transforms.translation(random.uniform(-40, 40, 2)), size)
        turned = np.rot90(turned, random.integers(1, 4))
        return image + cover * (turned - image)

    return stack_of(field, matrices, size, random, other=replaced), np.stack(matrices)


def charging(field, seed, size=440, count=12):
    """Shifts, and bright and dark patches with tails along x, at other places in each slice."""
    random = np.random.default_rng(seed)
    matrices = [transforms.translation(random.uniform(-4, 4, 2)) for _ in range(count)]

    def charged(number, image):
        for sign in (1, -1):
            cover = _discs(random, size, 3, (12, 35))
            cover = ndimage.gaussian_filter(cover, (2, 2))
            tails = ndimage.uniform_filter1d(cover, 161, axis=1, mode="constant")
            image = image + sign * (90 * cover + 40 * tails)
        return np.clip(image, 0, 255)

    return stack_of(field, matrices, size, random, other=charged), np.stack(matrices)


def tilted(field, other, seed, size=440, count=24, slope=0.8):
    """Shifts, and an object over a third of the field that moves along x with the slices."""
    random = np.random.default_rng(seed)
    matrices = [transforms.translation(random.uniform(-3, 3, 2)) for _ in range(count)]
    direction = random.choice([-1, 1])

    def with_object(number, matrix):
        moved = slope * direction * (number - count / 2)
        back = transforms.inverse(matrix)
        image = field.read(back, size)
        tilted_one = other.read(
            transforms.composed(transforms.translation([0, -moved]), back), size
        )
        y, x = np.mgrid[:size, :size]
        at = transforms.moved(back, np.stack([y, x], axis=-1).astype(np.float64))
        # A vertical band whose edges move along.
        within = np.abs(at[..., 1] - moved - size / 2) - size / 6
        return image + np.clip(0.5 - within / 2, 0, 1) * (tilted_one - image)

    slices = [with_object(number, matrix) for number, matrix in enumerate(matrices)]
    noisy = np.stack(slices) + random.normal(0, NOISE, (count, size, size))
    return noisy.astype(np.float32), np.stack(matrices)


def errors(found, true, size):
    """Mean and greatest distance of corners, px, from the truth, both with slice 0 as it is."""
    points, distances = transforms.corners((size, size)), []
    for one, other in zip(found[1:], true[1:], strict=True):
        one = transforms.composed(one, transforms.inverse(found[0]))
        other = transforms.composed(other, transforms.inverse(true[0]))
        apart = transforms.moved(one, points) - transforms.moved(other, points)
        distances.append(np.hypot(apart[:, 0], apart[:, 1]))
    return float(np.mean(distances)), float(np.max(distances))


def slope_left(found, true):
    """px per slice that the way of the slices differs from the truth."""
    left = [
        transforms.composed(transforms.inverse(one), other)[:, 2]
        for one, other in zip(found, true, strict=True)
    ]
    lines = np.polyfit(np.arange(len(left)), np.array(left), 1)[0]
    return float(np.hypot(*lines))
