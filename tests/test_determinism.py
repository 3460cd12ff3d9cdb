"""Pixels: the same for any number of workers, and untouched where nothing is charged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from components import bound, evaluate
from stackmend import api
from stackmend.kernels.rounding import to_dtype


@pytest.fixture
def several(tmp_path: Path, charged: Callable[..., NDArray[Any]]) -> Path:
    """A file with six charged pages, two of which are the same."""
    stack = charged(6, dtype="uint16")
    stack[4] = stack[1]
    tifffile.imwrite(
        tmp_path / "cell.tif", stack, photometric="minisblack", metadata={"axes": "ZYX"}
    )
    return tmp_path / "cell.tif"


def test_workers_and_formats_make_no_difference(
    tmp_path: Path, several: Path, protocol: Callable[..., Path]
) -> None:
    records = []
    for workers in (1, 2, 3):
        for format in ("tiff-folder", "tiff"):
            file = protocol(output={"path": f"result-{workers}-{format}", "format": format})
            records.append(api.run(file, input=several, workers=workers).record)
    assert len({record["output"]["pixel_hash"] for record in records}) == 1
    assert len({record["input"]["pixel_hash"] for record in records}) == 1
    assert all(_untimed(record) == _untimed(records[0]) for record in records)
    tables = {
        (tmp_path / f"result-{w}-{f}" / "losses.csv").read_text()
        for w in (1, 2, 3)
        for f in ("tiff", "tiff-folder")
    }
    assert len(tables) == 1


def _untimed(record: Any) -> Any:
    return [{**search, "seconds": None} for search in record["searches"]]


def test_folder_and_file_hold_the_same_pixels(
    tmp_path: Path, several: Path, protocol: Callable[..., Path]
) -> None:
    results = [
        api.run(
            protocol(),
            input=several,
            output=tmp_path / format,
            set={"output.format": format},
            workers=1,
        )
        for format in ("tiff-folder", "tiff")
    ]
    folder, file = (result.stack for result in results)
    slices = np.stack([tifffile.imread(path) for path in sorted(folder.iterdir())])
    assert np.array_equal(slices, tifffile.imread(file))


def test_equal_slices_come_out_equal(several: Path, protocol: Callable[..., Path]) -> None:
    result = api.run(protocol(), input=several, workers=2)
    names = sorted(path.name for path in result.stack.iterdir())
    assert (result.stack / names[1]).read_bytes() == (result.stack / names[4]).read_bytes()


@st.composite
def charged_images(draw: st.DrawFn) -> NDArray[Any]:
    """Noise with a few blobs, of any supported type and of any part of its range."""
    dtype = np.dtype(draw(st.sampled_from(["uint8", "uint16", "float32"])))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(16, 48)), draw(st.integers(16, 48))
    y, x = np.mgrid[:height, :width]
    image = draw(st.floats(0, 0.1)) * random.random((height, width))
    for _ in range(draw(st.integers(1, 3))):
        at_y, at_x, size = random.uniform(0, height), random.uniform(0, width), random.uniform(2, 5)
        image += draw(st.sampled_from([-1, 1])) * np.exp(
            -((y - at_y) ** 2 + (x - at_x) ** 2) / (2 * size**2)
        )
    if dtype.kind == "f":
        return (
            image * draw(st.sampled_from([1e-6, 1.0, 255.0, 1e6]))
            + draw(st.sampled_from([-1e3, 0, 1e4]))
        ).astype(dtype)
    image = (image - image.min()) / max(np.ptp(image), 1e-9)
    low, high = sorted(
        draw(st.tuples(st.integers(0, np.iinfo(dtype).max), st.integers(0, np.iinfo(dtype).max)))
    )
    return (low + image * (high - low)).astype(dtype)


@settings(max_examples=200, deadline=None)
@given(
    image=charged_images(),
    inverse=st.booleans(),
    border=st.integers(0, 6),
    range=st.sampled_from(["0/1", "-1/1"]),
)
def test_pixels_outside_mask_and_border_are_those_of_the_input(
    image: NDArray[Any], inverse: bool, border: int, range: str
) -> None:
    products = evaluate(
        image,
        bound("standardize", range=range),
        bound("find_charging", inverse=inverse, gf1_sigma=6, color_shift=0.1, min_area=3),
        bound("correct_charging", gf2_sigma=5, rb_radius=5, gf3_sigma=2, border=border),
        bound("destandardize"),
    )
    restored, clipped = to_dtype(products["image"], image.dtype)
    near = products["charging_mask"]
    if near.any() and border:
        near = ndimage.binary_dilation(
            near, ndimage.generate_binary_structure(2, 1), iterations=border
        )
    assert restored.dtype == image.dtype
    assert np.array_equal(restored[~near], image[~near])
    assert clipped <= np.count_nonzero(near)


def test_the_property_above_is_about_masks_that_are_found(
    charged: Callable[..., NDArray[Any]],
) -> None:
    for dtype in ("uint8", "uint16", "float32"):
        products = evaluate(
            charged(1, dtype=dtype)[0],
            bound("standardize"),
            bound("find_charging", inverse=True, gf1_sigma=8, color_shift=0.1, min_area=20),
            bound("correct_charging", gf2_sigma=8, rb_radius=10, gf3_sigma=3, border=4),
            bound("destandardize"),
        )
        restored, _ = to_dtype(products["image"], np.dtype(dtype))
        changed = restored != charged(1, dtype=dtype)[0]
        assert products["charging_mask"].sum() > 50
        assert changed[products["charging_mask"]].mean() > 0.5
