"""What a file states against what is in it: nothing is lost in silence, nothing explodes."""

from __future__ import annotations

import gzip
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from stackmend.errors import InputError
from stackmend.stacks import open_stack

S = np.random.default_rng(0).integers(0, 255, (4, 96, 128)).astype(np.uint8)


def read(path: Path, **how: Any) -> list[Any]:
    (reader,) = open_stack(path, **how)
    return [reader.read(index) for index in range(reader.shape[0])]


def refused(path: Path, said: str, **how: Any) -> None:
    with pytest.raises(InputError, match=said):
        open_stack(path, **how)


def cut(path: Path, length: int) -> Path:
    path.write_bytes(path.read_bytes()[:length])
    return path


def without_link(path: Path, page: int = 0) -> Path:
    """The chain of pages ends behind one of them."""
    with tifffile.TiffFile(path) as tif:
        place = tif.pages[page].offset
        order = tif.byteorder
    content = bytearray(path.read_bytes())
    (count,) = struct.unpack_from(order + "H", content, place)
    content[place + 2 + 12 * count :][:4] = bytes(4)
    end = place + 2 + 12 * count
    content[end : end + 4] = bytes(4)
    path.write_bytes(content)
    return path


def header(path: Path, *entries: tuple[int, int, int, int], pixels: bytes = b"") -> Path:
    """A TIFF file of one page, put together by hand; pixels follow its header."""
    packed = b"".join(struct.pack("<HHII", *entry) for entry in entries)
    start = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    path.write_bytes(start + packed + bytes(4) + pixels)
    return path


