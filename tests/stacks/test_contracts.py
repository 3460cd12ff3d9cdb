"""What every writer and every reader must do, whatever the format."""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from typing import Any, Literal

import joblib
import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

from helpers.dat import write_dat
from helpers.n5 import write_n5
from stackmend.errors import BadSlice, OutputError
from stackmend.stacks import DTYPES, FORMATS, Layout, Slice, Writer, new_stack, open_stack

NAMES = ("s9.tif", "s10.tif", "s11.tif", "s12.tif")


def skip_without(*packages: str) -> None:
    for package in packages:
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def truth(
    dtype: str = "uint8", channels: int = 1, size: tuple[int, int] = (37, 53)
) -> NDArray[Any]:
    """``(C, Z, Y, X)`` over the whole range of the type; each third slice is full of zeros."""
    low, top = (-1e30, 1e30) if dtype == "float32" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    stack = np.random.default_rng(5).uniform(low, top, (channels, len(NAMES), *size)).astype(dtype)
    stack[:, 2] = 0
    return stack


OUTPUTS: list[tuple[str, str]] = []
for name, format in FORMATS.items():
    OUTPUTS += product([name], format.compressions)


@pytest.fixture(params=OUTPUTS, ids="-".join)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[..., Writer]:
    """Makes a new writer of each format."""
    format, compression = request.param
    chosen = FORMATS[format]
    skip_without(*filter(None, (chosen.needs, chosen.compressions[compression])))

    def writer(stack: NDArray[Any], **how: Any) -> Writer:
        layout = Layout(
            stack.shape[1:], stack.dtype, NAMES, len(stack), compression=compression, **how
        )
        return new_stack(format, tmp_path, layout)

    return writer


def places(stack: NDArray[Any]) -> list[tuple[int, int]]:
    """Channel and position of every slice, in no order that a writer could expect."""
    every = list(product(range(stack.shape[0]), range(stack.shape[1])))
    return [every[index] for index in np.random.default_rng(3).permutation(len(every))]


def reads_as(writer: Writer, stack: NDArray[Any]) -> None:
    readers = open_stack(writer.path)
    if (
        writer.path.is_dir() and writer.path.suffix == "" and len(stack) > 1
    ):  # a folder is one channel
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
def test_what_is_written_is_read_back(
    make: Callable[..., Writer], dtype: str, channels: int
) -> None:
    stack = truth(dtype, channels)
    writer = make(stack)
    writer.create()
    writer = pickle.loads(pickle.dumps(writer))
    for channel, position in places(stack):
        writer.write(position, Slice(stack[channel, position]), channel)
    for channel, position in places(stack):
        assert np.array_equal(writer.read_back(position, channel), stack[channel, position])
    writer.finish()
    for channel, position in places(stack):
        assert np.array_equal(writer.read_back(position, channel), stack[channel, position])
    reads_as(writer, stack)


@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_what_is_bright_stays_so(make: Callable[..., Writer], photometric: str) -> None:
    stack = truth()
    writer = make(stack, photometric=photometric)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, Slice(stack[channel, position]), channel)
    writer.finish()
    assert open_stack(writer.path)[0].photometric == photometric
    reads_as(writer, stack)


def test_a_slice_that_is_not_there_is_told_from_one_of_zeros(make: Callable[..., Writer]) -> None:
    stack = truth()
    writer = make(stack)
    assert writer.read_back(2) is None
    writer.create()
    reserved = writer.path.is_file()  # its room is there from the start
    assert reserved or writer.read_back(2) is None
    writer.write(2, Slice(stack[0, 2]))
    assert np.array_equal(writer.read_back(2), stack[0, 2])
    assert reserved or writer.read_back(1) is None


