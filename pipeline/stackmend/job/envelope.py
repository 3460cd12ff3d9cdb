"""What a protocol was tuned for, held against a stack that it has not seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from stackmend.errors import BadSlice, Problem
from stackmend.kernels.noise import noise_level
from stackmend.kernels.statistics import mean_and_std
from stackmend.protocol import Protocol
from stackmend.stacks import Pixels, Reader

LOOKED_AT = 5
"""Slices of a stack that are looked at, evenly spaced."""


@dataclass(frozen=True)
class _Measure:
    """A measure of grey levels, and by what factor it may lie beyond the ends of its range."""

    words: str
    of: Callable[[Pixels], float | None]
    beyond: float


MEASURES = {
    "mean": _Measure("mean grey level", lambda pixels: mean_and_std(pixels)[0], 1.25),
    "std": _Measure("spread of the grey levels", lambda pixels: mean_and_std(pixels)[1], 1.5),
    "noise": _Measure("noise", noise_level, 1.5),
}
SIZE_BEYOND = 1.1
"""By what factor the size of a pixel may differ."""


def check_envelope(protocol: Protocol, reader: Reader) -> Iterator[Problem]:
    """Warnings where a stack lies outside of what a protocol was tuned for, and by how much.

    Up to ``LOOKED_AT`` slices are read; those that cannot be are passed over.
    """
    envelope = protocol.envelope
    for key, message in (*_of_pixels(envelope, reader), *_of_levels(envelope, protocol, reader)):
        yield protocol.text.problem(("envelope", key), message, severity="warning")


def _of_pixels(envelope: Mapping[str, Any], reader: Reader) -> Iterator[tuple[str, str]]:
    dtype = envelope.get("dtype")
    if dtype is not None and dtype != str(reader.dtype):
        yield "dtype", f"{reader.label} is {reader.dtype}; this was tuned for {dtype}"
    sizes = envelope.get("pixel_size")
    if not isinstance(sizes, Sequence):
        return
    found = reader.metadata.pixel_size[1:]
    if None in found:
        what = f"{reader.label} does not say the size of its pixels"
        yield "pixel_size", f"{what}; this was tuned for {_sizes(sizes)}"
        return
    ratios = [have / tuned for have, tuned in zip(found, sizes, strict=True) if have]
    worst = max(ratios, key=lambda ratio: max(ratio, 1 / ratio))
    if not 1 / SIZE_BEYOND <= worst <= SIZE_BEYOND:
        what = f"pixels of {reader.label} are {_sizes(found)}"
        advice = "give lengths in nm, or tune it again"
        yield "pixel_size", f"{what}, {worst:.3g} times those it was tuned for; {advice}"


def _sizes(sizes: Sequence[float | None]) -> str:
    return " x ".join(f"{size:.4g}" for size in sizes) + " nm (y, x)"


def _of_levels(
    envelope: Mapping[str, Any], protocol: Protocol, reader: Reader
) -> Iterator[tuple[str, str]]:
    wanted = {name: each for name, each in MEASURES.items() if name in envelope}
    if not wanted or envelope.get("dtype", str(reader.dtype)) != str(reader.dtype):
        return  # grey levels of other types are other numbers
    slices = list(_some_slices(protocol, reader))
    for name, measure in wanted.items():
        values = [value for value in map(measure.of, slices) if value is not None]
        if not values:
            continue
        low, high = envelope[name]
        found = median(values)
        factor = max(found / high if high > 0 else 1.0, low / found if found > 0 else 1.0)
        if factor > measure.beyond:
            side, end = ("above", high) if found > high else ("below", low)
            what = f"{measure.words} of {reader.label} is {found:.4g} (median of {len(values)})"
            tuned = f"this was tuned for {low:.4g} to {high:.4g}"
            yield name, f"{what}, {factor:.2g} times {side} {end:.4g}; {tuned}: look at the result"


def _some_slices(protocol: Protocol, reader: Reader) -> Iterator[Pixels]:
    numbers = protocol.input.slices.indices(reader.shape[0])
    step = max(len(numbers) // LOOKED_AT, 1)
    for number in numbers[step // 2 :: step][:LOOKED_AT]:
        try:
            yield reader.read(number)
        except BadSlice:
            continue
