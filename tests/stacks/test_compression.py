"""Compressed slices: smaller files, the same pixels; what cannot be done is said before the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from stackmend import api
from stackmend.errors import OutputError, Problem
from stackmend.stacks import Layout, Slice, Writer, extras, new_stack
from stackmend.stacks.tiff import file_writer

CODES = {"none": 1, "zlib": 8, "zstd": 50000}
PROTOCOL = """\
protocol: 1
input: {path: cell}
output: {path: result, compression: COMPRESSION, format: FORMAT}
chain: [{step: standardize}, {step: destandardize}]
"""


def protocol(folder: Path, compression: str, format: str = "tiff-folder") -> Path:
    (folder / "cell").mkdir(exist_ok=True)
    for index in range(2):
        pixels = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50) // 50 + index
        tifffile.imwrite(folder / "cell" / f"{index}.tif", pixels)
    file = folder / "protocol.yaml"
    file.write_text(PROTOCOL.replace("COMPRESSION", compression).replace("FORMAT", format))
    return file


def problems(file: Path) -> tuple[Problem, ...]:
    return api.check(file).draft.problems


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
def test_compressed_slices_are_the_same_slices(
    tmp_path: Path, compression: str, format: str
) -> None:
    if compression == "zstd" and find_spec("imagecodecs") is None:
        pytest.skip("imagecodecs is not installed")
    pixels = (np.arange(40 * 50).reshape(40, 50) // 50).astype("uint16")
    layout = Layout((1, 40, 50), pixels.dtype, ("1.tif",), compression=compression)
    writer = new_stack(format, tmp_path, layout)
    writer.create()
    writer.write(0, Slice(pixels))
    writer.finish()
    file = writer.path / "1.tif" if writer.path.is_dir() else writer.path
    with tifffile.TiffFile(file) as tif:
        assert int(tif.pages[0].compression) == CODES[compression]
        assert np.array_equal(tif.asarray(), pixels)
    assert compression == "none" or file.stat().st_size < pixels.nbytes


@pytest.mark.parametrize("format", ["tiff-folder", "tiff"])
def test_a_run_compresses_and_records_it(tmp_path: Path, format: str) -> None:
    result = api.run(protocol(tmp_path, "zlib", format), workers=2)
    assert result.record["output"]["compression"] == "zlib"
    plain = api.run(protocol(tmp_path, "none", format), output=tmp_path / "plain", workers=1)
    assert plain.record["output"]["pixel_hash"] == result.record["output"]["pixel_hash"]
    assert size(result.stack) < size(plain.stack) / 2
    assert not (result.folder / "stack").exists() or format == "tiff-folder"


@pytest.mark.parametrize(
    ("format", "compression", "package", "said"),
    [
        (
            "tiff-folder",
            "zstd",
            "imagecodecs",
            "zstd needs one more package; run: pip install 'stackmend[codecs]'",
        ),
        (
            "tiff",
            "zstd",
            "imagecodecs",
            "zstd needs one more package; run: pip install 'stackmend[codecs]'",
        ),
        (
            "ome-zarr",
            "zstd",
            "zarr",
            "ome-zarr needs one more package; run: pip install 'stackmend[zarr]'",
        ),
        (
            "ome-zarr-0.4",
            "none",
            "zarr",
            "ome-zarr-0.4 needs one more package; run: pip install 'stackmend[zarr]'",
        ),
    ],
)
def test_a_missing_package_is_named_with_its_command(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    format: str,
    compression: str,
    package: str,
    said: str,
) -> None:
    installed = {"imagecodecs", "zarr"} - {package}
    monkeypatch.setattr(extras, "find_spec", lambda name: name if name in installed else None)
    (problem,) = problems(protocol(tmp_path, compression, format))
    assert (problem.line, problem.severity, problem.message) == (3, "error", said)
    installed.add(package)
    assert problems(protocol(tmp_path, compression, format)) == ()
    installed.clear()
    assert problems(protocol(tmp_path, "zlib", "tiff")) == ()


@pytest.mark.parametrize("cut", ["in the middle", "before the name", "before the slices are gone"])
def test_a_file_that_was_being_put_together_is_put_together_again(
    tmp_path: Path, cut: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = np.random.default_rng(0).integers(0, 9, (4, 30, 50), np.uint8)

    def write(folder: Path) -> Writer:
        folder.mkdir()
        writer = new_stack(
            "tiff", folder, Layout(stack.shape, stack.dtype, tuple("abcd"), compression="zlib")
        )
        writer.create()
        for position, pixels in enumerate(stack):
            writer.write(position, Slice(pixels))
        return writer

    whole, writer = write(tmp_path / "whole"), write(tmp_path / "cut")
    whole.finish()
    owner, name, count = {
        "in the middle": (file_writer, "_segments", 2),
        "before the name": (Path, "replace", 0),
        "before the slices are gone": (os, "unlink", 2),
    }[cut]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, after(count, getattr(owner, name)))
        with pytest.raises(KeyboardInterrupt):
            writer.finish()
    assert writer.path.exists() == (cut == "before the slices are gone")
    for position, pixels in enumerate(stack):
        assert np.array_equal(writer.read_back(position), pixels)
    writer.finish()
    assert writer.path.read_bytes() == whole.path.read_bytes()
    writer.write(2, Slice(stack[0]))  # a slice that was found damaged
    writer.finish()
    stack[2] = stack[0]
    assert np.array_equal(tifffile.imread(writer.path), stack)


def test_a_slice_that_was_never_written_is_missed(tmp_path: Path) -> None:
    layout = Layout((2, 4, 5), np.dtype("uint8"), ("a", "b"), compression="zlib")
    writer = new_stack("tiff", tmp_path, layout)
    writer.create()
    writer.write(0, Slice(np.zeros((4, 5), np.uint8)))
    with pytest.raises(OutputError, match=r"stack.tif: slice 1 has not been written; run again"):
        writer.finish()
    assert not writer.path.exists()


def after(count: int, call: Callable[..., Any]) -> Callable[..., Any]:
    """What works so many times, and is then interrupted."""
    left = iter(range(count))

    def call_or_stop(*arguments: Any, **how: Any) -> Any:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return call(*arguments, **how)

    return call_or_stop


def size(stack: Path) -> int:
    return sum(file.stat().st_size for file in (stack.iterdir() if stack.is_dir() else [stack]))
