"""The test in a bundle: a small stack, and what the protocol makes of it where it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from stackmend import runner
from stackmend.job import Job
from stackmend.protocol.editing import put, remove
from stackmend.protocol.migration import in_newest_format
from stackmend.protocol.schema import optimize_entries
from stackmend.protocol.text import parse
from stackmend.result import Record, Result, names, read_record
from stackmend.result.inventory import hashes_of
from stackmend.result.record import write_record
from stackmend.stacks import Layout, Reader, Selection, Slice, new_stack, open_phantom
from stackmend.tuning.bindings import survey_of
from stackmend.tuning.chains import ChannelChain
from stackmend.tuning.tune import untuned

KEPT = (
    names.PROTOCOL,
    names.EFFECTIVE,
    names.SLICES,
    names.LOSSES,
    names.JOURNAL,
    names.SURVEYS,
    *names.TRANSFORMS,
    names.FINGERPRINTS,
    names.STACK,
)
"""Parts of a result that go into a bundle; logs, pictures and reports tell of the machine."""

MOST_SLICES = 15


@dataclass(frozen=True)
class Sample:
    """A small stack in a folder; ``said`` is where it comes from."""

    folder: Path
    said: dict[str, Any]


def sample_of(result: Result, frozen: Path, folder: Path, *, phantom: bool, size: int) -> Sample:
    """Write a part of an optimization slice, with the neighbours that its chain looks at.

    ``frozen`` is the protocol of the run, with the values that it has chosen.

    Raises
    ------
    InputError
        If the stack of the run cannot be read.
    """
    record = result.record
    job = runner.check(frozen).job(written=False)
    reach = min(max(map(_seen_beside, untuned(job).chains)), MOST_SLICES // 2)
    if phantom:
        reader: Reader = open_phantom({"slices": 2 * reach + 1, "dtype": record.input.dtype})
        numbers, window = tuple(range(2 * reach + 1)), (slice(None), slice(None))
        said: dict[str, Any] = {"of": "a synthetic stack"}
    else:
        reader = job.reader
        middle = _searched_slice(record)
        last = reader.shape[0] - 1
        numbers = tuple(range(max(middle - reach, 0), min(middle + reach, last) + 1))
        window = _window(result, job, middle, size)
        said = {"of": "the stack of the run", "slice": middle}
    rows, columns = reader.shape[1:]
    height, width = len(range(rows)[window[0]]), len(range(columns)[window[1]])
    layout = Layout(
        shape=(len(numbers), height, width),
        dtype=reader.dtype,
        names=tuple(f"{place:04}.tif" for place in range(len(numbers))),
        photometric=reader.photometric,
        selection=Selection((reader,), numbers),
        compression="zlib",
    )
    writer = new_stack("tiff-folder", folder.parent, layout, stem=folder.name)
    writer.create()
    for place, number in enumerate(numbers):
        writer.write(place, Slice(np.ascontiguousarray(reader.read(number)[window])))
    writer.finish()
    y, x = job.reader.metadata.pixel_size[1:]
    said |= {"slices": len(numbers), "height": height, "width": width}
    return Sample(folder, {**said, "pixel_size": [y, x] if y and x else None})


def _seen_beside(chain: ChannelChain) -> int:
    """How many slices to either side a slice depends on, or is looked at with."""
    surveys = [(survey_of(bound), bound.parameters) for bound in chain.steps]
    return max([chain.reach, *(each.apart(values) for each, values in surveys if each)])


def _searched_slice(record: Record) -> int:
    """An optimization slice, or the one in the middle where nothing was searched."""
    for search in record.searches:
        return search.slices[0]
    return record.input.slices[len(record.input.slices) // 2]


def _window(result: Result, job: Job, number: int, size: int) -> tuple[slice, slice]:
    """A part of a slice, with the middle of what is marked in it.

    All of it where a step crops, or reads a file, which may be about whole slices.
    """
    height, width = job.reader.shape[1:]
    if any(entry.step.keeps or entry.step.files for entry in job.protocol.chain):
        return slice(0, height), slice(0, width)
    row = next((row for row in result.slices if row.slice == number), None)
    marked = row is not None and row.mask_y is not None and row.mask_x is not None
    middle = (row.mask_y, row.mask_x) if row and marked else (height / 2, width / 2)
    ends = []
    for at, length in zip(middle, (height, width), strict=True):
        first = int(min(max((at or 0) - size / 2, 0), max(length - size, 0)))
        ends.append(slice(first, min(first + size, length)))
    return ends[0], ends[1]


def for_test(text: str, said: Mapping[str, Any]) -> str:
    """A protocol for the small stack of a bundle, its paths beside it.

    What steps look at first, where they do, is the slice in the middle.
    """
    text = in_newest_format(text)
    data = parse(text).data
    for path, entry in optimize_entries(data):
        text = put(text, (*path, "slices"), [int(said["slices"]) // 2])
        for key in ("validate", "clean", "region"):
            if key in entry:
                text = remove(text, (*path, key))
    if "envelope" in data:  # the stack may be a synthetic one
        text = remove(text, ("envelope",))
    given = {**data.get("input", {}), "path": "input"}
    if said.get("pixel_size"):
        given["pixel_size"] = said["pixel_size"]
    text = put(text, ("input",), given)
    output = {"path": "expected", "format": "tiff-folder", "compression": "zlib"}
    return put(text, ("output",), output)


def expected_result(text: str, sample: Sample, folder: Path) -> Path:
    """What a protocol makes of a sample: a result without what tells of this machine."""
    file = folder / "test.yaml"
    file.write_text(for_test(text, sample.said), encoding="utf-8")
    made = runner.run(file, workers=1).folder
    kept = folder / "kept"
    kept.mkdir()
    for name in KEPT:
        if (made / name).exists():
            (made / name).rename(kept / name)
    record = read_record(made)
    protocol, told = record.protocol.copy(), record.environment.copy()
    protocol["file"], protocol["folder"] = "test.yaml", "."
    told["command"] = ()
    record = replace(
        record,
        input=replace(record.input, path="input"),
        protocol=protocol,
        environment=told,
        warnings=(),
        files=hashes_of(kept),
    )
    write_record(kept, record)
    return kept
