"""Lengths in real units: what they are in pixels, where they are written, and what they do."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
import yaml
from hypothesis import given
from hypothesis import strategies as st

from stackmend import api
from stackmend.protocol.lengths import Length, PixelGrid, as_length, in_pixels, measure

SIDE = st.floats(0.5, 500)
NUMBER = {"type": "number", "unit": "px"}
AREA = {"type": "integer", "unit": "px²"}


@given(number=st.floats(0.001, 1e6), y=SIDE, x=SIDE)
def test_a_length_has_as_many_pixels_as_fit(number, y, x):
    grid = PixelGrid(y, x, 1000)
    text = f"{number:.17f} nm"
    pixels = in_pixels(as_length(text, "px"), NUMBER, grid)
    assert pixels * (y * x) ** 0.5 == pytest.approx(float(text.split()[0]), rel=1e-9)
    along = in_pixels(as_length(text, "px"), {**NUMBER, "axis": "x"}, grid)
    assert along * x == pytest.approx(number, rel=1e-9)
    micro = in_pixels(Length(number / 1000, "um"), NUMBER, grid)
    assert micro == pytest.approx(pixels, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "declared", "pixels"),
    [
        ("40 nm", NUMBER, 8),
        ("0.04um", NUMBER, 8),
        ("0.04 µm", NUMBER, 8),
        ("3 %", NUMBER, 30),
        ("12.5 px", NUMBER, 12.5),
        ("33 nm", {**NUMBER, "type": "integer"}, 7),
        ("1000 nm2", AREA, 40),
        ("0.001 um²", AREA, 40),
        ("40 px", AREA, 40),
    ],
)
def test_units(text, declared, pixels):
    assert in_pixels(as_length(text, declared["unit"]), declared, PixelGrid(5, 5, 1000)) == pixels


@pytest.mark.parametrize("text", ["nm", "40 furlong", "-4 nm", "1e3 nm", "4 nm2", "40,5 nm", ""])
def test_other_texts_are_no_lengths(text):
    assert as_length(text, "px") == text


def test_what_is_measured_in_other_units_takes_no_lengths():
    assert as_length("40 nm", "slices") == "40 nm"
    assert measure(True) is None
    assert measure("40 nm") == (40, "nm")


def protocol(folder: Path, pixel_size: object, **find: object) -> Path:
    content = {
        "protocol": 1,
        "input": {"path": "cell", **({"pixel_size": pixel_size} if pixel_size else {})},
        "output": {"path": "result"},
        "chain": [
            {"step": "standardize"},
            {"step": "find_charging", "inverse": True, **find},
            {"step": "correct_charging", "gf2_sigma": "40 nm", "border": "31 nm"},
            {"step": "destandardize"},
        ],
    }
    file = folder / "p.yaml"
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def cells(nm: float, seed: int) -> np.ndarray:
    """A piece of tissue of 3 x 4 um with three dark blobs, seen with pixels of some nm."""
    y, x = np.meshgrid(np.arange(nm / 2, 3000, nm), np.arange(nm / 2, 4000, nm), indexing="ij")
    image = 140 + 12 * np.sin(x / 210) * np.cos(y / 170) + 6 * np.sin((x + 2 * y) / 90)
    for at_y, at_x, size in ((700, 900, 130), (1800, 2600, 180), (2300, 1100, 110)):
        distance = np.hypot(y - at_y, x - at_x) / size
        image -= 70 * np.exp(-(distance**6))
    noise = np.random.default_rng(seed).normal(0, 15 / nm, image.shape)  # of as many electrons
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def masked(file: Path, nm: float) -> np.ndarray:
    """What is marked, in steps of 10 nm."""
    trial = api.trial(file, set={"optimize.slices": "[0]"})
    mask = trial.products(0, None, ["charging_mask"])["charging_mask"]
    whole = round(10 / nm)
    return mask[whole // 2 :: whole, whole // 2 :: whole]


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """The Dice coefficient."""
    return 2 * (one & other).sum() / (one.sum() + other.sum())


def test_a_protocol_in_nm_marks_the_same_at_half_the_pixel_size(tmp_path):
    shift = {"color_shift": 0.3}  # above the waves of the tissue
    found: dict[str, list[np.ndarray]] = {"nm": [], "px": []}
    for nm in (10, 5):
        folder = tmp_path / str(nm)
        (folder / "cell").mkdir(parents=True)
        tifffile.imwrite(folder / "cell" / "0.tif", cells(nm, 1))
        size = {"sweep": ["120 nm", "2000 nm"]}
        file = protocol(folder, nm, gf1_sigma=size, min_area="5000 nm2", **shift)
        found["nm"].append(masked(file, nm))
        size = {"sweep": [12, 200]}
        file = protocol(folder, nm, gf1_sigma=size, min_area=50, **shift)
        found["px"].append(masked(file, nm))
    assert found["nm"][0].sum() > 500
    assert overlap(*found["nm"]) >= 0.9
    assert overlap(*found["px"]) < 0.8


def test_the_record_has_a_length_both_ways(tmp_path, charged):
    (tmp_path / "cell").mkdir()
    tifffile.imwrite(tmp_path / "cell" / "0.tif", charged(1)[0])
    file = protocol(tmp_path, [4, "0.009 um"], gf1_sigma="48 nm", min_area=20)
    warning = api.check(file).draft.problems
    assert [problem.severity for problem in warning] == ["warning"]
    assert "4 x 9 nm (y, x)" in warning[0].message
    assert "geometric mean, 6 nm" in warning[0].message
    record = api.run(file).record
    chain = {step["id"]: step["parameters"] for step in record["chain"]}
    find, correct = chain["find_charging"], chain["correct_charging"]
    assert find["gf1_sigma"] == {
        "value": 8,
        "origin": find["gf1_sigma"]["origin"],
        "given": "48 nm",
        "length": "48 nm",
    }
    assert "given" not in find["min_area"]
    assert find["min_area"]["length"] == "720 nm2"
    assert "length" not in find["color_shift"]
    # Whole pixels are rounded to; the record says both.
    assert correct["border"]["value"] == 5
    assert correct["border"]["given"] == "31 nm"
    assert correct["border"]["length"] == "30 nm"
    page = (tmp_path / "result" / "report.html").read_text(encoding="utf-8")
    assert "8 (48 nm)" in page


def test_the_same_pixels_as_a_protocol_in_px(tmp_path, charged):
    (tmp_path / "cell").mkdir()
    tifffile.imwrite(tmp_path / "cell" / "0.tif", charged(1)[0])
    file = protocol(tmp_path, 5, gf1_sigma="40 nm")
    first = api.run(file, output=tmp_path / "nm").record
    values = {"gf1_sigma": "8", "gf2_sigma": "8", "border": "6"}
    steps = {"gf1_sigma": "find_charging", "gf2_sigma": "correct_charging"}
    pixels = {f"{steps.get(n, 'correct_charging')}.{n}": text for n, text in values.items()}
    second = api.run(file, output=tmp_path / "px", set=pixels).record
    assert first["output"]["pixel_hash"] == second["output"]["pixel_hash"]


def test_slices_of_different_pixel_sizes_have_none(tmp_path, charged):
    (tmp_path / "cell").mkdir()
    for number, size in enumerate((5, 10)):
        per_cm = 1e7 / size
        path = tmp_path / "cell" / f"{number}.tif"
        tifffile.imwrite(path, charged(1)[0], resolution=(per_cm, per_cm), resolutionunit=3)
    [problem] = api.check(protocol(tmp_path, None)).draft.problems
    assert "the slices of cell say different things" in problem.message
    assert "input.pixel_size" in problem.message


def test_the_plan_shows_nm(tmp_path, charged):
    (tmp_path / "cell").mkdir()
    tifffile.imwrite(tmp_path / "cell" / "0.tif", charged(1)[0])
    plan = api.plan(protocol(tmp_path, 5, gf1_sigma=12))
    steps = {step["id"]: step for step in plan.steps}
    assert steps["find_charging"]["lengths"]["gf1_sigma"] == ["60 nm"]
    assert "color_shift" not in steps["find_charging"]["lengths"]
