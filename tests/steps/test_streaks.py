"""find_streaks and fill_streaks on slices with known truth, and where there is nothing to find."""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import pytest
from PIL import Image as Pictures
from scipy import ndimage

import reference_data
from components import bound, evaluate


def texture(shape, seed=0, contrast=9.0):
    """Round structures and noise, grey levels."""
    rng = np.random.default_rng(seed)
    smooth = ndimage.gaussian_filter(rng.standard_normal(shape), 4)
    return 130 + contrast * smooth / smooth.std() + rng.normal(0, 5, shape)


def charge(shape, row, column, radius=14, level=80.0, tails=(40, 70)):
    """A disk and tails along x between its rows, grey levels."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    core = 1 / (1 + np.exp((np.hypot(y - row, x - column) - radius) / 1.5))
    band = 1 / (1 + np.exp(np.abs(y - row) - radius))
    half = np.sqrt(np.clip(radius**2 - (y - row) ** 2, 0, None))
    gone = np.maximum(np.abs(x - column) - half, 0)
    tail = 0.6 * band * np.exp(-gone / np.where(x < column, *tails))
    return level * np.maximum(core, tail)


def restored(image, *, inverse=False, find=None, fill=None):
    steps = (
        bound("find_streaks", inverse=inverse, **(find or {})),
        bound("fill_streaks", **(fill or {})),
    )
    return evaluate(image, *steps)


def rms(error, where):
    return float(np.sqrt(np.mean(error[where] ** 2)))


@cache
def charged(seed=0, sign=1, shape=(256, 420)):
    truth = np.round(texture(shape, seed))
    added = charge(shape, 120, 190)
    image = np.round(truth + sign * added).astype(np.float32)
    image.flags.writeable = False
    return image, truth, added


@pytest.mark.parametrize("sign", [1, -1])
def test_recovers_a_known_truth(sign):
    image, truth, added = charged(sign=sign)
    made = restored(image, inverse=sign < 0)
    assert len(made["streaks"]) == 1
    high = added > 8
    assert rms(made["image"] - truth, high) < 0.25 * rms(image - truth, high)
    assert rms(made["image"] - truth, ~high) < rms(image - truth, ~high) + 0.3
    assert np.mean(made["charging_mask"][high]) > 0.97


@pytest.mark.parametrize("sign", [1, -1])
def test_the_wrong_polarity_finds_nothing(sign):
    image = charged(sign=sign)[0]
    assert restored(image, inverse=sign > 0)["image"].tobytes() == image.tobytes()


def test_charge_across_the_scan_line_is_not_charge():
    turned = np.ascontiguousarray(charged(shape=(256, 256))[0].T)
    assert not restored(turned)["charging_mask"].any()


def test_outside_the_mask_nothing_changes():
    image, *_ = charged()
    made = restored(image)
    outside = ~made["charging_mask"]
    assert outside.any()
    assert made["image"][outside].tobytes() == image[outside].tobytes()
    assert not np.array_equal(made["image"], image)


CLEAN = {
    "constant": np.full((90, 120), 7.0),
    "noise": np.random.default_rng(1).normal(100, 20, (200, 300)),
    "texture": texture((256, 256), 3),
    "small": texture((40, 40), 4),
    "flat": texture((64, 600), 5),
    "one row": texture((1, 300), 6),
    "one column": texture((300, 1), 7),
    "half blank": np.where(np.arange(200)[:, None] < 100, 0, texture((200, 240), 8)),
    "odd": texture((131, 257), 9),
    "lines that differ": texture((200, 300), 10) + np.random.default_rng(2).normal(0, 9, (200, 1)),
}


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("name", CLEAN)
def test_clean_slices_stay_as_they_are(name, inverse):
    image = CLEAN[name].astype(np.float32)
    made = restored(image, inverse=inverse)
    assert not made["charging_mask"].any()
    assert made["image"].tobytes() == image.tobytes()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_none_are_refused(value):
    image = charged()[0].copy()
    image[3, 4] = value
    with pytest.raises(Exception, match=r"find_streaks: charge_unit .*finite grey levels"):
        restored(image)


@pytest.mark.parametrize(("row", "column"), [(8, 190), (248, 190), (120, 2), (120, 417)])
def test_a_mask_may_touch_the_frame(row, column):
    truth = texture((256, 420), 11)
    added = charge(truth.shape, row, column, level=100)
    made = restored((truth + added).astype(np.float32))
    assert np.all(np.isfinite(made["image"]))
    high = added > 8
    assert rms(made["image"] - truth, high) <= 1.02 * rms(added, high)


def test_deep_data_give_what_their_unit_says():
    image, _, _ = charged()
    made, deep = restored(image), restored(image * np.float32(256), find={"unit": 256})
    assert np.array_equal(made["charging_mask"], deep["charging_mask"])
    np.testing.assert_allclose(deep["image"] / 256, made["image"], atol=1e-4)


def test_the_unit_of_deep_data_comes_from_the_slice():
    image, _, _ = charged()
    unit = restored(image * np.float32(200))["charge_unit"]
    low, high = np.percentile(image * 200, [0.1, 99.9])
    assert unit == pytest.approx((high - low) / 200, rel=0.01)
    assert restored(image)["charge_unit"] == 1
    assert restored(image, inverse=True)["charge_unit"] == -1


def test_strength_takes_off_a_share():
    image = charged()[0]
    whole, half, none = (
        restored(image, fill={"strength": share})["image"] for share in (1, 0.5, 0)
    )
    np.testing.assert_allclose(image - half, (image - whole) / 2, atol=1e-4)
    assert np.array_equal(none, image)


@pytest.mark.parametrize("border", [0, 1, 7])
def test_the_border_fades_inside_the_mask(border):
    made = restored(charged()[0], fill={"border": border})
    inside = ndimage.distance_transform_cdt(
        np.pad(made["charging_mask"], 99, mode="edge"), metric="taxicab"
    )
    expected = np.minimum(inside[99:-99, 99:-99] / (border + 1), 1)
    np.testing.assert_allclose(made["streak_weight"], expected, atol=1e-6)


def reference(*names):
    return np.asarray(Pictures.open(reference_data.FOLDER.joinpath("data", *names)), np.float32)


@reference_data.needs_reference
@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize(
    "names",
    [
        ("fibsem_clean", "iso.03542.png"),
        ("celegans", "c_elegans_em_z0000.tif"),
        ("celegans", "c_elegans_em_z0003.tif"),
        ("celegans", "c_elegans_em_z0012.tif"),
    ],
    ids=lambda names: names[-1],
)
def test_clean_tissue_stays_as_it_is(names, inverse):
    image = reference(*names)
    assert restored(image, inverse=inverse)["image"].tobytes() == image.tobytes()


@reference_data.needs_reference
def test_the_charged_yeast():
    image, core = reference("SEM_yeast.tif"), reference("SEM_yeast_label.tif") > 0
    rows, columns = (np.flatnonzero(core.any(axis=axis)) for axis in (1, 0))
    beside = np.r_[rows[0] - 35 : rows[0] - 15, rows[-1] + 15 : rows[-1] + 35]
    made = restored(image, inverse=True)["image"]
    around = made[beside, columns[0] : columns[-1]].mean()
    assert abs(made[core].mean() - around) < 10
    for left, right in ((columns[0] - 120, columns[0] - 20), (columns[-1] + 20, columns[-1] + 120)):
        level = made[rows[0] + 8 : rows[-1] - 7, left:right].mean()
        assert abs(level - made[beside, left:right].mean()) < 5
    assert restored(image)["image"].tobytes() == image.tobytes(), "dark charge is not bright"

    # No line along the rims of the core or the tails: 1.5 times the noise of 3.9 at the most.
    for rim, left in product((rows[0] + 1, rows[-1] - 1), range(400, 1600, 25)):
        levels = made[:, left : left + 50].mean(axis=1)
        for row in range(rim - 8, rim + 9):
            sides = levels[row - 14 : row - 8].mean() + levels[row + 9 : row + 15].mean()
            assert abs(levels[row - 2 : row + 3].mean() - sides / 2) < 5.9
