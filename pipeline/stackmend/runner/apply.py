"""Applying a chain to every slice, in parallel; each slice by itself, so that any number of workers gives the same."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from stackmend.chain import Graph
from stackmend.errors import OutputError, StepError
from stackmend.kernels.noise import noise_level
from stackmend.record import pixel_hash
from stackmend.registry import IMAGE
from stackmend.runner.journal import Journal
from stackmend.runner.parallel import in_parallel
from stackmend.stacks import Pixels, Reader, Writer, read_back

Mask = NDArray[np.bool_]

MASK = "charging_mask"
"""The product from which the charged area is counted, where a chain makes it."""

BATCH = 8
"""Slices that a worker is given at a time, at the most: it can then read ahead and write behind."""


class Place(NamedTuple):
    """A slice: its position in the output, its number in the input, and what an earlier run noted of it."""

    position: int
    number: int
    entry: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class SliceRow:
    """One row of ``slices.csv``; areas and places in px, grey levels as in the files.

    ``charged_y`` and ``charged_x`` are the mean position of the charged pixels.
    """

    slice: int
    name: str
    status: str
    charged_area: int | None
    charged_y: float | None
    charged_x: float | None
    changed_fraction: float
    mean_before: float
    mean_after: float
    std_before: float
    std_after: float
    noise_before: float | None
    noise_after: float | None
    clipped: int
    rmse_before: float | None
    rmse_after: float | None
    seconds: float
    input_hash: str
    output_hash: str
    kept: bool = field(default=False, compare=False)

    def as_row(self) -> dict[str, Any]:
        """With empty cells where there is no value; that a slice was kept from an earlier run is no fact about it."""
        return {name: "" if value is None else value for name, value in asdict(self).items() if name != "kept"}


@dataclass(frozen=True)
class Application:
    """All that a worker needs to restore any slice."""

    reader: Reader
    writer: Writer
    truth_writer: Writer | None
    graph: Graph
    given: Mapping[str, Any]
    dtype: np.dtype[Any]
    journal: Journal

    def run(self, places: Sequence[Place]) -> list[SliceRow]:
        """Restore some slices: one is read ahead and one is written behind while another is computed.

        Raises
        ------
        InputError, StepError, OutputError
            Naming the slice.
        """
        rows = []
        with ThreadPoolExecutor(1) as reading, ThreadPoolExecutor(1) as writing:
            ahead = reading.submit(self._read, places[0])
            behind: Future[None] | None = None
            for following, place in enumerate(places, start=1):
                pixels, truth, known = ahead.result()
                if following < len(places):
                    ahead = reading.submit(self._read, places[following])
                if known:
                    rows.append(known)
                    continue
                result, row = self._restore(place, pixels, truth)
                if behind:
                    behind.result()
                behind = writing.submit(self._write, place, row, result, truth)
                rows.append(row)
            if behind:
                behind.result()
        return rows

    def _read(self, place: Place) -> tuple[Pixels, Pixels | None, SliceRow | None]:
        """The slice, its truth, and its row if it is finished already."""
        pixels, truth = self.reader.read(place.number), self.reader.truth(place.number)
        entry = place.entry
        if entry is None or entry.get("input_hash") != pixel_hash(pixels):
            return pixels, truth, None
        written = read_back(self.writer, self.reader.names[place.number], place.position)
        if written is None or entry.get("output_hash") != pixel_hash(written):
            return pixels, truth, None
        return pixels, truth, SliceRow(**{**entry, "kept": True})

    def _restore(self, place: Place, pixels: Pixels, truth: Pixels | None) -> tuple[Pixels, SliceRow]:
        start = perf_counter()
        name = self.reader.names[place.number]
        try:
            image, mask, status = self._evaluate(pixels)
        except StepError as error:
            raise StepError(f"slice {place.number} ({name}): {error}") from error
        result, clipped = to_dtype(image, self.dtype)
        return result, SliceRow(
            slice=place.number,
            name=name,
            status=status,
            **_extent(mask),
            changed_fraction=float(np.count_nonzero(result != pixels) / pixels.size),
            mean_before=_mean(pixels),
            mean_after=_mean(result),
            std_before=_std(pixels),
            std_after=_std(result),
            noise_before=_noise(pixels),
            noise_after=_noise(result),
            clipped=clipped,
            rmse_before=None if truth is None else rmse(pixels, truth),
            rmse_after=None if truth is None else rmse(result, truth),
            input_hash=pixel_hash(pixels),
            output_hash=pixel_hash(result),
            seconds=round(perf_counter() - start, 4),
        )

    def _evaluate(self, pixels: Pixels) -> tuple[NDArray[np.floating[Any]], Mask | None, str]:
        image = pixels.astype(np.float32)
        image.flags.writeable = False
        if image.min() == image.max():
            return image, None, "constant"
        products = self.graph.evaluate({IMAGE: image, **self.given}, keep=(IMAGE, MASK))
        if MASK not in products:
            return products[IMAGE], None, "restored"
        mask = products[MASK]
        return products[IMAGE], mask, "restored" if mask.any() else "nothing_found"

    def _write(self, place: Place, row: SliceRow, result: Pixels, truth: Pixels | None) -> None:
        try:
            self.writer.write(place.position, result)
            if self.truth_writer is not None and truth is not None:
                self.truth_writer.write(place.position, truth)
            self.journal.enter(row)
        except OSError as error:
            where = f"{self.writer.path}: slice {self.reader.names[place.number]}"
            raise OutputError(
                f"{where} cannot be written ({error.strerror or error}); make room and run again"
            ) from error


def apply_chain(application: Application, places: Sequence[Place], workers: int) -> Iterator[SliceRow]:
    """Restore slices in parallel; rows come as slices are finished, in no particular order.

    The kernels run on one thread, so as many processes as there are cores keep all of them busy.
    """
    size = max(1, min(BATCH, len(places) // (4 * workers)))
    batches = [places[start : start + size] for start in range(0, len(places), size)]
    tasks = (delayed(application.run)(batch) for batch in batches)
    for rows in in_parallel(tasks, workers, ordered=False):
        yield from rows


def to_dtype(image: NDArray[np.floating[Any]], dtype: np.dtype[Any]) -> tuple[Pixels, int]:
    """Grey levels as pixels of a type: rounded to the nearest and saturated for whole numbers.

    Returns
    -------
    pixels : (Y, X) of ``dtype``
    clipped : int
        How many pixels lay outside the range of the type.
    """
    if dtype.kind == "f":
        return image.astype(dtype, copy=False), 0
    limits = np.iinfo(dtype)
    rounded = np.rint(image)
    clipped = int(np.count_nonzero((rounded < limits.min) | (rounded > limits.max)))
    return np.clip(rounded, limits.min, limits.max).astype(dtype), clipped


def rmse(pixels: Pixels, truth: Pixels) -> float:
    """Root mean square difference, in grey levels."""
    return float(np.sqrt(np.mean(np.square(pixels.astype(np.float64) - truth))))


def _extent(mask: Mask | None) -> dict[str, Any]:
    """How much is charged, and where its centre is."""
    area = None if mask is None else int(np.count_nonzero(mask))
    extent: dict[str, Any] = {"charged_area": area, "charged_y": None, "charged_x": None}
    if mask is not None and area:
        for name, axis in (("charged_y", 1), ("charged_x", 0)):
            counts = np.count_nonzero(mask, axis=axis)
            extent[name] = round(float(counts @ np.arange(counts.size) / area), 3)
    return extent


def _noise(pixels: Pixels) -> float | None:
    level = noise_level(pixels)
    return None if level is None else round(level, 6)


def _mean(pixels: Pixels) -> float:
    return round(float(pixels.mean(dtype=np.float64)), 6)


def _std(pixels: Pixels) -> float:
    return round(float(pixels.std(dtype=np.float64)), 6)
