"""What is in the pictures of a run, ``previews/previews.json``: read for the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypedDict


class ShownSlice(TypedDict):
    """A slice before and after: its pictures by name, places in px, grey levels as in the files.

    ``why`` says why it was chosen; the pictures are shrunk by ``factor``. ``profile`` has the
    levels along a row.
    """

    slice: int
    name: str
    why: tuple[str, ...]
    shape: tuple[int, int]
    factor: int
    display: tuple[float, float]
    largest_change: float
    difference_scale: float
    zoom: tuple[tuple[int, int], tuple[int, int]]
    pictures: Mapping[str, str]
    profile: Mapping[str, Any]


@dataclass(frozen=True)
class Comparison:
    """The loss of a slice untouched and corrected, and histograms if it compares regions."""

    loss_before: float | None
    loss_after: float | None
    histograms: Mapping[str, Any] | None = None


class _Part(TypedDict, total=False):
    """Whether pictures are of the middle of the slice only; results of earlier versions lack it."""

    middle: bool


class ShownSearch(_Part):
    """A search: ``points`` are pictures by the names of its landmarks, ``compared`` slices."""

    search: int
    slice: int
    points: Mapping[str, str]
    broad: bool
    frames: int
    animation: str
    still: str
    compared: Mapping[int, Comparison]


class SeenStep(TypedDict):
    """What a step takes from a slice: root mean square, picture, and histograms.

    ``low`` and ``high`` are the grey levels between which the slice lies, and its histograms.
    """

    slice: int
    rms: float
    low: float
    high: float
    scale: float
    picture: str
    before: tuple[float, ...]
    after: tuple[float, ...]


class PlotData(TypedDict):
    """Curves over one axis."""

    x_title: str
    y_title: str
    curves: Mapping[str, tuple[float, ...]]
    x: tuple[float, ...]
    labels: tuple[str, ...]
    dotted: tuple[str, ...]


class ShownPart(TypedDict):
    """A picture or a plot that a step declares; of one slice, or of the whole stack.

    ``range`` are the values of the darkest and the brightest grey, or where ``signed``, of the
    fullest colours.
    """

    title: str
    words: str
    note: str
    slice: int | None
    picture: str
    range: tuple[float, float] | None
    signed: bool
    plot: PlotData | None


class ShownStep(TypedDict):
    """What is shown of a step of the chain that was applied."""

    step: str
    about: str
    watch: str
    seen: tuple[SeenStep, ...]
    parts: tuple[ShownPart, ...]


class ShownSection(TypedDict):
    """A section across the slices, through one row (``axis`` x) or one column (y) of each.

    ``start`` to ``stop`` is shown of the line; ``slices`` are the first and the last of ``count``
    that are shown, ``aspect`` is width by height where voxels have their proportions; ``resliced``
    says that slices before are not those of the files: they were interpolated as these were read.
    """

    axis: str
    at: int
    start: int
    stop: int
    slices: tuple[int, int]
    count: int
    aspect: float
    display: tuple[float, float]
    pictures: Mapping[str, str]
    resliced: bool


@dataclass(frozen=True)
class Previews:
    """All pictures of a run."""

    slices: tuple[ShownSlice, ...] = ()
    searches: tuple[ShownSearch, ...] = ()
    steps: tuple[ShownStep, ...] = ()
    sections: tuple[ShownSection, ...] = ()

    def of_search(self, index: int) -> ShownSearch | None:
        """The pictures of a search, by its place in the protocol."""
        return next((each for each in self.searches if each["search"] == index), None)
