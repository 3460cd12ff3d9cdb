"""Files as a bad disk or a bad neighbour leaves them: sound ones, with some bytes changed."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile

from stackmend.errors import InputError
from stackmend.stacks import open_stack

STACK = np.random.default_rng(0).integers(0, 4096, (4, 24, 40)).astype(np.uint16)
Save = Callable[[Path], Path]


def plain_tiff(folder: Path) -> Path:
    """Pages one by one."""
    with tifffile.TiffWriter(folder / "a.tif") as writer:
        for image in STACK:
            writer.write(image, metadata=None, contiguous=False, rowsperstrip=8)
    return folder / "a.tif"


def imagej_tiff(folder: Path) -> Path:
    """One block, big-endian."""
    how = {"imagej": True, "metadata": {"axes": "ZYX", "unit": "nm", "spacing": 5}}
    tifffile.imwrite(folder / "a.tif", STACK, resolution=(0.2, 0.2), **how)
    return folder / "a.tif"


def deflated_tiff(folder: Path) -> Path:
    """Compressed, with tags of a microscope."""
    text = b"[Scan]\r\nPixelWidth=5e-9\r\n[Image]\r\nResolutionX=40\r\nResolutionY=20\r\n\0"
    how = {"compression": "deflate", "photometric": "minisblack"}
    tifffile.imwrite(folder / "a.tif", STACK, extratags=[(34682, 2, None, text, True)], **how)
    return folder / "a.tif"


def ome_tiff(folder: Path) -> Path:
    """XML and a BigTIFF."""
    how = {"ome": True, "photometric": "minisblack", "metadata": {"axes": "ZYX"}}
    tifffile.imwrite(folder / "a.ome.tif", STACK, bigtiff=True, **how)
    return folder / "a.ome.tif"


def tiff_folder(folder: Path) -> Path:
    """A file each."""
    for number, image in enumerate(STACK):
        tifffile.imwrite(folder / f"s{number}.tif", image)
    return folder


def mrc(folder: Path) -> Path:
    """Sections."""
    import mrcfile

    with mrcfile.new(folder / "a.mrc") as file:
        file.set_data(STACK)
        file.voxel_size = 50
    return folder / "a.mrc"


def zarr_array(folder: Path, **how: object) -> Path:
    """Format 3, compressed."""
    import zarr

    root = zarr.create_group(str(folder / "a.zarr"), zarr_format=3)
    image = {
        "axes": [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"],
        "datasets": [
            {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [8, 4, 4]}]}
        ],
    }
    root.attrs.update({"ome": {"version": "0.5", "multiscales": [image]}})
    root.create_array("0", shape=STACK.shape, chunks=(2, 24, 40), dtype="uint16")[:] = STACK
    return folder / "a.zarr"


def hdf5(folder: Path) -> Path:
    """Chunks and attributes."""
    import h5py

    with h5py.File(folder / "a.h5", "w") as file:
        raw = file.create_dataset("raw", data=STACK, chunks=(1, 24, 40), compression="gzip")
        raw.attrs["element_size_um"] = [0.008, 0.004, 0.004]
    return folder / "a.h5"


TIFFS = (plain_tiff, imagej_tiff, deflated_tiff, ome_tiff, tiff_folder)


def mutate(content: bytes, random: np.random.Generator) -> bytes:
    """Bytes changed, cut off, left out, doubled, or made as large or as small as can be."""
    data = bytearray(content)
    for _ in range(int(random.integers(1, 5))):
        if not data:
            break
        place = int(random.integers(min(len(data), random.choice([64, 512, len(data)]))))
        length = int(random.integers(1, 9))
        kind = random.integers(6)
        if kind == 0:
            data[place] = int(random.integers(256))
        elif kind == 1:
            data[place : place + length] = random.bytes(length)
        elif kind == 2:
            data[place : place + 4] = random.choice([b"\0\0\0\0", b"\xff\xff\xff\x7f", b"\xff" * 4])
        elif kind == 3:
            del data[place : place + length]
        elif kind == 4:
            data[place:place] = data[place : place + length]
        else:
            del data[max(len(data) - int(random.integers(len(data))), 1) :]
    return bytes(data)


def outcome(path: Path, *, tolerant: bool) -> str:
    """What becomes of a stack that is opened and read: anything but these two is a fault."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for reader in open_stack(path, tolerant=tolerant):
                for index in range(min(reader.shape[0], 4)):
                    reader.read_slice(index)
    except InputError:
        return "refused"
    return "read"


def try_mutants(save: Save, folder: Path, count: int, seed: int) -> dict[str, int]:
    """How many mutants of a sound stack are refused, and how many are read."""
    random = np.random.default_rng(seed)
    counts = {"refused": 0, "read": 0}
    folder.mkdir(parents=True)
    path = save(folder)
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    sound = {file: file.read_bytes() for file in files}
    for number in range(count):
        file = files[int(random.integers(len(files)))]
        file.write_bytes(mutate(sound[file], random))
        try:
            counts[outcome(path, tolerant=bool(number % 2))] += 1
        # Whatever comes through is a fault, and must be found again.
        except BaseException:
            shutil.copy(file, folder.parent / f"{save.__name__}-{seed}-{number}{file.suffix}")
            raise
        file.write_bytes(sound[file])
    return counts
