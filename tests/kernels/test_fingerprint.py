"""A fingerprint says how far apart the pixels of two slices are at least."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jsonschema import Draft7Validator
from numpy.typing import NDArray

from kills import write_protocol
from stackmend import api, resources
from stackmend.kernels.fingerprint import LEVELS, fingerprint, tiles_of
from stackmend.result.journal import Ledger, _line, _read_line
from stops import write_small_stack


def noise(dtype: str, shape: tuple[int, int] = (200, 300)) -> NDArray[Any]:
    return (np.random.default_rng(3).random(shape) * 250).astype(dtype)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
@pytest.mark.parametrize("shape", [(200, 301), (7, 3), (1, 1), (1, 500), (129, 128)])
def test_numbers_are_quantiles_and_tile_means(dtype: str, shape: tuple[int, int]) -> None:
    pixels = noise(dtype, shape)
    found = fingerprint(pixels)
    rows, columns = tiles_of(shape)
    assert found.dtype == np.float32
    assert found.size == len(LEVELS) + (len(rows) - 1) * (len(columns) - 1)
    assert rows[-1], columns[-1] == shape
    first = pixels[: rows[1], : columns[1]].mean(dtype=np.float64)
    assert found[len(LEVELS)] == np.float32(first)
    assert (np.diff(found[: len(LEVELS)]) >= 0).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_no_number_differs_by_more_than_the_pixels(dtype: str) -> None:
    pixels = noise(dtype)
    random = np.random.default_rng(4)
    for most in (1, 4):
        other = (pixels + random.integers(-most, most + 1, pixels.shape)).clip(0, 255).astype(dtype)
        largest = np.abs(other.astype(float) - pixels).max()
        difference = np.abs(fingerprint(other) - fingerprint(pixels)).max()
        assert 0 < difference <= largest + 1e-4


def test_one_pixel_shows() -> None:
    pixels = noise("uint8")
    other = pixels.copy()
    other[77, 33] ^= 1
    assert not np.array_equal(fingerprint(other), fingerprint(pixels))


def test_extremes_of_a_type_and_what_is_no_number() -> None:
    assert set(fingerprint(np.full((5000, 16), 65535, np.uint16)).tolist()) == {65535.0}
    assert set(fingerprint(np.full((5000, 16), -32768, np.int16)).tolist()) == {-32768.0}
    odd = np.array([[np.nan, 8], [np.inf, 0]], np.float32)
    assert fingerprint(odd).max() == 8
    huge = np.full((300, 20), 3e38, np.float32)
    assert set(fingerprint(huge).tolist()) == {float(huge[0, 0])}


def test_a_result_has_them_as_its_schema_says(tmp_path: Path) -> None:
    """Also for slices kept from a journal that has none, as earlier versions wrote it."""
    write_small_stack(tmp_path, 3)
    file = write_protocol(tmp_path, {})
    api.run(file, workers=1)
    written = (tmp_path / "out" / "fingerprints.json").read_text()
    content = json.loads(written)
    Draft7Validator(resources.schema("fingerprints")).validate(content)
    assert [entry["slice"] for entry in content["slices"]] == [0, 1, 2]
    assert {"stack/s0.tif", "stack/s1.tif", "stack/s2.tif"} <= content["files"].keys()

    journal = tmp_path / "out" / "journal.jsonl"
    lines = [_read_line(line) for line in journal.read_text().splitlines()]
    for entry in lines:
        entry.pop("fingerprint", None)
    journal.write_text("".join(_line(entry.pop("entry"), entry) for entry in lines))
    (tmp_path / "out" / "run.json").unlink()
    heard: list[str] = []
    api.run(file, workers=1, listener=lambda kind, _: heard.append(kind))
    assert heard.count("slice kept") + heard.count("slice") == heard.count("slice kept")
    again = json.loads((tmp_path / "out" / "fingerprints.json").read_text())
    assert again["slices"] == content["slices"]
    assert all(row.fingerprint for row in Ledger().read([journal]).slices.values())
