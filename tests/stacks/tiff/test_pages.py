"""What holds for every TIFF format: pixels survive, and whatever cannot be used is named."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray

from stackmend.errors import InputError, OutputError
from stackmend.stacks import Layout, Slice, new_stack, open_stack

FORMATS = ("tiff-folder", "tiff")
DTYPES = ("uint8", "uint16", "int16", "float32")
Save = Callable[..., Path]


@pytest.fixture(params=FORMATS)
def save(request: pytest.FixtureRequest, tmp_path: Path) -> Save:
    """Writes a stack with tifffile, as a folder or as one file, and returns its path."""

    def write(stack: NDArray[Any], **how: Any) -> Path:
        if request.param == "tiff":
            with tifffile.TiffWriter(
                tmp_path / "stack.tif", byteorder=how.pop("byteorder", None)
            ) as writer:
                for image in stack:
                    writer.write(image, metadata=None, contiguous=False, **how)
            return tmp_path / "stack.tif"
        (tmp_path / "stack").mkdir()
        for index, image in enumerate(stack):
            tifffile.imwrite(tmp_path / "stack" / f"z{index}.tif", image, metadata=None, **how)
        return tmp_path / "stack"

    return write


def ramp(dtype: str = "uint8", count: int = 3) -> NDArray[Any]:
    return np.arange(count * 5 * 7).reshape(count, 5, 7).astype(dtype)


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("photometric", ["minisblack", "miniswhite"])
def test_a_written_stack_is_read_back_exactly(
    tmp_path: Path, format: str, dtype: str, photometric: str
) -> None:
    low, top = (-1e30, 1e30) if dtype == "float32" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    stack = np.random.default_rng(0).uniform(low, top, (3, 5, 7)).astype(dtype)
    names = ("a.tif", "b.tif", "c.tif")
    writer = new_stack(
        format,
        tmp_path,
        Layout(shape=(3, 5, 7), dtype=np.dtype(dtype), names=names, photometric=photometric),
    )
    writer.create()
    writer = pickle.loads(pickle.dumps(writer))
    for position in (2, 0, 1):
        writer.write(position, Slice(stack[position]))
    reader = pickle.loads(pickle.dumps(open_stack(writer.path)[0]))
    assert (reader.shape, reader.dtype, reader.photometric) == ((3, 5, 7), stack.dtype, photometric)
    assert len(reader.names) == 3
    for index in (1, 2, 0):
        assert np.array_equal(reader.read(index), stack[index])
        assert reader.truth(index) is None


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_either_byte_order_is_read_into_the_native_one(
    save: Save, dtype: str, byteorder: str
) -> None:
    reader = open_stack(save(ramp(dtype), byteorder=byteorder))[0]
    assert reader.read(2).dtype == np.dtype(dtype)
    assert reader.read(2).dtype.isnative
    assert np.array_equal(reader.read(2), ramp(dtype)[2])


def test_deflate_is_read_without_any_extra(save: Save) -> None:
    path = save(ramp("uint16"), compression="deflate")
    assert np.array_equal(open_stack(path)[0].read(1), ramp("uint16")[1])


def test_lzw_without_its_codec_is_refused_before_the_run(tmp_path: Path) -> None:
    try:
        import imagecodecs  # noqa: F401 - the import itself is what matters
    except ImportError:
        pass
    else:
        pytest.skip("imagecodecs is installed")
    from PIL import Image

    Image.fromarray(ramp()[0]).save(tmp_path / "lzw.tif", compression="tiff_lzw")
    for path in (tmp_path, tmp_path / "lzw.tif"):
        with pytest.raises(InputError, match=r"lzw.tif.*run: pip install 'stackmend\[codecs\]'"):
            open_stack(path)


@pytest.mark.parametrize(
    "dtype", ["int8", "uint32", "int32", "float16", "float64", "complex64", "bool"]
)
def test_other_types_are_refused_by_name(save: Save, dtype: str) -> None:
    with pytest.raises(
        InputError, match=f"must be uint8, uint16, int16, float32, got {dtype}; convert"
    ):
        open_stack(save(ramp(dtype)))


def test_colour_is_refused(save: Save) -> None:
    with pytest.raises(InputError, match=r"expected a greyscale image, got a colour image \(RGB\)"):
        open_stack(save(np.zeros((2, 5, 7, 3), np.uint8), photometric="rgb"))


def test_a_palette_is_refused(save: Save) -> None:
    colours = np.zeros((3, 256), np.uint16)
    with pytest.raises(InputError, match="got a palette image"):
        open_stack(save(ramp(), photometric="palette", colormap=colours))


def test_a_volume_in_one_page_is_refused(save: Save) -> None:
    volumes = np.zeros((2, 16, 16, 16), np.uint8)
    with pytest.raises(InputError, match=r"got an image of shape 16 x 16 x 16"):
        open_stack(save(volumes, volumetric=True, tile=(16, 16, 16)))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_numbers_are_named_with_their_place(save: Save, bad: float) -> None:
    stack = ramp("float32")
    stack[2, 3, 4] = stack[2, 4, 0] = bad
    reader = open_stack(save(stack))[0]
    assert np.array_equal(reader.read(1), stack[1])
    with pytest.raises(
        InputError,
        match=r"(z2\.tif|page 2): 2 pixels are NaN or infinite, first at y 3, x 4; replace",
    ):
        reader.read(2)


def test_a_stack_of_one_slice(save: Save) -> None:
    reader = open_stack(save(ramp(count=1)))[0]
    assert reader.shape == (1, 5, 7)
    assert np.array_equal(reader.read(0), ramp(count=1)[0])


def test_an_empty_file_is_said_to_be_empty(save: Save) -> None:
    path = save(ramp())
    file = path / "z1.tif" if path.is_dir() else path
    file.write_bytes(b"")
    with pytest.raises(InputError, match=rf"{file.name}: is empty \(0 bytes\)"):
        open_stack(path)


def test_text_with_the_name_of_an_image(save: Save) -> None:
    path = save(ramp())
    file = path / "z1.tif" if path.is_dir() else path
    file.write_text("exported from the microscope\n")
    with pytest.raises(
        InputError,
        match=rf"{file.name}: is not a TIFF file that can be read .*; remove or replace it",
    ):
        open_stack(path)


def test_a_file_cut_off_anywhere_is_refused(save: Save) -> None:
    path = save(ramp())
    file = path / "z1.tif" if path.is_dir() else path
    whole = file.read_bytes()
    for length in range(1, len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(InputError, match=file.name):
            open_stack(path)
    file.write_bytes(whole)
    assert open_stack(path)[0].shape == (3, 5, 7)


def test_a_damaged_file_never_shows_an_error_of_the_library(save: Save) -> None:
    path = save(ramp("uint16"), compression="deflate")
    file = path / "z1.tif" if path.is_dir() else path
    whole = file.read_bytes()
    random = np.random.default_rng(7)
    for _ in range(150):
        damaged = bytearray(whole)
        for position in random.integers(len(whole), size=3):
            damaged[position] = random.integers(256)
        file.write_bytes(bytes(damaged))
        try:
            reader = open_stack(path)[0]
            for index in range(reader.shape[0]):
                reader.read(index)
        except InputError:
            pass


def test_a_file_that_vanishes_after_it_was_opened(save: Save) -> None:
    path = save(ramp())
    reader = open_stack(path)[0]
    (path / "z1.tif" if path.is_dir() else path).unlink()
    with pytest.raises(InputError, match="cannot be read"):
        reader.read(1)


def test_a_file_that_shrinks_after_it_was_opened(save: Save) -> None:
    path = save(ramp())
    reader = open_stack(path)[0]
    file = path / "z1.tif" if path.is_dir() else path
    file.write_bytes(file.read_bytes()[:20])
    with pytest.raises(InputError):
        reader.read(1)


def test_a_slice_that_changes_after_it_was_opened(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "z1.tif", ramp()[0])
    reader = open_stack(tmp_path)[0]
    tifffile.imwrite(tmp_path / "z1.tif", np.zeros((6, 7), np.uint8))
    with pytest.raises(
        InputError,
        match=r"z1.tif: has changed since .*, expected 5 x 7 uint8.*, got 6 x 7 uint8.*; run",
    ):
        reader.read(0)


def test_no_permission(save: Save, monkeypatch: pytest.MonkeyPatch) -> None:
    path = save(ramp())

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tifffile, "TiffFile", refuse)
    with pytest.raises(InputError, match=r"cannot be read \(Permission denied\); check the file"):
        open_stack(path)


def test_no_such_path(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"cell3: there is no such file or folder; check input.path"
    ):
        open_stack(tmp_path / "cell3")


@pytest.mark.parametrize("format", FORMATS)
def test_a_place_that_cannot_hold_the_stack(tmp_path: Path, format: str) -> None:
    (tmp_path / "file").touch()
    writer = new_stack(
        format,
        tmp_path / "file",
        Layout(shape=(1, 5, 7), dtype=np.dtype("uint8"), names=("a.tif",)),
    )
    with pytest.raises(OutputError, match="cannot be made"):
        writer.create()
