"""The layers of a result, and of a protocol: before, after, and what is marked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from stackmend.errors import BadSlice, InputError, StackmendError
from stackmend.napari_plugin.planes import Plane, Planes
from stackmend.napari_plugin.source import (
    AFTER,
    BEFORE,
    KINDS,
    MASK,
    Source,
    chosen_in,
    document_of,
    dtype_of,
    examined,
    has_mask,
    maker,
    original,
    scale_of,
)
from stackmend.preview import State
from stackmend.preview.document import Document
from stackmend.result import Record, Result, names, open_result
from stackmend.result.rows import Status
from stackmend.stacks import FORMATS, Reader, open_stack

LayerData = tuple[Any, ...]
"""Data, attributes and kind of a layer, as a reader of napari returns them."""

OWN = "stackmend"
"""Under this name a layer's metadata has its ``Source``."""


def layers_of_protocol(file: Path) -> list[LayerData]:
    """What a protocol makes of its stack; each slice is computed when it is looked at.

    Raises
    ------
    UsageError, ProtocolError
        If the file cannot be read, or there is anything wrong with it or its stack.
    """
    document = document_of(file)
    return computed_layers(document, examined(document), KINDS)


def layers_of_result(folder: Path) -> list[LayerData]:
    """What a run has made: before, after and mask.

    What was written is read; a mask that was not is computed when the layer is made visible.

    Raises
    ------
    InputError
        If there is no finished result, or its files cannot be read.
    """
    result = open_result(folder)
    record = result.record
    stored = {AFTER: _opened(result.folder, _stack_of(record))}
    if record.output.masks is not None:
        stored[MASK] = _opened(result.folder, record.output.masks["path"])
    document = original(record.protocol)
    layers = []
    for channel, number in enumerate(record.input.channels):
        layers += _layers_of_channel(result, document, stored, channel, number)
    return layers


def computed_layers(
    document: Document, state: State, kinds: Sequence[str], channels: Sequence[int] | None = None
) -> list[LayerData]:
    """Layers of a sound protocol, made slice by slice; no mask where no step marks anything."""
    job = state.job
    assert job is not None
    found = []
    for channel in range(len(job.readers)) if channels is None else channels:
        scale = scale_of(job.readers[channel].metadata.pixel_size, job.slices)
        limits: Any = None
        for kind in kinds:
            if kind == MASK and not has_mask(state):
                continue
            source = Source(document, kind, channel, job.slices)
            planes = Planes(job.shape, dtype_of(state, kind), maker(state, source, tell))
            if limits is None:
                first = Source(document, BEFORE, channel, job.slices)
                limits = limits_of(planes.dtype, maker(state, first, tell), len(job.slices))
            found.append(_layer(planes, source, scale, limits, _title(document)))
    return found


def _layers_of_channel(
    result: Result,
    document: Document,
    stored: dict[str, tuple[Reader, ...]],
    channel: int,
    number: int,
) -> list[LayerData]:
    """The layers of one channel of a result, in the order in which they lie above each other."""
    record = result.record
    values = chosen_in(record, str(number))
    document = replace(document, values=values, alternative=_alternative(record))
    after = stored[AFTER][channel]
    numbers = _numbers_of(result, number, after)
    size = tuple(record.input.pixel_size_nm.get(axis) for axis in "zyx")
    scale = scale_of(size, record.input.slices)
    found = []
    try:
        state = examined(document)
        kinds = [BEFORE] if MASK in stored or _is_other_chain(record) else [BEFORE, MASK]
        for planes, attributes, kind in computed_layers(document, state, kinds, [channel]):
            source = replace(attributes["metadata"][OWN], numbers=numbers)
            shown = Planes(after.shape, planes.dtype, maker(state, source, tell))
            limits = attributes.get("contrast_limits")
            found.append(_layer(shown, source, scale, limits, record.name or result.folder.name))
            found[-1][1]["visible"] = kind == "image"
    except StackmendError as error:
        tell(f"{result.folder}: only what the run has written is shown: {error}")
    for kind, readers in stored.items():
        reader = readers[channel]
        own = Source(document, kind, channel, numbers, stored=True)
        dtype = np.dtype(np.uint8) if kind == MASK else reader.dtype
        limits = limits_of(dtype, _reading(reader), len(numbers))
        made = _reading(reader) if kind == AFTER else _marked(reader)
        stack = Planes(reader.shape, dtype, made)
        found.append(_layer(stack, own, scale, limits, record.name or result.folder.name))
    return sorted(found, key=lambda layer: KINDS.index(layer[1]["metadata"][OWN].kind))


def _layer(
    planes: Planes, source: Source, scale: dict[str, Any], limits: Any, title: str
) -> LayerData:
    channel = f", channel {source.channel}" if source.channel else ""
    attributes = {
        "name": f"{title}: {source.kind}{channel}",
        "metadata": {OWN: source},
        **scale,
    }
    if source.kind == MASK:
        return planes, attributes | {"opacity": 0.4}, "labels"
    return planes, attributes | {"contrast_limits": limits, "colormap": "gray"}, "image"


def limits_of(
    dtype: np.dtype[Any], make: Callable[[int], Plane | None], count: int
) -> tuple[float, float]:
    """Between which grey levels a stack is shown: those of its type, or of the slice in the middle.

    So napari need not look at slices to find out.
    """
    if dtype == np.uint8:
        return 0.0, 255.0
    middle = make(count // 2)
    if middle is None:
        return 0.0, 1.0
    low, high = float(middle.min()), float(middle.max())
    return low, max(high, low + 1e-6)


def tell(message: str) -> None:
    """Show a person what hinders, once napari is there to do so."""
    from napari.utils.notifications import show_warning

    show_warning(message)


def _title(document: Document) -> str:
    return str(document.data.get("name") or Path(document.name).stem)


def _stack_of(record: Record) -> str:
    return f"{names.STACK}{FORMATS[record.output.format].suffix}"


def _opened(folder: Path, name: str) -> tuple[Reader, ...]:
    if not (folder / name).exists():
        raise InputError(f"{folder}: {name} is not there any more; run the protocol again")
    return open_stack(folder / name, tolerant=True)


def _numbers_of(result: Result, channel: int, after: Reader) -> tuple[int, ...]:
    """The numbers in the input of the slices that were written."""
    rows = [row for row in result.slices if row.channel == channel]
    if result.record.output.format == "tiff-folder":
        rows = [row for row in rows if row.status != Status.SKIPPED]
    if len(rows) != after.shape[0]:
        what = f"the stack has {after.shape[0]} slices, slices.csv {len(rows)}"
        raise InputError(f"{result.folder}: {what}; run the protocol again")
    return tuple(row.slice for row in rows)


def _is_other_chain(record: Record) -> bool:
    """Whether the run has applied other steps than those of the protocol."""
    return bool(record.replaced_chain or record.skipped_steps)


def _alternative(record: Record) -> str:
    """Which of several chains a run has taken; nothing where there is only one, or none was."""
    taken = (each.one_of for each in record.searches if each.status == "chosen" and each.one_of)
    return next(taken, "")


def _reading(reader: Reader) -> Callable[[int], Plane | None]:
    def read(position: int) -> Plane | None:
        try:
            return reader.page(position)
        except BadSlice as error:
            tell(str(error))
            return error.pixels

    return read


def _marked(reader: Reader) -> Callable[[int], Plane | None]:
    """Labels: 1 where anything is marked."""
    read = _reading(reader)

    def marked(position: int) -> Plane | None:
        pixels = read(position)
        return None if pixels is None else (pixels != 0).astype(np.uint8)

    return marked
