"""What every writer and every reader must do, whatever the format."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from numpy.typing import NDArray

from stackmend.errors import OutputError
from stackmend.stacks import DTYPES, Layout, Writer, new_stack, open_stack

PACKAGES = {"zarr": "zarr", "ome": "zarr", "hdf5": "h5py", "mrc": "mrcfile", "zstd": "imagecodecs"}
NAMES = ("s2.tif", "s10.tif", "s11.tif", "s12.tif")


def skip_without(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def truth(dtype: str = "uint8", channels: int = 1, size: tuple[int, int] = (37, 53)) -> NDArray[Any]:
    """``(C, Z, Y, X)`` over the whole range of the type; the third slice of each channel is full of zeros."""
    low, top = (-1e30, 1e30) if dtype == "float32" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    stack = np.random.default_rng(5).uniform(low, top, (channels, len(NAMES), *size)).astype(dtype)
    stack[:, 2] = 0
    return stack


OUTPUTS = [
    (format, compression)
    for format, compression in product(("tiff-folder", "tiff", "ome-zarr", "ome-zarr-0.4"), ("none", "zlib", "zstd"))
]


@pytest.fixture(params=OUTPUTS, ids="-".join)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Writer]:
    """Makes a new writer of each format."""
    format, compression = request.param
    if "zarr" in format:
        skip_without("zarr")
    elif compression == "zstd":
        skip_without("imagecodecs")

    def writer(stack: NDArray[Any], **how: Any) -> Writer:
        layout = Layout(stack.shape[1:], stack.dtype, NAMES, len(stack), compression=compression, **how)
        return new_stack(format, tmp_path, layout)

    return writer


def places(stack: NDArray[Any]) -> list[tuple[int, int]]:
    """Channel and position of every slice, in no order that a writer could expect."""
    every = list(product(range(stack.shape[0]), range(stack.shape[1])))
    return [every[index] for index in np.random.default_rng(3).permutation(len(every))]


def reads_as(writer: Writer, stack: NDArray[Any]) -> None:
    readers = open_stack(writer.path)
    if writer.path.is_dir() and writer.path.suffix == "" and len(stack) > 1:  # a folder is one channel
        assert np.array_equal(
            [readers[0].read(index) for index in range(readers[0].shape[0])],
            stack.swapaxes(0, 1).reshape(-1, *stack.shape[2:]),
        )
        return
    assert len(readers) == len(stack)
    for reader, channel in zip(readers, stack, strict=True):
        assert (reader.shape, reader.dtype, reader.notes) == (channel.shape, channel.dtype, ())
        assert np.array_equal([reader.read(index) for index in range(len(channel))], channel)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_is_written_is_read_back(make: Callable[..., Writer], dtype: str, channels: int) -> None:
    stack = truth(dtype, channels)
    writer = make(stack)
    writer.create()
    writer = pickle.loads(pickle.dumps(writer))
    for channel, position in places(stack):
        writer.write(position, stack[channel, position], channel)
    for channel, position in places(stack):
        assert np.array_equal(writer.written(position, channel), stack[channel, position])
    writer.finish()
    for channel, position in places(stack):
        assert np.array_equal(writer.written(position, channel), stack[channel, position])
    reads_as(writer, stack)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_what_is_bright_stays_so(make: Callable[..., Writer], photometric: str) -> None:
    stack = truth()
    writer = make(stack, photometric=photometric)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, stack[channel, position], channel)
    writer.finish()
    assert open_stack(writer.path)[0].photometric == photometric
    reads_as(writer, stack)


def test_a_slice_that_is_not_there_is_told_from_one_of_zeros(make: Callable[..., Writer]) -> None:
    stack = truth()
    writer = make(stack)
    assert writer.written(2) is None
    writer.create()
    reserved = writer.path.is_file()  # its room is there from the start
    assert reserved or writer.written(2) is None
    writer.write(2, stack[0, 2])
    assert np.array_equal(writer.written(2), stack[0, 2])
    assert reserved or writer.written(1) is None


def test_a_slice_can_be_written_again(make: Callable[..., Writer]) -> None:
    stack = truth("uint16")
    writer = make(stack)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, stack[channel, position] // 3, channel)
    for channel, position in places(stack):
        writer.write(position, stack[channel, position], channel)
    writer.finish()
    reads_as(writer, stack)


def test_processes_share_the_work(make: Callable[..., Writer]) -> None:
    stack = truth("float32", 2)
    writer = make(stack)
    writer.create()
    tasks = (
        joblib.delayed(writer.write)(position, stack[channel, position], channel) for channel, position in places(stack)
    )
    joblib.Parallel(n_jobs=2)(tasks)
    writer.finish()
    reads_as(writer, stack)


def test_a_run_that_was_cut_goes_on(make: Callable[..., Writer]) -> None:
    stack = truth()
    writer = make(stack)
    writer.create()
    for channel, position in places(stack)[:2]:
        writer.write(position, stack[channel, position], channel)
    again = make(stack)
    for channel, position in places(stack):
        if not np.array_equal(again.written(position, channel), stack[channel, position]):
            again.write(position, stack[channel, position], channel)
    again.finish()
    again.finish()
    assert np.array_equal(again.written(1), stack[0, 1])
    reads_as(again, stack)


def test_nothing_but_the_stack_is_left(make: Callable[..., Writer]) -> None:
    stack = truth()
    writer = make(stack)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, stack[channel, position], channel)
    writer.finish()
    assert list(writer.path.parent.iterdir()) == [writer.path]
    assert not list(writer.path.rglob("*.part*"))


def test_a_place_that_cannot_hold_the_stack(make: Callable[..., Writer]) -> None:
    writer = make(truth())
    writer.path.parent.rmdir()
    writer.path.parent.touch()
    with pytest.raises(OutputError, match="cannot be made"):
        writer.create()
