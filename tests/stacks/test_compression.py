"""Compressed slices: smaller files, the same pixels; what cannot be done is said before the run."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import tifffile

from stackmend import api
from stackmend.errors import Problem
from stackmend.runner import prepare
from stackmend.stacks import Layout, new_stack, open_stack

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


@pytest.mark.parametrize("compression", ["none", "zlib", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_compressed_slices_are_the_same_slices(tmp_path: Path, compression: str, dtype: str) -> None:
    if compression == "zstd" and find_spec("imagecodecs") is None:
        pytest.skip("imagecodecs is not installed")
    pixels = (np.arange(40 * 50).reshape(40, 50) // 50).astype(dtype)
    writer = new_stack(
        "tiff-folder",
        tmp_path,
        Layout(shape=(1, 40, 50), dtype=pixels.dtype, names=("1.tif",), compression=compression),
    )
    writer.create()
    writer.write(0, pixels)
    assert np.array_equal(open_stack(writer.path)[0].read(0), pixels)
    with tifffile.TiffFile(writer.path / "1.tif") as tif:
        assert int(tif.pages[0].compression) == CODES[compression]
    assert compression == "none" or (writer.path / "1.tif").stat().st_size < pixels.nbytes


def test_a_run_compresses_and_records_it(tmp_path: Path) -> None:
    result = api.run(protocol(tmp_path, "zlib"), workers=1)
    assert result.record["output"]["compression"] == "zlib"
    plain = api.run(protocol(tmp_path, "none"), output=tmp_path / "plain", workers=1)
    assert plain.record["output"]["pixel_hash"] == result.record["output"]["pixel_hash"]
    sizes = [sum(file.stat().st_size for file in run.stack.iterdir()) for run in (result, plain)]
    assert sizes[0] < sizes[1] / 2


def test_a_missing_package_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "find_spec", lambda name: None)
    (problem,) = problems(protocol(tmp_path, "zstd"))
    assert (problem.path, problem.line, problem.severity) == ("output.compression", 3, "error")
    assert problem.message == "zstd needs one more package; run: pip install 'stackmend[codecs]'"
    monkeypatch.setattr(prepare, "find_spec", lambda name: object())
    assert problems(protocol(tmp_path, "zstd")) == ()
    monkeypatch.setattr(prepare, "find_spec", lambda name: None)
    assert problems(protocol(tmp_path, "zlib")) == ()


def test_one_file_is_not_compressed(tmp_path: Path) -> None:
    (problem,) = problems(protocol(tmp_path, "zlib", "tiff"))
    assert "zlib is for slices in files of their own; add format: tiff-folder, or leave it out" in problem.message
    assert problems(protocol(tmp_path, "none", "tiff")) == ()
