"""Pictures for the screen show what is there: nothing thin gets lost, nothing is made up."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from PIL import Image

from stackmend.tuner.painted import Painted
from stackmend.tuner.pictures import (
    Window,
    difference_picture,
    grey_picture,
    mask_picture,
    range_of,
    reach_of,
    seen,
)
from stackmend.tuner.png import png


def read(picture, mode=None):
    image = Image.open(io.BytesIO(picture))
    return np.asarray(image.convert(mode) if mode else image)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(1).integers(0, 256, (31, 47), np.uint8)


@pytest.mark.parametrize("level", [0, 1])
def test_a_picture_has_the_pixels_that_were_given(image, level):
    np.testing.assert_array_equal(read(png(image, level=level)), image)


def test_at_the_scale_of_the_slice_a_picture_is_the_slice(image):
    np.testing.assert_array_equal(read(grey_picture(image, 1, (0, 255))), image)


@pytest.mark.parametrize("dtype", ["uint16", "int16", "float32"])
def test_grey_levels_go_from_black_to_white_in_their_range(dtype):
    image = np.array([[-50, 100, 150, 200, 900]], np.float32).clip(0).astype(dtype)
    np.testing.assert_array_equal(read(grey_picture(image, 1, (100, 200))), [[0, 0, 128, 255, 255]])


def test_larger_pictures_repeat_pixels(image):
    np.testing.assert_array_equal(seen(image, 3), image.repeat(3, 0).repeat(3, 1))
    assert seen(image, 1.5).shape == (47, 71)


def test_the_range_leaves_out_single_odd_pixels():
    image = np.full((400, 400), 100, np.float32)
    image[:200] = 120
    image[0, 0], image[0, 1] = -1e6, 1e6
    assert range_of(image) == (100, 120)
    assert range_of(np.zeros((5, 5))) == (0, 1)


def test_what_is_no_number_is_black_and_sets_no_range():
    field = np.array([[np.nan, 0, 1, np.inf, -np.inf]], np.float32)
    low, high = range_of(field)
    assert 0 <= low < high <= 1
    np.testing.assert_array_equal(read(grey_picture(field, 1, (0, 1))), [[0, 0, 255, 255, 0]])
    assert range_of(field[:, :1]) == (0, 1)
    assert not read(grey_picture(field[:, :1], 1, (3, 3))).any()


def test_a_mask_is_as_opaque_as_what_it_covers():
    mask = np.zeros((8, 8), bool)
    mask[:4, :4], mask[4, 4] = True, True
    alpha = read(mask_picture(mask, 0.25, outline=False), "RGBA")[..., 3]
    np.testing.assert_array_equal(alpha, [[255, 0], [0, 16]])


@pytest.mark.parametrize("scale", [0.2, 0.37, 0.5, 1, 2.5])
def test_the_outline_is_one_pixel_of_the_screen(scale):
    mask = np.zeros((100, 100), bool)
    mask[20:80, 30:90] = True
    outline = read(mask_picture(mask, scale, outline=True), "RGBA")[..., 3] > 0
    filled = seen(mask, scale) > 0
    height, width = filled.any(axis=1).sum(), filled.any(axis=0).sum()
    assert outline.sum() == 2 * (height + width) - 4
    assert not (outline & ~filled).any()


def test_a_thin_mask_is_outlined_however_small_it_is_shown():
    mask = np.zeros((300, 300), bool)
    mask[150, 10:290] = True
    outline = read(mask_picture(mask, 0.1, outline=True), "RGBA")[..., 3]
    assert (outline == 255).sum() == 28


def test_a_mask_that_goes_on_beyond_the_window_has_no_outline_there():
    assert not read(mask_picture(np.ones((9, 9), bool), 1, outline=True), "RGBA")[..., 3].any()


def test_a_difference_is_white_where_there_is_none_and_symmetric():
    before = np.array([[10, 10, 10, 10, 10]], np.uint8)
    after = np.array([[10, 5, 15, 0, 250]], np.uint8)
    red, green, blue = np.moveaxis(
        read(difference_picture(before, after, 1, (-10, 10)), "RGB").astype(int)[0], -1, 0
    )
    assert (red[0], green[0], blue[0]) == (255, 255, 255)
    assert blue[1] == red[2] == blue[3] == red[4] == 255
    np.testing.assert_array_equal([red[1], green[1], blue[2], green[2]], [129, 154, 129, 154])
    assert (red[3], blue[4]) == (0, 0)


def test_the_scale_of_a_difference_reaches_to_the_largest():
    before = np.zeros((20, 20), np.uint8)
    after = before.copy()
    after[3, 3] = 40
    assert reach_of(before, after) == (-40, 40)
    assert reach_of(before, before) == (-1, 1)


@given(
    some.integers(-9, 60),
    some.integers(-9, 60),
    some.integers(-9, 70),
    some.integers(-9, 70),
)
def test_a_window_is_cut_to_what_there_is(y, x, height, width):
    window = Window(y, x, height, width).within((31, 47))
    assert 0 <= window.y < window.y + window.height <= 31
    assert 0 <= window.x < window.x + window.width <= 47


def test_layers_of_a_window_lie_where_they_are_in_the_slice(image):
    whole = Painted((1, 0, 0), False, (0, 0), {"before": image})
    part = Painted((1, 0, 0), True, (5, 7), {"before": image[5:20, 7:40]})
    window = Window(6, 9, 4, 5)
    pictures = [
        each.picture("before", each.inside("before", window), 1, (0, 255)) for each in (whole, part)
    ]
    np.testing.assert_array_equal(read(pictures[0]), image[6:10, 9:14])
    assert pictures[0] == pictures[1]


def test_before_and_after_are_shown_alike(image):
    painted = Painted((1, 0, 0), False, (0, 0), {"before": image, "after": image // 2})
    assert painted.ranges["after"] == painted.ranges["before"]
    assert painted.has("difference")
    assert not painted.has("outline")
    assert not Painted((1, 0, 0), False, (0, 0), {"before": image}).has("difference")
