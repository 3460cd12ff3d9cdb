"""The size of a pixel, wherever microscopes and programs keep it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from stackmend.stacks import open_stack
from stackmend.stacks.units import nanometres

IMAGE = np.zeros((96, 128), np.uint8)
XML = b"<FeiImage><databarHeight>6</databarHeight><pixelWidth unit='um'>5</pixelWidth></FeiImage>"


def saved(path: Path, *tags: Any, **how: Any) -> Any:
    tifffile.imwrite(path, IMAGE, **({"metadata": None, "extratags": tags} | how))
    return open_stack(path)[0]


@pytest.mark.parametrize(
    ("tags", "size", "source", "bar"),
    [
        (
            [(50431, 1, 0, b"\0\1[MAIN]\r\nPixelSizeX=5e-9\r\nPixelSizeY=6e-9\r\n")],
            (6, 5),
            "Tescan",
            0,
        ),
        ([(50431, 1, 0, b"[MAIN]\nPixelSizeX=5e-9\nImageStripSize=10\n")], (5, 5), "Tescan", 10),
        ([(34683, 2, 0, XML.replace(b"'", b'"'))], (5000, 5000), "Thermo Fisher", 6),
        (
            [(34683, 2, 0, '<PixelSize><X unit="m">4e-9</X><Y unit="m">5e-9</Y></PixelSize>')],
            (5, 4),
            "Thermo Fisher",
            0,
        ),
        ([(51023, 2, 0, "<Scan><Ux>0.003</Ux><Uy>0.004</Uy></Scan>")], (5, 5), "Fibics", 0),
        (
            [(65003, 2, 0, "nm"), (65004, 2, 0, "um"), (65009, 12, 1, 4.5), (65010, 12, 1, 0.005)],
            (5, 4.5),
            "DigitalMicrograph",
            0,
        ),
        (
            [(34682, 2, 0, "[Scan]\nPixelWidth=5e-9\n[Image]\nResolutionX=128\nResolutionY=90\n")],
            (5, 5),
            "FEI",
            6,
        ),
    ],
)
def test_tags_of_makers(tmp_path: Path, tags: list[Any], size: Any, source: str, bar: int) -> None:
    whole = []
    for code, dtype, count, value in tags:
        count = len(value) if isinstance(value, bytes) and dtype == 1 else count
        whole.append((code, dtype, count, value, True))
    reader = saved(tmp_path / "a.tif", *whole)
    assert (reader.metadata.pixel_size, reader.metadata.source) == ((None, *size), source)
    assert reader.bar == bar


def test_text_and_files_beside(tmp_path: Path) -> None:
    text = json.dumps({"image": {}, "pixel_size": {"x": 3e-9, "y": 4e-9}})
    assert saved(tmp_path / "o.tif", description=text).metadata.pixel_size == (None, 4, 3)
    (tmp_path / "j.txt").write_text(
        "$CM_FULL_SIZE 128 90\n$$SM_MICRON_BAR 200\n$$SM_MICRON_MARKER 5um\n"
    )
    reader = saved(tmp_path / "j.tif")
    assert (reader.metadata.pixel_size, reader.bar) == ((None, 25, 25), 6)


@pytest.mark.parametrize(
    ("name", "value", "size", "notes"),
    [
        ("resolution", [40, 4, 5], (40, 4, 5), 1),
        ("voxel_size", [40, 4, 5], (40, 4, 5), 1),
        ("pixelResolution", json.dumps({"dimensions": [5, 4, 40], "unit": "nm"}), (40, 4, 5), 0),
        (
            "pixelResolution",
            json.dumps({"dimensions": [5, 4, 40], "unit": "um"}),
            (4e4, 4e3, 5e3),
            0,
        ),
    ],
)
@pytest.mark.parametrize("container", ["hdf5", "zarr"])
def test_attributes_of_arrays(
    tmp_path: Path, container: str, name: str, value: Any, size: Any, notes: int
) -> None:
    stack = np.zeros((3, 9, 9), np.uint8)
    if container == "hdf5":
        h5py = pytest.importorskip("h5py")
        with h5py.File(tmp_path / "a", "w") as file:
            file["d"] = stack
            file["d"].attrs[name] = value
    else:
        zarr = pytest.importorskip("zarr")
        array = zarr.create_array(str(tmp_path / "a"), data=stack, write_data=True)
        array.attrs[name] = value
        array[:] = 1
    (reader,) = open_stack(tmp_path / "a")
    assert reader.metadata.pixel_size == size
    assert len(reader.notes) == 1 + notes


def test_imaris_and_axistags(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.ims", "w") as file:
        file["DataSet/ResolutionLevel 0/TimePoint 0/Channel 0/Data"] = np.zeros((4, 8, 16), "u1")
        image = file.create_group("DataSetInfo/Image")
        extent = {"ExtMin0": "0", "ExtMax0": "0.08", "ExtMin1": "0", "ExtMax1": "0.04"}
        extent |= {"ExtMin2": "0", "ExtMax2": "0.08", "X": "16", "Y": "8", "Z": "4", "Unit": "um"}
        for key, text in extent.items():
            image.attrs[key] = np.array([letter.encode() for letter in text], "S1")
    assert open_stack(tmp_path / "a.ims")[0].metadata.pixel_size == (20, 5, 5)
    axes = [{"key": axis, "resolution": size} for axis, size in zip("zyx", (8, 4, 5), strict=True)]
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["d"] = np.zeros((3, 9, 9), "u1")
        file["d"].attrs["axistags"] = json.dumps({"axes": axes})
        file["d"].attrs["axis_units"] = json.dumps(dict.fromkeys("zyx", "nm"))
    assert open_stack(tmp_path / "a.h5")[0].metadata.pixel_size == (8, 4, 5)


@pytest.mark.parametrize(
    ("unit", "nm"),
    [
        ("nanometers", 1),
        ("Nanometre", 1),
        ("micrometres", 1000),
        ("\\u03BCm", 1000),
        ("\\u00b5m", 1000),
        ("microns", 1000),
        ("inches", 2.54e7),
        ("angstroms", 0.1),
        ("furlong", None),
    ],
)
def test_units_in_any_spelling(unit: str, nm: float | None) -> None:
    assert nanometres(unit) == nm


@pytest.mark.parametrize(
    ("units", "size"),
    [("unit=\\u03BCm\nyunit=nm", (11, 2000)), ("unit=furlong\nyunit=nm", (11, None))],
)
def test_one_axis_is_not_taken_for_another_that_is_stated(
    tmp_path: Path, units: str, size: Any
) -> None:
    text = f"ImageJ=1.54p\nimages=1\n{units}\n"
    how = {"resolution": (0.5, 1 / 11), "resolutionunit": 1, "description": text}
    (_, y, x) = saved(tmp_path / "a.tif", **how).metadata.pixel_size
    assert (y, x) == (pytest.approx(size[0], rel=1e-6), size[1])


def test_axes_and_units_of_ome_zarr_in_any_case(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    root = zarr.create_group(str(tmp_path / "a.zarr"))
    axes = [{"name": axis, "type": "space", "unit": "nanometers"} for axis in "ZYX"]
    scale = [{"type": "scale", "scale": [8, 4, 5]}]
    image = {"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}
    root.attrs["ome"] = {"multiscales": [image]}
    root.create_array("0", shape=(2, 9, 9), chunks=(1, 9, 9), dtype="u1")[:] = 1
    assert open_stack(tmp_path / "a.zarr")[0].metadata.pixel_size == (8, 4, 5)
