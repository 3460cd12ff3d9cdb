"""What a person says of a stack: axes, sizes, which way up, rows that show no specimen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.microscopes import HELIOS, save
from reference_data import FOLDER, needs_reference
from stackmend import api
from stackmend.errors import InputError, ProtocolError
from stackmend.stacks import Facts, open_stack

STACK = np.random.default_rng(0).integers(90, 160, (3, 110, 128)).astype(np.uint8)
STACK[:, 96:] = 0
STACK[:, 100:104, 10:60] = 255
TEXT = b"[Scan]\r\nPixelWidth=5e-9\r\n[Image]\r\nResolutionX=128\r\nResolutionY=96\r\n\0"

PROTOCOL = """\
protocol: 1
input: {path: cell, INPUT}
output: {path: out, format: FORMAT}
chain:
  - step: standardize
  - {step: find_charging, inverse: true, gf1_sigma: 10}
  - {step: correct_charging, gf2_sigma: 10, rb_radius: 4}
  - step: destandardize
"""


@pytest.fixture
def cell(tmp_path: Path) -> Path:
    """Slices whose last 14 rows are a data bar, as the tags of a microscope say."""
    (tmp_path / "cell").mkdir()
    for number, page in enumerate(STACK):
        save(tmp_path / "cell" / f"s{number}.tif", (HELIOS, TEXT), pixels=page)
    return tmp_path / "cell"


def run(folder: Path, format: str = "tiff-folder", **given: Any) -> Any:
    text = ", ".join(f"{key}: {value}" for key, value in given.items())
    file = folder / "protocol.yaml"
    file.write_text(PROTOCOL.replace("INPUT", text).replace("FORMAT", format))
    return api.run(file, workers=1)


@pytest.mark.parametrize("format", ["tiff-folder", "tiff", "ome-zarr"])
def test_a_data_bar_passes_and_no_step_sees_it(cell: Path, format: str) -> None:
    if format == "ome-zarr":
        pytest.importorskip("zarr")
    result = run(cell.parent, format, data_bar="auto")
    (reader,) = open_stack(result.stack, facts=Facts(data_bar=0))
    assert reader.shape == STACK.shape
    assert result.record["input"]["shape"] == [3, 96, 128]
    assert "the last 14 rows are a data bar" in result.record["input"]["notes"][0]

    # The same as where the specimen was saved alone.
    alone = cell.parent / "alone"
    (alone / "cell").mkdir(parents=True)
    for number, page in enumerate(STACK):
        save(alone / "cell" / f"s{number}.tif", pixels=page[:96])
    (expected,) = open_stack(run(alone, data_bar=0).stack)
    for number in range(3):
        assert np.array_equal(reader.read(number)[:96], expected.read(number))
        assert np.array_equal(reader.read(number)[96:], STACK[number, 96:])


def test_a_run_over_a_data_bar_has_nothing_to_do_again(cell: Path) -> None:
    first = run(cell.parent, data_bar=20)
    again = run(cell.parent, data_bar=20)
    assert again.record["output"] == first.record["output"]
    assert (
        "nothing to do" in (again.folder / "log.jsonl").read_text() or first.record == again.record
    )
    assert first.record["input"]["shape"] == [3, 90, 128]
    assert len(list((first.folder / "previews").glob("slice*_after.webp"))) > 0


def test_a_bar_that_leaves_nothing_is_refused(cell: Path) -> None:
    with pytest.raises(InputError, match=r"has 110 rows, got a data bar of 110; check input.data"):
        open_stack(cell, facts=Facts(data_bar=110))


@needs_reference
def test_the_bar_of_a_real_microscope() -> None:
    file = FOLDER / "data" / "vendor" / "FEI-Helios-Ebeam-16bits.tif"
    (reader,) = open_stack(file)
    assert (reader.shape, reader.bar) == ((1, 471, 512), 29)
    (reader,) = open_stack(file, facts=Facts())
    assert (reader.shape, reader.bar) == ((1, 442, 512), 29)
    assert reader.read_slice(0).below.shape == (29, 512)


def test_rows_are_turned_where_that_is_asked_for(cell: Path) -> None:
    (reader,) = open_stack(cell, facts=Facts(flip=True, data_bar=0))
    assert np.array_equal(reader.read(1), STACK[1, ::-1])


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ({"pixel_size": 7}, [None, 7, 7]),
        ({"pixel_size": "[4, 0.005 um]", "spacing": "10 nm"}, [10, 4, 5]),
        ({"spacing": "0.02 \N{MICRO SIGN}m"}, [20, 5, 5]),
    ],
)
def test_sizes_that_a_person_gives(cell: Path, given: dict[str, Any], size: Any) -> None:
    record = run(cell.parent, "tiff", **given).record
    assert record["input"]["pixel_size_nm"] == dict(zip("zyx", size, strict=True))
    assert record["input"]["pixel_size_source"] == "the protocol"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"pixel_size": 0}, "must be a number of nm above 0"),
        ({"pixel_size": "5 furlong"}, "with its unit such as 0.005 um"),
        ({"pixel_size": 1e12}, "which no pixel has"),
        ({"spacing": "-3"}, "must be a number of nm above 0"),
        ({"axes": "zz"}, "must have one letter for each axis"),
        ({"flip": "x"}, "must be none or y"),
        ({"data_bar": "-1"}, "must be auto, or a number of rows"),
        ({"slices": "[s7.tif]"}, "cell has no slice of this name; did you mean s2.tif"),
    ],
)
def test_what_cannot_be_is_refused_in_its_place(
    cell: Path, given: dict[str, Any], said: str
) -> None:
    with pytest.raises(ProtocolError) as caught:
        run(cell.parent, **given)
    assert [problem.line for problem in caught.value.problems] == [2]
    assert said.split(" such")[0] in caught.value.problems[0].message


def test_slices_by_name_and_one_by_number(cell: Path) -> None:
    record = run(cell.parent, slices="[s2.tif, 0]").record
    assert record["input"]["slices"] == [2, 0]
    assert run(cell.parent, slices="1").record["input"]["slices"] == [1]


def test_axes_that_a_person_gives(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    stack = np.arange(5 * 6 * 7).reshape(5, 6, 7).astype(np.uint8)
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = stack
    (reader,) = open_stack(tmp_path / "a.h5", axes="xyz")
    assert np.array_equal(reader.read(2), stack[:, :, 2].T)
    assert reader.notes == ()
    with pytest.raises(InputError, match=r"has 3 axes \(5 x 6 x 7\), got input.axes yx; give a"):
        open_stack(tmp_path / "a.h5", axes="yx")
    tifffile.imwrite(tmp_path / "a.tif", stack[:3], photometric="minisblack", metadata=None)
    assert len(open_stack(tmp_path / "a.tif", axes="cyx")) == 3
    with pytest.raises(InputError, match=r"a folder of slices has axes z, y, x"):
        open_stack(tmp_path, axes="cyx")


def test_an_unlikely_shape_is_questioned(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((96, 3), np.uint8), metadata=None)
    assert (
        "say input.axes if these are others"
        in open_stack(tmp_path / "a.tif", facts=Facts())[0].notes[0]
    )
