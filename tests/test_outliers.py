"""A scale that few pixels set is said, with what to do about it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile

from stackmend import api
from stackmend.kernels.outliers import pixels_that_make_the_range

IMAGE = np.random.default_rng(0).integers(20, 120, (96, 128)).astype(np.uint16) * 20


def with_odd(count: int, value: int = 65535) -> np.ndarray:
    image = IMAGE.copy()
    image.ravel()[7 : 7 + count] = value
    return image


@pytest.mark.parametrize(("count", "found"), [(0, 0), (1, 1), (2, 0), (5000, 0)])
def test_few_are_less_than_one_in_ten_thousand(count: int, found: int) -> None:
    assert pixels_that_make_the_range(with_odd(count)) == found


def test_constant_and_dark_ones() -> None:
    assert pixels_that_make_the_range(np.zeros((9, 9), np.uint8)) == 0
    assert pixels_that_make_the_range(with_odd(1, 0).astype(np.int16) - 30000) == 0
    dark = with_odd(0).astype(np.float32)
    dark[5, 5] = -1e6
    assert pixels_that_make_the_range(dark) == 1


@pytest.mark.parametrize(("how", "said"), [("", True), (", percentiles: [0.1, 99.9]", False)])
def test_a_run_names_the_parameter(tmp_path: Path, how: str, said: bool) -> None:
    (tmp_path / "cell").mkdir()
    for number in range(2):
        tifffile.imwrite(tmp_path / "cell" / f"{number}.tif", with_odd(number))
    text = f"chain: [{{step: standardize{how}}}, {{step: destandardize}}]"
    file = tmp_path / "p.yaml"
    file.write_text(f"protocol: 1\ninput: {{path: cell}}\noutput: {{path: out}}\n{text}\n")
    warnings = api.run(file, workers=1).record["warnings"]
    assert (
        any("set percentiles" in each and "(in 1 of 2 slices: 1)" in each for each in warnings)
        == said
    )
