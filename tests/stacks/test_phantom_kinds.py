"""Tissue and charge of many kinds: known, clean where it says so, and hard for a wrong method."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from stackmend.stacks import open_phantom
from stackmend.stacks.phantom_model import Phantom

KINDS = ("streaks", "blobs", "rings", "faded", "saturated")
RICH = Phantom(
    slices=9,
    height=160,
    width=224,
    seed=3,
    contrast=0.2,
    radius=9.0,
    tail=40.0,
    step=1.5,
    centres=5,
    tissue="cells",
    charge=KINDS,
    every=3,
)
CHARGED = [1, 4, 5, 7]  # the second time, it lasts over two slices


def charge_of(phantom: Phantom, index: int) -> NDArray[np.float64]:
    exact = replace(phantom, dtype="float32")
    return exact.image(index).astype(np.float64) - exact.clean(index)


def test_charged_slices_are_those_that_were_asked_for() -> None:
    for index in range(RICH.slices):
        charged = not np.array_equal(RICH.image(index), RICH.clean(index))
        assert charged == (index in CHARGED)


def test_charge_that_lasts_is_at_the_same_place_and_weaker() -> None:
    first, second, other = (charge_of(RICH, index) for index in (4, 5, 7))
    assert np.corrcoef(first.ravel(), second.ravel())[0, 1] > 0.9
    assert abs(np.corrcoef(first.ravel(), other.ravel())[0, 1]) < 0.5
    blobs = replace(RICH, charge=("blobs",))
    assert 0.6 < charge_of(blobs, 5).min() / charge_of(blobs, 4).min() < 0.8


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_the_truth_is_the_same_tissue_with_the_same_noise(dtype: str) -> None:
    phantom = replace(RICH, dtype=dtype)
    reader: Any = open_phantom(
        {**{name: getattr(phantom, name) for name in phantom.__dataclass_fields__}}
    )
    without = replace(phantom, charge=())
    for index in (1, 2):
        assert reader.read(index).dtype == dtype
        assert np.array_equal(reader.truth(index), without.image(index))
    faint = np.abs(charge_of(phantom, 1)) == 0
    assert faint.mean() > 0.1
    assert np.array_equal(phantom.image(1)[faint], phantom.clean(1)[faint])


def test_the_order_of_the_slices_and_the_length_of_the_stack_do_not_matter() -> None:
    backward = [RICH.image(index) for index in reversed(range(9))][::-1]
    longer = replace(RICH, slices=500)
    assert all(np.array_equal(RICH.image(i), backward[i]) for i in range(9))
    assert all(np.array_equal(longer.image(i), backward[i]) for i in range(9))


def test_neighbours_resemble_each_other_more_than_strangers() -> None:
    quiet = replace(RICH, slices=200, noise=0.0, dtype="float32")
    first = quiet.clean(0).ravel()
    alike = [np.corrcoef(first, quiet.clean(index).ravel())[0, 1] for index in (1, 4, 150)]
    assert alike[0] > 0.8
    assert alike[0] > alike[1] > alike[2] + 0.2


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": 4},
        {"dtype": "uint16"},
        {"polarity": "bright"},
        {"centres": 4},
        {"strength": 0.3},
        {"radius": 7.0},
        {"tail": 60.0},
        {"streaks": 0.6},
        {"noise": 0.05},
        {"contrast": 0.1},
        {"cell": 70.0},
        {"step": 3.0},
        {"tissue": "plain"},
        {"every": 4},
        *({"charge": (kind,)} for kind in KINDS),
    ],
    ids=str,
)
def test_every_parameter_has_an_effect(changed: dict[str, Any]) -> None:
    assert not np.array_equal(replace(RICH, **changed).image(4), RICH.image(4))


@pytest.mark.parametrize(("polarity", "sign"), [("dark", -1), ("bright", 1)])
@pytest.mark.parametrize("kind", ["streaks", "blobs", "rings", "saturated"])
def test_every_kind_has_the_sign_of_the_polarity(kind: str, polarity: str, sign: int) -> None:
    charge = charge_of(replace(RICH, charge=(kind,), polarity=polarity), 1)
    assert sign * charge[charge != 0].min() > 0 or sign * charge[charge != 0].max() > 0
    assert np.all(sign * charge > -1e-6)
    assert np.abs(charge).max() > 0.15


def test_both_signs_occur_and_none_is_none() -> None:
    both = charge_of(replace(RICH, polarity="both"), 1)
    assert both.min() < -0.1
    assert both.max() > 0.1
    assert not charge_of(replace(RICH, polarity="none"), 1).any()
    assert not charge_of(replace(RICH, centres=0), 1).any()


def test_streaks_are_long_and_end_sharply_above_and_below() -> None:
    charge = -charge_of(replace(RICH, charge=("streaks",), centres=1, streaks=0.0), 1)
    rows, columns = np.nonzero(charge > 0.03)
    assert np.ptp(columns) > 4 * np.ptp(rows)
    across = np.abs(np.diff(charge, axis=0)).max()
    core = charge > 0.9 * charge.max()
    tails = ~ndimage.binary_dilation(core, iterations=12)
    assert np.abs(np.diff(charge, axis=0))[tails[1:]].max() > 0.4 * across
    assert np.abs(np.diff(charge, axis=1))[tails[:, 1:]].max() < 0.1 * across


def test_a_ring_is_open_and_a_blob_is_not() -> None:
    for kind, high in (("rings", False), ("blobs", True)):
        charge = -charge_of(replace(RICH, charge=(kind,), centres=1), 1)
        y, x = (round(place) for place in ndimage.center_of_mass(charge))
        assert (charge[y, x] > 0.5 * charge.max()) == high


def test_contrast_is_lost_where_the_slice_fades() -> None:
    quiet = replace(RICH, charge=("faded",), centres=1, noise=0.0, dtype="float32")
    image, clean = quiet.image(1), quiet.clean(1)
    y, x = (round(place) for place in ndimage.center_of_mass(np.abs(image - clean)))
    place = (slice(y - 8, y + 9), slice(x - 8, x + 9))
    image, clean = (ndimage.gaussian_laplace(each, 1)[place] for each in (image, clean))
    assert image.std() < 0.5 * clean.std()


@pytest.mark.parametrize(("polarity", "end"), [("dark", 0), ("bright", 1)])
def test_saturated_cores_are_at_the_end_of_the_range(polarity: str, end: int) -> None:
    phantom = replace(RICH, charge=("saturated",), polarity=polarity, centres=2, strength=0.1)
    for dtype, top in (("uint8", 255), ("int16", 32767), ("float32", 1)):
        image = replace(phantom, dtype=dtype).image(1)
        assert np.count_nonzero(image == end * top) > 100


def test_some_membranes_follow_the_scan_line() -> None:
    quiet = replace(RICH, height=384, width=512, noise=0.0, contrast=0.2, dtype="float32")
    clean = quiet.clean(0)
    dark = ndimage.gaussian_filter(clean, (8, 1)) - ndimage.gaussian_filter(clean, (1, 1))
    widened = ndimage.grey_dilation(dark, (3, 1))
    assert ndimage.grey_erosion(widened, (1, 101))[:, 60:-60].max() > 0.04


def test_tissue_has_dark_and_bright_structures() -> None:
    clean = replace(RICH, height=384, width=512, noise=0.0, dtype="float32").clean(0)
    opened = ndimage.grey_opening(ndimage.median_filter(clean, 5), 5)
    closed = ndimage.grey_closing(ndimage.median_filter(clean, 5), 5)
    assert opened.max() > np.median(clean) + 0.1
    assert closed.min() < np.median(clean) - 0.1


@pytest.mark.parametrize(
    "extreme",
    [
        {"height": 64, "width": 64, "radius": 500.0, "tail": 5000.0},
        {"height": 65, "width": 97, "cell": 5000.0},
        {"height": 64, "width": 301, "cell": 40.0, "step": 1000.0},
        {"slices": 1, "every": 1, "contrast": 0.0, "noise": 0.0},
        {"slices": 100000, "every": 100000, "height": 64, "width": 64, "step": 1e-3},
        {"height": 64, "width": 64, "centres": 200, "radius": 2.0, "tail": 1e-3},
    ],
    ids=str,
)
def test_extreme_parameters_give_slices(extreme: dict[str, Any]) -> None:
    phantom = replace(RICH, **extreme)
    for index in {0, phantom.slices // 2, phantom.slices - 1}:
        for image in (phantom.image(index), phantom.clean(index)):
            assert image.shape == (phantom.height, phantom.width)
    assert np.isfinite(replace(phantom, dtype="float32").image(0)).all()


def test_the_earlier_kind_may_be_mixed_in_and_also_leaves_slices_clean() -> None:
    mixed = replace(RICH, charge=("centres", "rings"), persistence=9.0)
    alone = replace(mixed, charge=("centres",))
    for phantom in (mixed, alone):
        assert not charge_of(phantom, 2).any()
        assert charge_of(phantom, 1).any()
    assert not np.array_equal(mixed.image(1), alone.image(1))
