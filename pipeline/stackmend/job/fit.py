"""What a protocol says of its stack and its output, held against what these can be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from stackmend.errors import Problem
from stackmend.protocol import PixelGrid, Protocol, remaining
from stackmend.stacks import FORMATS, Reader
from stackmend.stacks.extras import command_for, is_missing
from stackmend.stacks.given import impossible_lengths

_OF_FILES = {"axes": None, "flip": "none", "data_bar": "auto"}
"""What is said of the pages of files, and what says nothing of them."""


SAME_SIZE = 0.01
"""How much the pixels of slices may differ in size, as a share, and count as the same."""


def check_facts(protocol: Protocol) -> Iterator[Problem]:
    """What a protocol says of its stack that cannot be."""
    for key, nothing in _OF_FILES.items():
        if protocol.input.phantom is not None and getattr(protocol.input, key) != nothing:
            message = "is for stacks in files, and this one is synthetic; leave it out"
            yield protocol.text.problem(("input", key), message)
    for key in ("pixel_size", "spacing"):
        for length in impossible_lengths(getattr(protocol.input, key)):
            message = f"is {length:g} nm, which no pixel has; give it in nm, or with its unit"
            yield protocol.text.problem(("input", key), message)


def dtype_of(protocol: Protocol, reader: Reader) -> np.dtype[Any]:
    """The type of the pixels that are written."""
    wanted = protocol.output.dtype
    return reader.dtype if wanted == "input" else np.dtype(wanted)


def check_format(protocol: Protocol) -> Iterator[Problem]:
    """Options that the format of the output does not have, and packages that it needs."""
    output, text = protocol.output, protocol.text
    format = FORMATS[output.format]
    if output.pyramid and not format.pyramid:
        other = next(name for name, each in FORMATS.items() if each.pyramid)
        what = f"{output.format} has no place for smaller copies"
        message = f"{what}; add format: {other}, or leave it out"
        yield text.problem(("output", "pyramid"), message)
    if format.needs and is_missing(format.needs):
        message = f"{output.format} needs one more package; run: {command_for(format.needs)}"
        yield text.problem(("output", "format"), message)
    if output.compression not in format.compressions:
        what = f"{output.format} cannot be compressed in this way"
        message = f"{what}; choose {' or '.join(format.compressions)}"
        yield text.problem(("output", "compression"), message)
        return
    package = format.compressions[output.compression]
    if package and is_missing(package):
        message = f"{output.compression} needs one more package; run: {command_for(package)}"
        yield text.problem(("output", "compression"), message)


def check_narrowing(protocol: Protocol, reader: Reader) -> Iterator[Problem]:
    """Grey levels that the type of the output cannot hold."""
    target = dtype_of(protocol, reader)
    if target.kind != "f" and not np.can_cast(reader.dtype, target):
        limits = np.iinfo(target)
        message = (
            f"{reader.dtype} grey levels are kept as they are, not rescaled: what lies "
            f"outside {limits.min} to {limits.max} is clipped and counted"
        )
        yield protocol.text.problem(("output", "dtype"), message, severity="warning")


def grid_of(reader: Reader) -> PixelGrid:
    """What lengths are measured in on a stack.

    Sizes that are the same to 1 % are those of the first slice; where slices differ, the size of a
    pixel is not known.
    """
    sizes = [reader.metadata_of(number).pixel_size[1:] for number in range(reader.shape[0])]
    y, x = sizes[0]
    for other in sizes:
        for size, found in zip((y, x), other, strict=True):
            if size and found and abs(found / size - 1) > SAME_SIZE:
                what = f"of which the slices of {reader.label} say different things"
                return PixelGrid(None, None, reader.shape[2], what)
    return PixelGrid(y, x, reader.shape[2], f"which {reader.label} does not say")


def restored_part(
    protocol: Protocol, reader: Reader
) -> tuple[tuple[int, ...], tuple[slice, slice]]:
    """The slices that are restored, by their numbers, and what the chain leaves of each."""
    slices = protocol.input.slices.indices(reader.shape[0])
    z, y, x = remaining(protocol.chain, (len(slices), *reader.shape[1:]))
    return tuple(slices[place] for place in z), (slice(y.start, y.stop), slice(x.start, x.stop))
