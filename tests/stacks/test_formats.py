"""The table of output formats: schema, documents and names in a result folder agree with it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from stackmend import api, resources
from stackmend.job.masks import Masks
from stackmend.result import names
from stackmend.stacks import FORMATS, Format, Layout, Pixels, Slice, Writer, new_stack

OUTPUT = resources.schema("skeleton")["properties"]["output"]["properties"]
TEXT = Path(__file__).parents[2] / "docs" / "formats.md"


def choice(names: list[str]) -> str:
    comma = "," if len(names) > 3 else ""
    return f"must be {', '.join(names[:-1])}{comma} or {names[-1]}"


def test_the_schema_offers_all_formats() -> None:
    assert OUTPUT["format"]["enum"] == list(FORMATS)
    assert OUTPUT["format"]["errorMessage"] == choice(list(FORMATS))


def test_the_schema_offers_every_compression_of_any_format() -> None:
    names: dict[str, str | None] = {}
    for format in FORMATS.values():
        names |= format.compressions
    assert OUTPUT["compression"]["enum"] == list(names)
    assert OUTPUT["compression"]["errorMessage"] == choice(list(names))


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_is_in_the_table(name: str) -> None:
    lines = TEXT.read_text(encoding="utf-8").splitlines()
    assert any(line.startswith("|") and f"`{name}`" in line.split("|")[1] for line in lines)


@pytest.mark.parametrize("name", FORMATS)
def test_a_run_may_replace_a_stack_of_each_format(name: str) -> None:
    for stem in ("stack", "truth"):
        assert f"{stem}{FORMATS[name].suffix}" in names.STACKS


@pytest.mark.parametrize("name", FORMATS)
def test_masks_of_each_format_have_their_place(tmp_path: Path, name: str) -> None:
    masks = Masks.of(name, tmp_path, Layout((2, 3, 4), np.dtype("int16"), ("a", "b")))
    assert masks.writer.path.relative_to(tmp_path).as_posix().removesuffix("/masks") in (
        names.MASK_PLACES
    )


def problems(folder: Path, **output: Any) -> list[tuple[str, str]]:
    lines = [f"  {name}: {value}" for name, value in {"path": "out", **output}.items()]
    text = [
        "protocol: 1",
        "input: {phantom: {slices: 1}}",
        "output:",
        *lines,
        "chain: [step: crop]",
    ]
    (folder / "protocol.yaml").write_text("\n".join(text))
    found = api.check(folder / "protocol.yaml").draft.problems
    return [(problem.path, problem.message) for problem in found]


def test_what_a_format_cannot_do_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = Format("tiff.file_writer:PlainTiffWriter", ".tif", {"none": None, "zlib": None})
    monkeypatch.setitem(FORMATS, "tiff", plain)
    assert problems(tmp_path, format="tiff", compression="zlib") == []
    assert problems(tmp_path, format="tiff", compression="zstd") == [
        ("output.compression", "tiff cannot be compressed in this way; choose none or zlib")
    ]
    assert problems(tmp_path, format="tiff", pyramid="true") == [
        (
            "output.pyramid",
            "tiff has no place for smaller copies; add format: ome-zarr, or leave it out",
        )
    ]


class NumpyWriter(Writer):
    """As little as a writer can be: one file a slice."""

    def create(self) -> None:
        self.path.mkdir(exist_ok=True)

    def opens(self) -> bool:
        return self.path.is_dir()

    def write(self, position: int, new: Slice, channel: int = 0) -> None:
        np.save(self.path / f"{position}_{channel}.npy", new.pixels)

    def read_back(self, position: int, channel: int = 0) -> Pixels | None:
        file = self.path / f"{position}_{channel}.npy"
        return np.load(file) if file.exists() else None


def test_a_new_format_is_a_module_and_a_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = ModuleType("stackmend.stacks.numpy_writer")
    module.NumpyWriter = NumpyWriter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, module.__name__, module)
    line = Format("numpy_writer:NumpyWriter", ".npys", {"none": None})
    monkeypatch.setitem(FORMATS, "numpy", line)
    writer = new_stack("numpy", tmp_path, Layout((2, 3, 4), np.dtype("int16"), ("a", "b")))
    writer.create()
    writer.write(1, Slice(np.full((3, 4), -7, np.int16)))
    writer.leave_out(0)
    writer.finish()
    assert writer.path == tmp_path / "stack.npys"
    assert [writer.read_back(position).max() for position in (0, 1)] == [0, -7]
