"""Applying a chain to every slice, in parallel; each slice by itself, so that any number of workers gives the same."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from time import perf_counter
from typing import Any, TypeVar

import numpy as np
from joblib import delayed
from numpy.typing import NDArray

from stackmend.chain import Graph, Products
from stackmend.errors import BadSlice, OutputError, StepError
from stackmend.job import SliceOfChannel
from stackmend.kernels.noise import noise_level
from stackmend.kernels.rounding import rounded_to
from stackmend.kernels.statistics import mean_and_std
from stackmend.registry import IMAGE
from stackmend.result.journal import Journal
from stackmend.result.record import pixel_hash
from stackmend.stacks import Pixels, Reader, Slice, Writer
from stackmend.workers import memory
from stackmend.workers.processes import Workers

Mask = NDArray[np.bool_]

MASK = "charging_mask"
"""The product from which the charged area is counted, where a chain makes it."""

T = TypeVar("T")

BATCH = 8
"""Slices that a worker is given at a time, at the most: it can then read ahead and write behind."""


@dataclass(frozen=True)
class SliceRow:
    """One row of ``slices.csv``; areas and places in px, grey levels as in the files, ``None`` where there is no value.

    ``charged_y`` and ``charged_x`` are the mean position of the charged pixels.
    """

    slice: int
    channel: int
    name: str
    status: str
    charged_area: int | None = None
    charged_y: float | None = None
    charged_x: float | None = None
    changed_fraction: float | None = None
    mean_before: float | None = None
    mean_after: float | None = None
    std_before: float | None = None
    std_after: float | None = None
    noise_before: float | None = None
    noise_after: float | None = None
    clipped: int = 0
    rmse_before: float | None = None
    rmse_after: float | None = None
    seconds: float = 0.0
    input_hash: str = ""
    output_hash: str = ""
    reason: str = ""

    def as_row(self) -> dict[str, Any]:
        """With empty cells where there is no value."""
        return {name: "" if value is None else value for name, value in asdict(self).items()}


Copy = tuple[SliceOfChannel, Writer, int, SliceRow]
"""A finished slice: its place here, the stack that it lies in, its position there, and its row."""


@dataclass(frozen=True)
class Application:
    """All that a worker needs to restore any slice.

    ``chains`` holds the graph of each channel and what it is given besides the slice; ``window`` is what it leaves of
    the slice. ``numbers`` are those of the channels in the input.
    """

    readers: tuple[Reader, ...]
    numbers: tuple[int, ...]
    writer: Writer
    truth_writer: Writer | None
    chains: tuple[tuple[Graph, Products], ...]
    window: tuple[slice, slice]
    dtype: np.dtype[Any]
    on_bad_slice: str
    journal: Journal

    @property
    def writers(self) -> tuple[Writer, ...]:
        """Of the stack, and of the truth where it is known."""
        return (self.writer, self.truth_writer) if self.truth_writer else (self.writer,)

    def measured(self, places: Sequence[SliceOfChannel]) -> tuple[list[SliceRow], int]:
        """The same as ``run``, and the most memory that this process has ever had."""
        return self.run(places), memory.peak()

    def run(self, places: Sequence[SliceOfChannel]) -> list[SliceRow]:
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
                raw, input_hash = ahead.result()
                if following < len(places):
                    ahead = reading.submit(self._read, places[following])
                new: Slice | None
                if isinstance(raw, BadSlice):
                    new, row = self._without(place, raw)
                else:
                    result, row = self._restore(place, raw.pixels, input_hash)
                    new = Slice(result, raw.tags)
                if behind:
                    behind.result()
                behind = writing.submit(self._write, place, row, new)
                rows.append(row)
            if behind:
                behind.result()
        return rows

    def _read(self, place: SliceOfChannel) -> tuple[Slice | BadSlice, str]:
        """The slice and its hash (which takes longer than to read it, so it is taken ahead, too)."""
        try:
            raw = self.readers[place.channel].read_slice(place.number)
        except BadSlice as error:
            if self.on_bad_slice == "stop":
                raise
            return error, ""
        return raw, pixel_hash(raw.pixels)

    def _name(self, place: SliceOfChannel) -> str:
        return self.readers[place.channel].names[place.number]

    def _row(self, place: SliceOfChannel, status: str, **facts: Any) -> SliceRow:
        return SliceRow(
            place.number, self.numbers[place.channel], self._name(place), status, **facts
        )

    def _restore(
        self, place: SliceOfChannel, pixels: Pixels, input_hash: str
    ) -> tuple[Pixels, SliceRow]:
        start = perf_counter()
        try:
            image, mask, status = self._evaluate(place.channel, pixels)
        except StepError as error:
            raise StepError(f"slice {place.number} ({self._name(place)}): {error}") from error
        result, clipped = to_dtype(image, self.dtype)
        before, truth = pixels[self.window], self._truth(place)
        changed = int(np.count_nonzero(result != before))
        same = not changed and result.dtype == before.dtype
        known = _levels(before)
        after = known if same else _levels(result)
        return result, self._row(
            place,
            status,
            **_extent(mask),
            changed_fraction=changed / result.size,
            **{f"{name}_before": value for name, value in known.items()},
            **{f"{name}_after": value for name, value in after.items()},
            clipped=clipped,
            rmse_before=None if truth is None else rmse(before, truth),
            rmse_after=None if truth is None else rmse(result, truth),
            input_hash=input_hash,
            output_hash=input_hash if same and result.shape == pixels.shape else pixel_hash(result),
            seconds=round(perf_counter() - start, 4),
        )

    def _truth(self, place: SliceOfChannel) -> Pixels | None:
        truth = self.readers[place.channel].truth(place.number)
        return None if truth is None else truth[self.window]

    def _evaluate(
        self, channel: int, pixels: Pixels
    ) -> tuple[NDArray[np.floating[Any]], Mask | None, str]:
        image = pixels.astype(np.float32)
        image.flags.writeable = False
        if pixels.min() == pixels.max():
            return image[self.window], None, "constant"
        graph, given = self.chains[channel]
        products = graph.evaluate({IMAGE: image, **given}, keep=(IMAGE, MASK))
        if MASK not in products:
            return products[IMAGE], None, "restored"
        mask = products[MASK]
        return products[IMAGE], mask, "restored" if mask.any() else "nothing_found"

    def _without(self, place: SliceOfChannel, bad: BadSlice) -> tuple[Slice | None, SliceRow]:
        """What the protocol says about a slice that cannot be used: keep what there is of it, or leave it out."""
        if self.on_bad_slice == "skip":
            return None, self._row(place, "skipped", reason=str(bad))
        size = tuple(ends.stop - ends.start for ends in self.window)
        pixels = None if bad.pixels is None else bad.pixels[self.window]
        if pixels is None or pixels.shape != size:
            blank = np.zeros(size, self.dtype)
            row = self._row(place, "blank", reason=str(bad), output_hash=pixel_hash(blank))
            return self._tagged(place, blank), row
        kept = (
            pixels if pixels.dtype == self.dtype else to_dtype(np.nan_to_num(pixels), self.dtype)[0]
        )
        row = self._row(place, "kept", reason=str(bad), output_hash=pixel_hash(kept))
        return self._tagged(place, kept), row

    def _tagged(self, place: SliceOfChannel, pixels: Pixels) -> Slice:
        """Pixels that were not read from the input, with the tags of their slice there."""
        return Slice(pixels, self.writer.layout.tags_at(place.position, place.channel))

    def copy(self, copies: Sequence[Copy]) -> list[SliceRow]:
        """Take over finished slices from an earlier result.

        Raises
        ------
        OutputError
            If one has vanished meanwhile, or cannot be written.
        """
        for place, writer, position, row in copies:
            pixels = writer.read_back(position, place.channel) if row.output_hash else None
            if pixels is None and row.output_hash:
                raise OutputError(f"{writer.path}: slice {row.name} has vanished; run again")
            self._write(place, row, None if pixels is None else self._tagged(place, pixels))
        return [row for *_, row in copies]

    def _write(self, place: SliceOfChannel, row: SliceRow, new: Slice | None) -> None:
        try:
            if new is None:
                self.writer.leave_out(place.position, place.channel)
            else:
                self.writer.write(place.position, new, place.channel)
            truth = self._truth(place) if self.truth_writer else None
            if self.truth_writer is not None and truth is not None:
                self.truth_writer.write(place.position, Slice(truth), place.channel)
            self.journal.enter(asdict(row))
        except OSError as error:
            where = f"{self.writer.path}: slice {self._name(place)}"
            what = f"cannot be written ({error.strerror or error})"
            raise OutputError(f"{where} {what}; make room and run again") from error


def apply_chain(
    application: Application, places: Sequence[SliceOfChannel], workers: Workers
) -> Generator[tuple[list[SliceRow], int], None, None]:
    """Restore slices in parallel; rows come a batch at a time, in no particular order, with the peak of its worker.

    The kernels run on one thread, so as many processes as there are cores keep all of them busy.
    """
    tasks = (delayed(application.measured)(batch) for batch in batches(places, workers.count))
    return workers.run(tasks, ordered=False)


def copy_slices(
    application: Application, copies: Sequence[Copy], workers: Workers
) -> Generator[list[SliceRow], None, None]:
    """Take over finished slices in parallel."""
    return workers.run(
        (delayed(application.copy)(batch) for batch in batches(copies, workers.count)),
        ordered=False,
    )


def batches(places: Sequence[T], workers: int) -> list[Sequence[T]]:
    """Places in shares that are large enough to read ahead and small enough to keep all workers busy to the end."""
    size = max(1, min(BATCH, len(places) // (4 * workers)))
    return [places[start : start + size] for start in range(0, len(places), size)]


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
    return rounded_to(image, dtype)


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


def _levels(pixels: Pixels) -> dict[str, float | None]:
    """Mean, spread and noise of the grey levels."""
    mean, std = mean_and_std(pixels)
    noise = noise_level(pixels)
    return {
        "mean": round(mean, 6),
        "std": round(std, 6),
        "noise": None if noise is None else round(noise, 6),
    }
