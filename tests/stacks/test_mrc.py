"""MRC: pixel types, voxel size, and headers that cannot be believed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from stackmend.errors import BadSlice, InputError
from stackmend.stacks import extras, open_stack

mrcfile = pytest.importorskip("mrcfile")

TRUTH = np.arange(9 * 20 * 30, dtype=np.uint16).reshape(9, 20, 30)
IMOD, STAMP_AT, FLAGS_AT = 1146047817, 152, 156


def save(path: Path, stack: NDArray[Any] = TRUTH, **fields: Any) -> Path:
    with mrcfile.new(path, overwrite=True) as mrc:
        mrc.set_data(stack)
        for name, value in fields.items():
            if name == "voxel_size":
                mrc.voxel_size = value
            elif name == "extended":
                mrc.set_extended_header(value)
            else:
                setattr(mrc.header, name, value)
    return path


def patch(path: Path, *values: tuple[int, int]) -> Path:
    content = bytearray(path.read_bytes())
    for place, value in values:
        content[place : place + 4] = value.to_bytes(4, "little")
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("dtype", ["i2", "u2", "f4"])
def test_types_in_either_byte_order(tmp_path: Path, dtype: str, order: str) -> None:
    (reader,) = open_stack(save(tmp_path / "cell.mrc", TRUTH.astype(order + dtype)))
    assert (reader.shape, reader.dtype, reader.names[0]) == (
        (9, 20, 30),
        np.dtype(dtype),
        "cell_0000.tif",
    )
    assert np.array_equal([reader.read(index) for index in range(9)], TRUTH.astype(dtype))
    assert reader.read(0).dtype.isnative


def test_bytes_are_signed_unless_imod_says_otherwise(tmp_path: Path) -> None:
    stack = (TRUTH % 100).astype("i1")
    with pytest.raises(
        InputError, match=r"must be uint8, .*, got signed bytes \(mode 0\); convert the stack"
    ):
        open_stack(save(tmp_path / "a.mrc", stack))
    (reader,) = open_stack(patch(tmp_path / "a.mrc", (STAMP_AT, IMOD)))
    assert np.array_equal(reader.read(5), stack[5].astype("uint8"))
    with pytest.raises(InputError, match="got signed bytes"):
        open_stack(patch(tmp_path / "a.mrc", (FLAGS_AT, 1)))


def test_other_modes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="got mode 12; convert the stack"):
        open_stack(save(tmp_path / "a.mrc", TRUTH.astype("f2")))
    with pytest.raises(InputError, match="got mode 4; convert the stack"):
        open_stack(save(tmp_path / "b.mrc", TRUTH.astype("c8")))


@pytest.mark.parametrize(
    ("voxel", "size", "source"),
    [
        ((50, 40, 100), (10, 4, 5), "MRC"),
        (0, (None, None, None), None),
        (1, (None, None, None), None),
        ((40, 40, 0), (None, 4, 4), "MRC"),
    ],
)
def test_the_voxel_size(tmp_path: Path, voxel: Any, size: Any, source: str | None) -> None:
    metadata = open_stack(save(tmp_path / "a.mrc", voxel_size=voxel))[0].metadata
    assert (metadata.pixel_size, metadata.source) == (size, source)


def test_an_extended_header_is_passed_over(tmp_path: Path) -> None:
    (reader,) = open_stack(
        save(tmp_path / "a.mrc", extended=np.frombuffer(bytes(768), "V768"), exttyp=b"SERI")
    )
    assert np.array_equal(reader.read(8), TRUTH[8])


def test_a_file_that_is_cut_off(tmp_path: Path) -> None:
    path = save(tmp_path / "a.mrc")
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(InputError, match=r"a.mrc: the file is truncated"):
        open_stack(path)
    (reader,) = open_stack(path, tolerant=True)
    assert np.array_equal(reader.read(7), TRUTH[7])
    with pytest.raises(BadSlice, match=r"a.mrc slice 8: the file ends before it does"):
        reader.read(8)
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(InputError, match=r"is not MRC that can be read"):
        open_stack(path)


@pytest.mark.parametrize("content", [b"", b"exported from the microscope\n" * 100])
def test_garbage(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mrc").write_bytes(content)
    with pytest.raises(InputError, match=r"a.mrc: is not MRC that can be read"):
        open_stack(tmp_path / "a.mrc")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"nz": -3}, "the header is damaged"),
        ({"mapc": 3, "maps": 1}, r"got columns, rows and sections along axes \(3, 2, 1\)"),
        ({"ispg": 401, "mz": 3}, "got several volumes"),
    ],
)
def test_headers_of_something_else(tmp_path: Path, fields: dict[str, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        open_stack(save(tmp_path / "a.mrc", **fields))


def test_the_mark_counts_and_not_the_name(tmp_path: Path) -> None:
    assert open_stack(save(tmp_path / "tomogram"))[0].shape == (9, 20, 30)


def test_without_the_package_the_command_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.mrc")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"needs one more package, mrcfile; run: pip install 'stackmend\[mrc\]'"
    ):
        open_stack(path)
