"""What a synthetic stack is asked for by, and the random numbers that follow from it."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import PCG64, Generator

# Leaves the charge room within the range.
BRIGHTNESS = {"dark": 0.6, "bright": 0.4, "both": 0.5, "none": 0.5}


@dataclass(frozen=True)
class Parameters:
    """The fields of ``phantom.schema.json``, which also holds their limits.

    Attributes
    ----------
    slices, height, width : int
        Shape of the stack, the latter two in px.
    seed : int
        Two phantoms that agree in every field are equal in every pixel.
    dtype : str
        ``uint8``, ``uint16``, ``int16`` (from 0 to the top of the type) or ``float32`` (0 to 1,
        not clipped).
    polarity : str
        ``dark`` and ``bright`` charging, ``both`` (half of the centres each) or ``none``.
    centres : int
        Charging centres in a charged slice, on average.
    strength : float
        Largest charge, as a fraction of the grey range.
    radius, tail : float
        Radius of a centre and length over which its tail falls to 1/e, in px.
    streaks : float
        Spread of the tail from row to row, relative to its mean.
    persistence : float
        Number of slices in which a centre of the kind ``centres`` is visible.
    noise, contrast : float
        Standard deviation of the detector noise and depth of the membranes, as fractions of the
        grey range.
    cell, step : float
        Size of a cell and distance between slices, in px.
    tissue : str
        ``plain`` or ``cells``.
    charge : sequence of str
        Kinds of charge: ``centres``, ``streaks``, ``blobs``, ``rings``, ``faded``, ``saturated``.
    every : int
        One slice in so many is charged.
    curtains : float
        Standard deviation of the curtains, as a fraction of the grey range.
    shading_gain, shading_offset : float
        Standard deviation of the shading that all slices have: of a factor, and of an added field
        as a fraction of the grey range.
    flicker : float
        Spread of the gain from slice to slice; of the brightness, half of it.
    shot_noise : float
        Standard deviation at mid grey of noise that the truth has not, as a fraction of the grey
        range.
    """

    slices: int = 8
    height: int = 384
    width: int = 512
    seed: int = 0
    dtype: str = "uint8"
    polarity: str = "dark"
    centres: int = 3
    strength: float = 0.42
    radius: float = 12.0
    tail: float = 32.0
    streaks: float = 0.15
    persistence: float = 5.0
    noise: float = 0.025
    contrast: float = 0.08
    cell: float = 110.0
    step: float = 4.0
    tissue: str = "plain"
    charge: tuple[str, ...] = ("centres",)
    every: int = 1
    curtains: float = 0.0
    shading_gain: float = 0.0
    shading_offset: float = 0.0
    flicker: float = 0.0
    shot_noise: float = 0.0

    def random(self, *stream: int) -> Generator:
        """The random numbers of a stream, named by whole numbers."""
        return Generator(PCG64([self.seed, *stream]))
