"""HDF5: which array is the stack, its axes, and its pixel size."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import extras, hdf5, open_stack

h5py = pytest.importorskip("h5py")

TRUTH = np.arange(2 * 9 * 20 * 30, dtype=np.uint16).reshape(2, 9, 20, 30)


def save(path: Path, place: str = "volumes/raw", data: Any = TRUTH[0], **how: Any) -> Path:
    with h5py.File(path, "a") as file:
        file.create_dataset(place, data=data, **how)
    return path


def test_the_only_array_that_could_be_a_stack_is_taken(tmp_path: Path) -> None:
    path = save(tmp_path / "cell.ilp.h5")
    save(path, "table", np.zeros(5))
    save(path, "double", np.zeros((2, 3, 4)))
    (reader,) = open_stack(path)
    assert (reader.shape, reader.dtype, reader.names[8]) == (
        (9, 20, 30),
        np.dtype("uint16"),
        "cell.ilp_0008.tif",
    )
    assert np.array_equal([reader.read(index) for index in range(9)], TRUTH[0])
    assert reader.notes == (
        "cell.ilp.h5: axes of /volumes/raw are not stated and are taken as z, y, x",
    )


def test_a_choice_between_several_is_the_users(tmp_path: Path) -> None:
    path = save(save(tmp_path / "a.h5"), "labels", TRUTH[0].astype("uint8"))
    arrays = r"/labels \(9 x 20 x 30 uint8\), /volumes/raw \(9 x 20 x 30 uint16\)"
    with pytest.raises(InputError, match=f"got 2; give one as input.dataset: {arrays}"):
        open_stack(path)
    for name in ("/labels", "labels"):
        assert open_stack(path, dataset=name)[0].dtype == np.dtype("uint8")
    for name in ("nothing", "volumes", "/"):
        with pytest.raises(
            InputError, match=rf"a.h5: has no array {name} of two or more axes; give one as"
        ):
            open_stack(path, dataset=name)


def test_a_file_without_a_stack(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="expected one array that could be a stack, got 0; give a file that holds"
    ):
        open_stack(save(tmp_path / "a.h5", data=np.zeros(5)))


def test_a_chosen_array_of_another_type(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"a.h5: /volumes/raw: pixels must be .*, got float64; convert"
    ):
        open_stack(save(tmp_path / "a.h5", data=TRUTH[0].astype(float)), dataset="volumes/raw")


@pytest.mark.parametrize("how", ["labels", "axistags"])
@pytest.mark.parametrize("axes", ["czyx", "zcyx", "zyxc", "xyzc", "tczyx"])
def test_stated_axes(tmp_path: Path, how: str, axes: str) -> None:
    stack = TRUTH.transpose(["czyx".index(axis) for axis in axes if axis != "t"])
    path = save(tmp_path / "a.h5", data=stack[np.newaxis] if "t" in axes else stack, chunks=True)
    with h5py.File(path, "a") as file:
        if how == "labels":
            for number, axis in enumerate(axes):
                file["volumes/raw"].dims[number].label = axis
        else:
            file["volumes/raw"].attrs["axistags"] = json.dumps(
                {"axes": [{"key": axis} for axis in axes]}
            )
    readers = open_stack(path)
    for reader, channel in zip(readers, TRUTH, strict=True):
        assert np.array_equal([reader.read(index) for index in range(9)], channel)
        assert reader.notes == ()


def test_more_axes_than_can_be_taken_for_granted(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match="expected stated axes, got 4 axes of /volumes/raw that have no names; label",
    ):
        open_stack(save(tmp_path / "a.h5", data=TRUTH))


@pytest.mark.parametrize(
    ("given", "size"),
    [
        ([0.01, 0.004, 0.005], (10, 4, 5)),
        ([0, 0.004, 0.005], (None, 4, 5)),
        ([1, 2], (None,) * 3),
        ("x", (None,) * 3),
    ],
)
def test_the_size_of_an_element(tmp_path: Path, given: Any, size: Any) -> None:
    path = save(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file["volumes/raw"].attrs["element_size_um"] = given
    assert open_stack(path)[0].metadata.pixel_size == size


def test_chunks_of_several_slices_are_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.h5", chunks=(4, 10, 10), compression="gzip")
    (reader,) = open_stack(path, tolerant=True)
    read = []
    load = hdf5.Hdf5Reader._load
    monkeypatch.setattr(
        hdf5.Hdf5Reader, "_load", lambda self, index: read.append(index[0]) or load(self, index)
    )
    assert np.array_equal([reader.read(index) for index in range(9)], TRUTH[0])
    assert read == [slice(0, 4), slice(4, 8), 8]


def test_a_damaged_chunk_is_a_bad_slice(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5", chunks=(1, 20, 30), compression="gzip")
    with h5py.File(path) as file:
        chunk = file["volumes/raw"].id.get_chunk_info_by_coord((3, 0, 0))
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 40] = bytes(40)
    path.write_bytes(content)
    (reader,) = open_stack(path)
    assert np.array_equal(reader.read(2), TRUTH[0, 2])
    with pytest.raises(BadSlice, match=r"a.h5 slice 3: cannot be read .*; copy it again"):
        reader.read(3)


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5")
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(
        InputError, match=r"a.h5: is not HDF5 that can be read .*; copy it again from its source"
    ):
        open_stack(path)


def test_a_dataset_is_for_hdf5(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"input.dataset is for HDF5, got raw; leave it out"):
        open_stack(tmp_path, dataset="raw")


def test_without_the_package_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.h5")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(
        InputError,
        match=r"a.h5: needs one more package, h5py; run: pip install 'stackmend\[hdf5\]'",
    ):
        open_stack(path)


def test_axes_that_are_no_letters_of_a_stack(tmp_path: Path) -> None:
    path = save(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        for number, axis in enumerate(("depth", "row", "column")):
            file["volumes/raw"].dims[number].label = axis
    with pytest.raises(
        InputError, match=r"expected axes z, y, x \(and c\), got d, r, c; state them in the file"
    ):
        open_stack(path)


def test_an_empty_array(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"/volumes/raw is empty; give the file that holds the slices"
    ):
        open_stack(save(tmp_path / "a.h5", data=np.zeros((0, 4, 5), np.uint8)))


def test_the_command_ends_in_peace_where_a_virtual_part_is_gone(tmp_path: Path) -> None:
    layout = h5py.VirtualLayout((2, 9, 9), "u1")
    layout[:] = h5py.VirtualSource("gone.h5", "data", (2, 9, 9))
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        file.create_virtual_dataset("data", layout)
    protocol = tmp_path / "protocol.yaml"
    protocol.write_text(
        "protocol: 1\nname: x\ninput: {path: virtual.h5}\noutput: {path: result}\n"
        "chain: [{step: standardize}, {step: destandardize}]\n"
    )
    command = [sys.executable, "-P", "-m", "stackmend", "check", str(protocol)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 4, done.returncode  # and not the signal of a crash
    assert "which is not there; put it back beside the file" in done.stderr