def test_a_slice_can_be_written_again(make: Callable[..., Writer]) -> None:
    stack = truth("uint16")
    writer = make(stack)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, Slice(stack[channel, position] // 3), channel)
    for channel, position in places(stack):
        writer.write(position, Slice(stack[channel, position]), channel)
    writer.finish()
    reads_as(writer, stack)


def test_processes_share_the_work(make: Callable[..., Writer]) -> None:
    stack = truth("float32", 2)
    writer = make(stack)
    writer.create()
    tasks = (
        joblib.delayed(writer.write)(position, Slice(stack[channel, position]), channel)
        for channel, position in places(stack)
    )
    joblib.Parallel(n_jobs=2)(tasks)
    writer.finish()
    reads_as(writer, stack)


def test_a_run_that_was_cut_goes_on(make: Callable[..., Writer]) -> None:
    stack = truth()
    writer = make(stack)
    writer.create()
    for channel, position in places(stack)[:2]:
        writer.write(position, Slice(stack[channel, position]), channel)
    again = make(stack)
    for channel, position in places(stack):
        if not np.array_equal(again.read_back(position, channel), stack[channel, position]):
            again.write(position, Slice(stack[channel, position]), channel)
    again.finish()
    again.finish()
    assert np.array_equal(again.read_back(1), stack[0, 1])
    reads_as(again, stack)


def test_nothing_but_the_stack_is_left(make: Callable[..., Writer]) -> None:
    stack = truth()
    writer = make(stack)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, Slice(stack[channel, position]), channel)
    writer.finish()
    assert list(writer.path.parent.iterdir()) == [writer.path]
    assert not list(writer.path.rglob("*.part*"))


def test_a_place_that_cannot_hold_the_stack(make: Callable[..., Writer]) -> None:
    writer = make(truth())
    writer.path.parent.rmdir()
    writer.path.parent.touch()
    with pytest.raises(OutputError, match="cannot be made"):
        writer.create()


def test_a_slice_that_is_left_out_moves_no_other(make: Callable[..., Writer]) -> None:
    stack = truth("uint16")
    writer = make(stack)
    writer.create()
    for channel, position in places(stack):
        writer.write(position, Slice(stack[channel, position]), channel)
    writer.leave_out(1)
    writer.finish()
    (reader,) = open_stack(writer.path)
    if writer.path.is_dir() and not writer.path.suffix:
        assert reader.names == (NAMES[0], *NAMES[2:])
        return
    stack[0, 1] = 0
    assert np.array_equal([reader.read(index) for index in range(4)], stack[0])


def tiff_folder(path: Path, stack: NDArray[Any]) -> Path:
    path.mkdir()
    for index, image in enumerate(stack[0]):
        tifffile.imwrite(path / f"cell{index}.tif", image)
    return path


def tiff_volumes(path: Path, stack: NDArray[Any]) -> Path:
    path.mkdir()
    for index, part in enumerate((stack[0, :3], stack[0, 3:])):
        tifffile.imwrite(path / f"cell{index}.tif", part, photometric="minisblack")
    return path


def png_folder(path: Path, stack: NDArray[Any]) -> Path:
    if stack.dtype.kind != "u":
        pytest.skip("PNG has whole numbers without a sign only")
    path.mkdir()
    for index, image in enumerate(stack[0]):
        Image.fromarray(image).save(path / f"cell{index}.png")
    return path


def dat_folder(path: Path, stack: NDArray[Any]) -> Path:
    if stack.dtype not in (np.uint8, np.int16):
        pytest.skip(".dat has uint8 and int16 only")
    path.mkdir()
    for index in range(stack.shape[1]):
        write_dat(path / f"cell{index}.dat", stack[:, index])
    return path


def plain_tiff(path: Path, stack: NDArray[Any], **how: Any) -> Path:
    tifffile.imwrite(
        path.with_suffix(".tif"),
        stack[0],
        photometric="minisblack",
        metadata={"axes": "ZYX"},
        **how,
    )
    return path.with_suffix(".tif")


def deflated_tiff(path: Path, stack: NDArray[Any]) -> Path:
    return plain_tiff(path, stack, compression="deflate")


def swapped_tiff(path: Path, stack: NDArray[Any]) -> Path:
    return plain_tiff(path, stack, byteorder=">", bigtiff=True)


def ome_tiff(path: Path, stack: NDArray[Any]) -> Path:
    how = {"ome": True, "photometric": "minisblack", "metadata": {"axes": "CZYX"}}
    tifffile.imwrite(path.with_suffix(".ome.tif"), stack, **how)
    return path.with_suffix(".ome.tif")


def zarr_04(path: Path, stack: NDArray[Any]) -> Path:
    return ome_zarr(path, stack, 2)


def zarr_05(path: Path, stack: NDArray[Any]) -> Path:
    return ome_zarr(path, stack, 3)


