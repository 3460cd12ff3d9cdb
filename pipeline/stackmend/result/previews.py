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


class ShownSearch(TypedDict):
    """A search: ``points`` are pictures by the names of its landmarks, ``compared`` slices."""

    search: int
    slice: int
    points: Mapping[str, str]
    broad: bool
    frames: int
    animation: str
    still: str
    compared: Mapping[int, Comparison]


@dataclass(frozen=True)
class Previews:
    """All pictures of a run."""

    slices: tuple[ShownSlice, ...] = ()
    searches: tuple[ShownSearch, ...] = ()

    def of_search(self, index: int) -> ShownSearch | None:
        """The pictures of a search, by its place in the protocol."""
        return next((each for each in self.searches if each["search"] == index), None)
