"""What a protocol was tuned for: written by a search, held against other stacks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import yaml

from conftest import CHAIN, OPTIMIZE
from stackmend import api


def write(folder: Path, stack: np.ndarray, **sections: Any) -> Path:
    """A protocol and its stack in a folder."""
    (folder / "cell").mkdir(parents=True)
    for number, image in enumerate(stack):
        tifffile.imwrite(folder / "cell" / f"{number}.tif", image)
    content = {
        "protocol": 1,
        "input": {"path": "cell", "pixel_size": 5},
        "output": {"path": "result"},
        "chain": CHAIN,
        **sections,
    }
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def warned(file: Path, **given: Any) -> dict[str, str]:
    problems = api.check(file, **given).draft.problems
    assert all(problem.severity == "warning" for problem in problems)
    return {problem.path: problem.message for problem in problems}


@pytest.fixture(scope="module")
def envelope(
    tmp_path_factory: pytest.TempPathFactory, charged: Callable[..., np.ndarray]
) -> dict[str, Any]:
    """What a search has left of its slices."""
    folder = tmp_path_factory.mktemp("tuned")
    file = write(folder, charged(3), optimize=OPTIMIZE)
    record = api.run(file, workers=1).record
    rows = (folder / "result" / "slices.csv").read_text(encoding="utf-8").splitlines()
    row = dict(zip(rows[0].split(","), rows[2].split(","), strict=True))  # slice 1 is searched on
    found = record["envelope"]
    assert found["mean"] == pytest.approx([float(row["mean_before"])] * 2, rel=1e-3)
    assert found["std"] == pytest.approx([float(row["std_before"])] * 2, rel=1e-3)
    assert found["noise"] == pytest.approx([float(row["noise_before"])] * 2, rel=1e-3)
    pixels = charged(1)[0].size
    assert found["masked"] == pytest.approx([float(row["mask_area"]) / pixels] * 2, rel=1e-3)
    assert found["dtype"] == "uint8"
    assert found["pixel_size"] == [5, 5]
    return {key: value for key, value in found.items() if value is not None}


PLAIN = [{"step": "standardize"}, {"step": "destandardize"}]


def test_the_same_kind_of_stack_is_inside(tmp_path, charged, envelope):
    assert warned(write(tmp_path, charged(4), envelope=envelope, chain=PLAIN)) == {}


@pytest.mark.parametrize(
    ("change", "key", "said"),
    [
        (lambda stack: np.clip(stack.astype(int) + 90, 0, 255), "mean", "times above"),
        (lambda stack: stack // 4, "std", "times below"),
        (
            lambda stack: np.clip(
                stack + np.random.default_rng(1).normal(0, 25, stack.shape), 0, 255
            ),
            "noise",
            "times above",
        ),
    ],
)
def test_what_lies_outside_is_said_with_by_how_much(tmp_path, charged, envelope, change, key, said):
    other = np.asarray(change(charged(4))).astype(np.uint8)
    found = warned(write(tmp_path, other, envelope=envelope, chain=PLAIN))
    assert said in found[f"envelope.{key}"]
    assert "this was tuned for" in found[f"envelope.{key}"]


def test_other_pixels_and_types_are_said(tmp_path, charged, envelope):
    file = write(tmp_path, charged(2).astype(np.uint16) * 200, envelope=envelope, chain=PLAIN)
    found = warned(file, set={"input.pixel_size": "[10, 5]"})
    assert set(found) == {"envelope.dtype", "envelope.pixel_size"}
    assert "2 times those it was tuned for" in found["envelope.pixel_size"]
    assert "cell is uint16; this was tuned for uint8" in found["envelope.dtype"]


def test_an_unknown_pixel_size_is_said(tmp_path, charged, envelope):
    file = write(tmp_path, charged(2), envelope=envelope, chain=PLAIN, input={"path": "cell"})
    assert "does not say the size of its pixels" in warned(file)["envelope.pixel_size"]


def test_a_run_says_it_too(tmp_path, charged, envelope):
    file = write(tmp_path, charged(2) // 4, envelope=envelope, chain=PLAIN)
    record = api.run(file, workers=1).record
    assert any("this was tuned for" in warning for warning in record["warnings"])
    assert record["envelope"] is None


def test_a_run_that_masks_much_more_says_so(tmp_path, charged):
    file = write(tmp_path, charged(2), envelope={"masked": [0.0001, 0.0002]})
    values = {"find_charging.gf1_sigma": "12", "correct_charging.rb_radius": "5"}
    record = api.run(file, workers=1, set=values).record
    assert any("0.01 % to 0.02 % where the values were chosen" in w for w in record["warnings"])
