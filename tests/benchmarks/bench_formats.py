"""Reading and writing stacks, slice by slice, against plain tifffile; and what long files cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import numpy as np
import tifffile

from stackmend.stacks import Layout, Reader, Selection, Slice, Writer, new_stack, open_stack

Row = dict[str, Any]
COUNT, REPEAT, PAGES = 24, 7, 5000

TAG = (
    "[Scan]\r\nPixelWidth=5e-009\r\n"
    + "\r\n".join(f"[S{n}]\r\nkey=value {n}" for n in range(350))
    + "\0"
).encode()
"""As long as those of microscopes are: some 8 kB."""


def rows() -> Iterator[Row]:
    """One row for each measurement; times are those of one slice, or of the whole if so said."""
    with TemporaryDirectory() as folder:
        for size in (512, 2048):
            for tagged in (False, True):
                yield _copy(Path(folder, f"{size}{tagged}"), size, tagged=tagged)
            if find_spec("zarr"):
                yield _chunk(Path(folder, f"zarr{size}"), size)
        yield from _long(Path(folder, "long"))


def _image(size: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).integers(0, 256, (size, size), np.uint8)


def _seconds(call: Callable[[], object], count: int, out: Path) -> float:
    """The median time of some repetitions, for one of ``count`` slices that are new in a folder."""
    times = []
    for _ in range(REPEAT):
        for file in out.rglob("*.tif"):
            file.unlink()
        start = perf_counter()
        call()
        times.append(perf_counter() - start)
    return median(times) / count


def _saved(folder: Path, size: int, count: int, *, tagged: bool) -> Reader:
    folder.mkdir(parents=True)
    for index in range(count):
        extratags = [(34682, 2, None, TAG, True)] if tagged else []
        tifffile.imwrite(folder / f"{index}.tif", _image(size), metadata=None, extratags=extratags)
    return open_stack(folder)[0]


def _writer(format: str, folder: Path, reader: Reader, compression: str = "none") -> Writer:
    folder.mkdir(exist_ok=True)
    selection = Selection((reader,), tuple(range(reader.shape[0])))
    layout = Layout(
        reader.shape, reader.dtype, reader.names, selection=selection, compression=compression
    )
    return new_stack(format, folder, layout)


def _copy(folder: Path, size: int, *, tagged: bool) -> Row:
    reader = _saved(folder / "in", size, COUNT, tagged=tagged)
    writer = _writer("tiff-folder", folder, reader)
    writer.create()

    (folder / "plain").mkdir()

    def plain() -> None:
        for name in reader.names:
            tifffile.imwrite(folder / "plain" / name, tifffile.imread(folder / "in" / name))

    def ours() -> None:
        for index in range(COUNT):
            writer.write(index, reader.read_slice(index))

    literal, seconds = _seconds(plain, COUNT, folder / "plain"), _seconds(ours, COUNT, writer.path)
    tags = " with 8 kB of tags (tifffile loses them)" if tagged else ""
    what = f"copy a slice of {size} x {size}{tags}"
    return {"what": what, "literal_s": literal, "ours_s": seconds, "ratio": literal / seconds}


def _chunk(folder: Path, size: int) -> Row:
    import zarr

    image = _image(size)
    folder.mkdir()
    layout = Layout((COUNT, size, size), image.dtype, tuple(map(str, range(COUNT))))
    writer = new_stack("ome-zarr", folder, layout)
    writer.create()
    array = zarr.open_array(str(writer.path / "0"), mode="r+")
    literal = _seconds(
        lambda: [array.__setitem__(index, image) for index in range(COUNT)], COUNT, writer.path
    )
    ours = _seconds(
        lambda: [writer.write(index, Slice(image)) for index in range(COUNT)], COUNT, writer.path
    )
    return {
        "what": f"zarr chunk of {size} x {size}",
        "literal_s": literal,
        "ours_s": ours,
        "ratio": literal / ours,
    }


def _long(folder: Path) -> Iterator[Row]:
    reader = _saved(folder / "in", 64, PAGES, tagged=True)
    image = _image(64)
    for compression in ("none", "zlib"):
        writer = _writer("tiff", folder / compression, reader, compression)
        start = perf_counter()
        writer.create()
        made = perf_counter()
        for index in range(PAGES):
            writer.write(index, Slice(image, reader.tags(index)))
        written = perf_counter()
        writer.finish()
        done = perf_counter()
        (again,) = open_stack(writer.path)
        opened = perf_counter()
        for index in range(PAGES - 100, PAGES):
            again.read_slice(index)
        read = (perf_counter() - opened) / 100
        whole = {"create_s": made - start, "write_s": written - made, "finish_s": done - written}
        yield {
            "what": f"{PAGES} tagged pages, {compression}",
            **whole,
            "open_s": opened - done,
            "read_one_s": read,
        }
