"""Transforms of slices: composed, carried, read from others, and the canvas they need."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from stackmend.kernels import transforms
from stackmend.kernels.resampling import warped

SHAPE = (60, 80)


def turned(degrees, shift=(0, 0), shape=SHAPE):
    angle = np.deg2rad(degrees)
    linear = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    return transforms.about(np.column_stack([linear, shift]), transforms.centre_of(shape))


def test_the_first_comes_first_and_the_inverse_leads_back():
    one, other = turned(20, (3, -1)), turned(-7, (0.5, 4))
    points = transforms.corners(SHAPE)
    both = transforms.moved(one, transforms.moved(other, points))
    np.testing.assert_allclose(transforms.moved(transforms.composed(one, other), points), both)
    back = transforms.composed(transforms.inverse(one), one)
    np.testing.assert_allclose(back, transforms.identity(), atol=1e-12)
    with pytest.raises(ValueError, match="inverted"):
        transforms.inverse(np.zeros((2, 3)))


def test_a_crop_moves_as_the_slice_does():
    image = np.random.default_rng(0).random(SHAPE).astype(np.float32)
    matrix = turned(10, (2, 1))
    whole = warped(image, matrix)
    carried = transforms.carried(matrix, (20, 30))
    # The crop reads beyond itself, so it is compared with the slice as it lies around it.
    inner = warped(image, transforms.composed(transforms.translation((20, 30)), carried))
    np.testing.assert_allclose(inner[:30, :40], whole[20:50, 30:70], atol=1e-5)


def test_scaled_transforms_move_the_same_outer_edges():
    matrix = turned(15, (2, -3))
    finer = transforms.scaled(matrix, (2, 4))
    points = np.array([[0.0, 0.0], [7.0, 11.0], [59.0, 79.0]])
    there = (transforms.moved(matrix, points) + 0.5) * (2, 4) - 0.5
    np.testing.assert_allclose(transforms.moved(finer, (points + 0.5) * (2, 4) - 0.5), there)
    np.testing.assert_allclose(transforms.scaled(finer, (0.5, 0.25)), matrix, atol=1e-12)


def test_whole_translations():
    found = transforms.rounded(transforms.translation((1.5, -2.6)))
    assert found[:, 2].tolist() == [2, -3]
    with pytest.raises(ValueError, match="translation"):
        transforms.rounded(turned(1))


def test_nearest_rotation_is_the_nearest():
    point, blurred = (10.0, 5.0), turned(12, (1, 2))
    blurred[:, :2] += [[0.01, 0.02], [0.0, -0.01]]
    found = transforms.nearest_rotation(blurred, point)
    distance = np.linalg.norm(found[:, :2] - blurred[:, :2])
    for angle in (-0.01, 0.01):
        other = transforms.composed(turned(np.rad2deg(angle)), found)
        assert np.linalg.norm(other[:, :2] - blurred[:, :2]) > distance
    np.testing.assert_allclose(
        transforms.moved(found, np.array(point)), transforms.moved(blurred, np.array(point))
    )


def test_stackreg_and_imod_are_read_by_what_they_do():
    # StackReg: x' = 3 + y, y' = 5 + x.
    swapped = transforms.from_stackreg(np.array([[0, 1, 3], [1, 0, 5], [0, 0, 1.0]]))
    assert transforms.moved(swapped, np.array([10.0, 20.0])).tolist() == [25, 13]
    # IMOD moves what is in the slice: 4 px to the right and 2 px up, where rows count downwards.
    moved = transforms.from_imod((1, 0, 0, 1, 4, 2), SHAPE)
    np.testing.assert_allclose(moved, transforms.translation((2, -4)))
    # A turn about the centre against the clock, as one sees it: the right goes to the top.
    quarter = transforms.from_imod((0, -1, 1, 0, 0, 0), SHAPE)
    centre = transforms.centre_of(SHAPE)
    stored = transforms.from_imod((0, -1, 1, 0, 4, 2), SHAPE, upwards=True)
    seen = transforms.from_imod((0, -1, 1, 0, 4, 2), SHAPE)
    point, last = np.array([12.0, 7.0]), SHAPE[0] - 1
    flipped = transforms.moved(seen, np.array([last - point[0], point[1]]))
    there = [last - flipped[0], flipped[1]]
    np.testing.assert_allclose(transforms.moved(stored, point), there, atol=1e-12)
    top, right = centre + np.array([-10, 0]), centre + np.array([0, 10])
    np.testing.assert_allclose(transforms.moved(quarter, top), right, atol=1e-12)


def test_canvas_of_translations():
    moves = [transforms.translation(shift) for shift in ((0, 0), (3, -2.5), (-1, 4))]
    assert transforms.canvas_of(moves, SHAPE, "input") == ((0, 0), SHAPE)
    # Slice pixels 0 to 59 lie at -3 to 56 and 1 to 60 of the aligned rows.
    assert transforms.canvas_of(moves, SHAPE, "union") == ((-3, -4), (64, 87))
    assert transforms.canvas_of(moves, SHAPE, "intersection") == ((1, 3), (56, 73))
    far = [transforms.identity(), transforms.translation((100, 0))]
    with pytest.raises(ValueError, match="no rectangle"):
        transforms.canvas_of(far, SHAPE, "intersection")
    with pytest.raises(ValueError, match="canvas"):
        transforms.canvas_of(moves, SHAPE, "all")


def test_every_slice_covers_the_intersection_where_slices_turn():
    moves = [turned(angle, (angle, -angle)) for angle in (0, 4, -6)]
    origin, shape = transforms.canvas_of(moves, SHAPE, "intersection")
    for each in moves:
        inside = warped(np.ones(SHAPE, np.float32), each, origin=origin, shape=shape, fill=np.nan)
        assert np.isfinite(inside).all()
    origin, shape = transforms.canvas_of(moves, SHAPE, "union")
    for each in moves:
        places = transforms.moved(transforms.inverse(each), transforms.corners(SHAPE)) - origin
        assert (places >= -1e-6).all()
        assert (places <= np.array(shape) - 1 + 1e-6).all()


@pytest.mark.parametrize("order", [0, 1, 3, 5])
def test_warped_is_the_spline_of_scipy(order):
    image = np.random.default_rng(order).random((40, 37)).astype(np.float32) * 200
    matrix = np.array([[0.98, 0.03, 1.37], [-0.05, 1.02, -2.21]])
    found = warped(image, matrix, order=order, fill=np.nan)
    how = {"order": order, "mode": "mirror"}
    asked = ndimage.affine_transform(image.astype(float), matrix[:, :2], matrix[:, 2], **how)
    within = ndimage.affine_transform(
        np.ones(image.shape), matrix[:, :2], matrix[:, 2], order=0, mode="constant", cval=0
    )
    places = (within > 0) & (np.indices(image.shape) > 3).all(axis=0)
    places &= (np.indices(image.shape) < 33).all(axis=0)
    np.testing.assert_allclose(found[places], asked[places], atol=2e-3)


@pytest.mark.parametrize("order", [0, 1, 3, 5])
def test_whole_shifts_give_the_pixels_themselves(order):
    image = np.random.default_rng(1).random((20, 30)).astype(np.float32)
    found = warped(image, transforms.translation((2, -3)), order=order)
    np.testing.assert_array_equal(found[:18, 3:], image[2:, :27])
    assert (found[18:] == 0).all()
    assert (found[:, :3] == 0).all()
    edge = warped(image, transforms.translation((2, -3)), order=order, fill="edge")
    np.testing.assert_array_equal(
        edge, image[np.minimum(np.arange(20) + 2, 19)][:, np.maximum(np.arange(30) - 3, 0)]
    )
    same = warped(image, transforms.identity(), order=order, origin=(2, -3), shape=(18, 27))
    np.testing.assert_array_equal(same, found[:18, :27])


def test_orders_that_there_are():
    with pytest.raises(ValueError, match="order"):
        warped(np.zeros((8, 8), np.float32), transforms.identity(), order=2)