def ome_zarr(path: Path, stack: NDArray[Any], format: Literal[2, 3]) -> Path:
    zarr = pytest.importorskip("zarr")
    root = zarr.create_group(str(path.with_suffix(".zarr")), zarr_format=format)
    scale = [{"type": "scale", "scale": [1, 1, 1, 1]}]
    image = {
        "axes": [{"name": axis, "type": "channel" if axis == "c" else "space"} for axis in "czyx"],
        "datasets": [{"path": "0", "coordinateTransformations": scale}],
    }
    root.attrs.update(
        {"multiscales": [image]}
        if format == 2
        else {"ome": {"version": "0.5", "multiscales": [image]}}
    )
    root.create_array("0", shape=stack.shape, chunks=(1, 3, 16, 16), dtype=stack.dtype)[:] = stack
    return path.with_suffix(".zarr")


def n5(path: Path, stack: NDArray[Any]) -> Path:
    return write_n5(path.with_suffix(".n5"), stack, (1, 3, 16, 16), axes=list("xyzc"))


def hdf5(path: Path, stack: NDArray[Any]) -> Path:
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        data = file.create_dataset(
            "raw", data=stack.astype(stack.dtype.newbyteorder(">")), chunks=(2, 3, 16, 16)
        )
        for axis, label in enumerate("czyx"):
            data.dims[axis].label = label
    return path


def mrc(path: Path, stack: NDArray[Any]) -> Path:
    mrcfile = pytest.importorskip("mrcfile")
    if stack.dtype == np.uint8:
        pytest.skip("MRC has no uint8 of its own")
    with mrcfile.new(path) as file, warnings.catch_warnings():
        warnings.simplefilter(
            "ignore"
        )  # the package's own statistics, which are too large or no numbers
        file.set_data(stack[0])
    return path


FILES = [
    tiff_folder,
    tiff_volumes,
    png_folder,
    dat_folder,
    plain_tiff,
    deflated_tiff,
    swapped_tiff,
    ome_tiff,
    zarr_04,
    zarr_05,
    n5,
    hdf5,
    mrc,
]
SEVERAL = (dat_folder, ome_tiff, zarr_04, zarr_05, n5, hdf5)
"""Of these, the ones that can have several channels."""


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("save", FILES, ids=lambda save: save.__name__)
def test_what_every_reader_does(tmp_path: Path, save: Callable[..., Path], dtype: str) -> None:
    stack = truth(dtype, 2 if save in SEVERAL else 1)
    before = sorted(tmp_path.iterdir())
    readers = open_stack(save(tmp_path / "cell", stack))
    assert len(readers) == len(stack)
    readers = pickle.loads(pickle.dumps(readers))
    count = stack.shape[1]
    for reader, channel in zip(readers, stack, strict=True):
        assert reader.shape == channel.shape
        assert reader.dtype == channel.dtype
        assert reader.dtype.isnative
        assert reader.photometric == "minisblack"
        assert reader.label.startswith("cell")
        assert len(set(reader.names)) == count
        assert all(name.startswith("cell") and name.endswith(".tif") for name in reader.names)
        assert reader.metadata == reader.metadata_of(0) == reader.metadata_of(count - 1)
        assert reader.truth(0) is None
        assert [tag.code for tag in reader.tags(0)] in ([], [305])  # the program that wrote it
        for index in (2, 0, 3, 1):
            pixels = reader.read(index)
            assert (pixels.dtype, pixels.shape) == (channel.dtype, channel.shape[1:])
            assert pixels.dtype.isnative
            assert np.array_equal(pixels, channel[index])
            assert np.array_equal(reader.read_slice(index).pixels, pixels)
    assert len(sorted(tmp_path.iterdir())) == len(before) + 1  # reading leaves nothing behind


@pytest.mark.parametrize("save", FILES, ids=lambda save: save.__name__)
def test_pixels_that_are_no_numbers_are_a_bad_slice(
    tmp_path: Path, save: Callable[..., Path]
) -> None:
    stack = truth("float32", 2 if save in SEVERAL else 1)
    stack[0, 3, 4, 5] = np.nan
    reader = open_stack(save(tmp_path / "cell", stack))[0]
    assert np.array_equal(reader.read(1), stack[0, 1])
    with pytest.raises(
        BadSlice, match=r"cell.*: 1 pixels are NaN or infinite, first at y 4, x 5"
    ) as caught:
        reader.read(3)
    assert np.array_equal(caught.value.pixels, stack[0, 3], equal_nan=True)