def test_imagej_stacks_with_one_header(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, S, imagej=True, truncate=True, metadata={"axes": "ZYX"})
    assert np.array_equal(read(path), S)
    size = path.stat().st_size
    refused(cut(path, size - 5000), "is truncated, it states 4 planes and has room for 3; copy it")
    refused(cut(path, size // 2), "has room for 1")


def test_more_images_stated_than_there_are_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        for index, image in enumerate(S[:3]):
            text = None if index else "ImageJ=1.5\nimages=9\nslices=9\n"
            writer.write(image, metadata=None, contiguous=False, description=text)
    refused(path, "it states 9 planes")


@pytest.mark.parametrize("how", ["imagej", "shape", "ome"])
def test_a_chain_of_pages_that_was_cut(tmp_path: Path, how: str) -> None:
    path = tmp_path / ("a.ome.tif" if how == "ome" else "a.tif")
    kind = {"imagej": {"imagej": True}, "ome": {"ome": True}, "shape": {}}[how]
    tifffile.imwrite(path, S, photometric="minisblack", metadata={"axes": "ZYX"}, **kind)
    if how == "ome":
        refused(without_link(path, 2), "several|truncated")
        return
    assert np.array_equal(read(without_link(path)), S) or how == "shape"
    refused(cut(path, path.stat().st_size // 2), "truncated")


def test_strips_that_were_never_written(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, S[0], metadata=None, rowsperstrip=32)
    with tifffile.TiffFile(path) as tif:
        place = tif.pages[0].tags[273].valueoffset
    content = bytearray(path.read_bytes())
    content[place + 4 : place + 8] = bytes(4)
    path.write_bytes(content)
    refused(path, "1 of 3 parts of the image were never written")


@pytest.mark.parametrize("bits", [2, 4, 6, 10, 12, 14])
@pytest.mark.parametrize("order", [1, 2])
def test_packed_bits(tmp_path: Path, bits: int, order: int) -> None:
    image = np.random.default_rng(bits).integers(0, 2**bits, (9, 13))
    rows = b""
    for row in image:
        text = "".join(f"{value:0{bits}b}" for value in row)
        text += "0" * (-len(text) % 8)
        rows += int(text, 2).to_bytes(len(text) // 8, "big")
    if order == 2:
        rows = bytes(int(f"{byte:08b}"[::-1], 2) for byte in rows)
    where = 10 + 12 * 9 + 4
    tags = [(256, 3, 1, 13), (257, 3, 1, 9), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(266, 3, 1, order), (273, 4, 1, where), (278, 3, 1, 9), (279, 4, 1, len(rows))]
    (found,) = read(header(tmp_path / "a.tif", *tags, pixels=rows))
    assert np.array_equal(found, image)
    assert found.dtype == (np.uint8 if bits <= 8 else np.uint16)
    refused(cut(tmp_path / "a.tif", where + len(rows) - 1), "truncated")


def test_pages_that_are_no_slices(tmp_path: Path) -> None:
    (tmp_path / "cell").mkdir()
    for index in range(2):
        with tifffile.TiffWriter(tmp_path / "cell" / f"s{index}.tif") as writer:
            writer.write(S[index], metadata=None)
            writer.write(S[index][::4, ::4], metadata=None, subfiletype=1)
    (reader,) = open_stack(tmp_path / "cell")
    assert np.array_equal(reader.read(1), S[1])
    assert "page 1 of s0.tif is a smaller copy" in reader.notes[0]
    with tifffile.TiffWriter(tmp_path / "a.tif") as writer:
        for image in (S[0], S[1], S[2][::4, ::4]):
            writer.write(image, metadata=None, contiguous=False)
    (reader,) = open_stack(tmp_path / "a.tif")
    assert reader.shape == (2, 96, 128)
    assert "page 2 is smaller (24 x 32 uint8" in reader.notes[1]


def test_no_pixels_and_pages_without_end(tmp_path: Path) -> None:
    tags = [(256, 4, 1, 0), (257, 4, 1, 0), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8)]
    refused(header(tmp_path / "a.tif", *tags, (279, 4, 1, 9)), r"has no pixels \(0 x 0\)")
    size = (256, 4, 1, 30000), (257, 4, 1, 30000), (258, 3, 1, 8), (259, 3, 1, 8), (262, 3, 1, 1)
    bomb = [*size, (273, 4, 1, 200), (278, 4, 1, 30000), (279, 4, 1, 9000)]
    refused(header(tmp_path / "b.tif", *bomb, pixels=bytes(10**4)), "has only 9000 bytes of them")
    path = header(tmp_path / "c.tif", *tags)
    content = bytearray(path.read_bytes())
    content[-4:] = struct.pack("<I", 8)
    path.write_bytes(content)
    refused(path, "leads back into itself|has no pixels")


def test_hdf5_arrays_that_lie_elsewhere(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    for name, data in (("other", S), ("master", np.full_like(S, 7))):
        with h5py.File(tmp_path / f"{name}.h5", "w") as file:
            file["data"] = data
    with h5py.File(tmp_path / "master.h5", "a") as file:
        file["entry/raw"] = h5py.ExternalLink("other.h5", "/data")
        file["gone"] = h5py.ExternalLink("gone.h5", "/data")
    (reader,) = open_stack(tmp_path / "master.h5", dataset="entry/raw")
    assert np.array_equal(reader.read(2), S[2])
    assert "/data lies in another file, other.h5" in reader.notes[-1]
    refused(tmp_path / "master.h5", "a link to gone.h5, which is not there", dataset="gone")

    (tmp_path / "sub").mkdir()
    with h5py.File(tmp_path / "sub" / "a.h5", "w") as file:
        file["raw"] = h5py.ExternalLink("../other.h5", "/data")
    refused(tmp_path / "sub" / "a.h5", "outside its folder .* which is refused", dataset="raw")
    (tmp_path / "secret").write_bytes(b"secret" * 9000)
    with h5py.File(tmp_path / "e.h5", "w") as file:
        file.create_dataset("d", S.shape, "u1", external=[(str(tmp_path / "secret"), 0, S.size)])
    refused(tmp_path / "e.h5", "bytes of another file .* which is refused")


def test_hdf5_places_that_were_never_written(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["data"] = S
    layout = h5py.VirtualLayout(S.shape, "u1")
    layout[:2] = h5py.VirtualSource("other.h5", "data", S.shape)[:2]
    with h5py.File(tmp_path / "half.h5", "w") as file:
        file.create_virtual_dataset("d", layout)
    assert "only 24576 of 49152 values of /d have a source" in str(
        open_stack(tmp_path / "half.h5")[0].notes
    )
    layout[2:] = h5py.VirtualSource("gone.h5", "data", S.shape)[2:]
    with h5py.File(tmp_path / "v.h5", "w") as file:
        file.create_virtual_dataset("d", layout)
    refused(tmp_path / "v.h5", "a part of /d lies in gone.h5, which is not there")
    with h5py.File(tmp_path / "c.h5", "w") as file:
        file.create_dataset("d", S.shape, "u1", chunks=(1, 96, 128))[:2] = S[:2]
        file.create_dataset("never", (3, 4, 5), "u1")
    (reader,) = open_stack(tmp_path / "c.h5", dataset="d")
    assert "2 of 4 chunks were never written and count as 0, slices 2, 3" in reader.notes[-1]
    refused(tmp_path / "c.h5", "never was never written", dataset="never")


def zarr_2(path: Path, shape: list[int], chunks: list[int], codec: str | None = None) -> Path:
    path.mkdir()
    facts = {"zarr_format": 2, "shape": shape, "chunks": chunks, "dtype": "|u1", "order": "C"}
    facts |= {"compressor": codec and {"id": codec, "level": 5}, "fill_value": 0, "filters": None}
    (path / ".zarray").write_text(json.dumps(facts))
    return path


def test_containers_from_somebody_else(tmp_path: Path) -> None:
    pytest.importorskip("zarr")
    path = zarr_2(tmp_path / "a.zarr", [10**9] * 3, [1, 64, 64])
    refused(path, "none of its .* chunks is there")
    (path / "0.0.0").write_bytes(bytes(4096))
    refused(path, "but has only 4096 bytes of them")
    refused(zarr_2(tmp_path / "b.zarr", [4, 9, 9], [0, 9, 9]), "states chunks of 0 x 9 x 9")
    (tmp_path / "c.zarr").mkdir()
    (tmp_path / "c.zarr" / "zarr.json").write_text("[" * 100_000)
    refused(tmp_path / "c.zarr", r"is not OME-Zarr that can be read \(RecursionError")
    for codec, pack in (("gzip", gzip.compress), ("zlib", zlib.compress)):
        path = zarr_2(tmp_path / f"{codec}.zarr", [1, 32, 40], [1, 32, 40], codec)
        (path / "0.0.0").write_bytes(pack(bytes(10**8)))
        refused(path, "a chunk of 1280 bytes comes to")
    (path / "0.0.0").unlink()
    (path / "0.0.0").symlink_to(tmp_path / "gzip.zarr" / "0.0.0")
    refused(path, "lies outside the stack, which is refused")


def test_an_image_outside_its_folder(tmp_path: Path) -> None:
    zarr = pytest.importorskip("zarr")
    zarr.create_array(str(tmp_path / "other"), data=S)
    for name, place in (("a.zarr", "../other"), ("b.zarr", str(tmp_path / "other"))):
        root = zarr.create_group(str(tmp_path / name))
        axes = [{"name": axis, "type": "space"} for axis in "zyx"]
        root.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": [{"path": place}]}]}
        refused(tmp_path / name, "lies outside the stack, which is refused")


def test_hdf5_chunks_that_explode(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        how = {"chunks": (1, 32, 40), "compression": "gzip"}
        raw = file.create_dataset("raw", (1, 32, 40), "u1", **how)
        raw.id.write_direct_chunk((0, 0, 0), zlib.compress(bytes(10**8)))
    refused(tmp_path / "a.h5", "a chunk of 1280 bytes takes")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        how["chunks"] = (1, 64, 64)
        file.create_dataset("raw", (10**6, 10**5, 10**5), "u1", **how)[0, :64, :64] = 1
    refused(tmp_path / "b.h5", "but has only .* bytes of them")


def test_an_extended_header_without_end(tmp_path: Path) -> None:
    mrcfile = pytest.importorskip("mrcfile")
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(S.astype("u2"))
    content = bytearray((tmp_path / "a.mrc").read_bytes())
    content[92:96] = struct.pack("<i", 2**31 - 1)
    (tmp_path / "a.mrc").write_bytes(content)
    refused(tmp_path / "a.mrc", "truncated")


@pytest.mark.parametrize("size", [np.inf, np.nan, -1, 1e300, 1e-300])
def test_pixel_sizes_that_cannot_be(tmp_path: Path, size: float) -> None:
    h5py = pytest.importorskip("h5py")
    mrcfile = pytest.importorskip("mrcfile")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["d"] = S
        file["d"].attrs["element_size_um"] = [1, size, 1]
    with mrcfile.new(tmp_path / "a.mrc") as mrc, np.errstate(all="ignore"):
        mrc.set_data(S.astype("u2"))
        mrc.header.cella.x, mrc.header.cella.y, mrc.header.cella.z = 1280, size, 40
    for name, known in (("a.h5", (1000, None, 1000)), ("a.mrc", (1, None, 1))):
        (reader,) = open_stack(tmp_path / name)
        odd = name == "a.mrc" and size == 1e-300  # nothing at all in a number of 32 bits
        assert reader.metadata.pixel_size == known
        assert odd or "along y" in reader.notes[-1]


def test_grey_levels_further_apart_than_can_be_said(tmp_path: Path) -> None:
    image = np.zeros((9, 9), np.float32)
    image[0, 0], image[1, 1] = 1.8e38, -1.8e38
    tifffile.imwrite(tmp_path / "a.tif", image)
    refused(tmp_path / "a.tif", "grey levels from -1.8e.38 to 1.8e.38 are further apart")
