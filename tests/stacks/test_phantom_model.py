"""The phantom is what tests of other things rely on: reproducible, and charged where it says."""

from __future__ import annotations

import pickle
from dataclasses import asdict, replace

import jsonschema
import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from benchmarks import literal
from stackmend import resources
from stackmend.stacks.phantom_model import Phantom

SMALL = Phantom(slices=6, height=160, width=224, seed=3)


def charge_of(phantom: Phantom, index: int) -> NDArray[np.float64]:
    charged, clean = (
        phantom.image(index).astype(np.float64),
        phantom.clean(index).astype(np.float64),
    )
    return charged - clean


def test_the_same_fields_give_the_same_pixels() -> None:
    again = pickle.loads(pickle.dumps(SMALL))
    assert np.array_equal(SMALL.image(2), again.image(2))
    assert not np.array_equal(SMALL.image(2), replace(SMALL, seed=4).image(2))


def test_the_order_of_the_slices_does_not_matter() -> None:
    forward = [SMALL.image(i) for i in range(SMALL.slices)]
    backward = [SMALL.image(i) for i in reversed(range(SMALL.slices))][::-1]
    assert all(np.array_equal(a, b) for a, b in zip(forward, backward, strict=True))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_shape_type_and_range(dtype: str) -> None:
    phantom = replace(SMALL, dtype=dtype)
    for image in (phantom.image(1), phantom.clean(1)):
        assert image.shape == (160, 224)
        assert image.dtype == dtype
        assert image.flags.c_contiguous
        top = 1.0 if dtype == "float32" else np.iinfo(dtype).max
        assert np.mean((image <= 0) | (image >= top)) < 0.005
        assert 0.3 < image.mean() / top < 0.7


@pytest.mark.parametrize("polarity", ["dark", "bright", "both"])
def test_little_saturates_at_the_default_strength(polarity: str) -> None:
    image = replace(SMALL, polarity=polarity, centres=4).image(3)
    assert np.mean((image == 0) | (image == 255)) < 0.005


@pytest.mark.parametrize(("polarity", "sign"), [("dark", -1), ("bright", 1)])
def test_the_sign_of_the_charge_and_nothing_elsewhere(polarity: str, sign: int) -> None:
    phantom = replace(SMALL, polarity=polarity, dtype="float32")
    charge = charge_of(phantom, 3)
    charged = charge != 0
    assert 0.01 < charged.mean() < 0.5
    assert (sign * charge[charged] > 0).all()
    assert 0.5 * phantom.strength < np.abs(charge).max() <= phantom.strength
    # A centre that is about to vanish may be fainter than any visible threshold, hence the low one.
    far = ndimage.distance_transform_cdt(np.abs(charge) < 0.002) > 20
    assert far.mean() > 0.1
    assert np.array_equal(phantom.image(3)[far], phantom.clean(3)[far])


def test_both_signs_occur() -> None:
    phantom = replace(SMALL, polarity="both", centres=4)
    charges = np.stack([charge_of(phantom, i) for i in range(phantom.slices)])
    assert charges.min() < -20
    assert charges.max() > 20


@pytest.mark.parametrize("phantom", [replace(SMALL, polarity="none"), replace(SMALL, centres=0)])
def test_without_charging_the_slice_is_the_clean_one(phantom: Phantom) -> None:
    assert np.array_equal(phantom.image(0), phantom.clean(0))


def test_the_tail_runs_along_the_scan_line_and_mostly_to_one_side() -> None:
    charge = -charge_of(replace(SMALL, centres=1, persistence=20.0, dtype="float32"), 3)
    y, x = np.unravel_index(ndimage.gaussian_filter(charge, 4).argmax(), charge.shape)
    rows, columns = np.nonzero(charge[max(y - 20, 0) : y + 20] > 0.02)
    assert np.ptp(columns) > 2 * np.ptp(rows)
    assert columns.max() - x > x - columns.min()


def test_neighbouring_slices_resemble_each_other_more_than_distant_ones() -> None:
    quiet = replace(SMALL, slices=20, noise=0.0, dtype="float32")
    first, second, last = (ndimage.median_filter(quiet.clean(i), 3).ravel() for i in (0, 1, 19))
    near, far = np.corrcoef(first, second)[0, 1], np.corrcoef(first, last)[0, 1]
    assert near > 0.7
    assert near > far + 0.2


def test_noise_is_independent_from_slice_to_slice_and_as_strong_as_asked() -> None:
    quiet = replace(SMALL, contrast=0.0, noise=0.04, dtype="float32")
    a, b = (quiet.clean(i).ravel() for i in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.03
    spread = np.subtract(*np.percentile(a, [84.13, 15.87])) / 2
    assert spread == pytest.approx(0.04, rel=0.03)


def test_a_centre_lives_for_a_few_slices() -> None:
    phantom = replace(SMALL, slices=24, centres=1, dtype="float32")
    counts = [np.count_nonzero(charge_of(phantom, i)) > 0 for i in range(24)]
    assert np.mean(counts) > 0.7
    everywhere = np.logical_and.reduce([charge_of(phantom, i) != 0 for i in (0, 12, 23)])
    assert not everywhere.any()


@pytest.mark.parametrize("index", [-1, 6])
def test_a_slice_that_is_not_there(index: int) -> None:
    with pytest.raises(IndexError, match="must be from 0 to 5"):
        SMALL.image(index)


@pytest.mark.parametrize("inverse", [True, False])
@pytest.mark.parametrize("seed", [0, 1])
def test_nothing_looks_like_charging_where_there_is_none(inverse: bool, seed: int) -> None:
    x = literal.standardize(Phantom(polarity="none", seed=seed).image(0))
    flat = x - literal.gaussian(x, 40)
    assert not literal.charging_mask(np.float32(1) - flat if inverse else flat, 0.1).any()


@pytest.mark.parametrize("polarity", ["dark", "bright"])
def test_decharging_brings_it_nearer_to_the_truth(polarity: str) -> None:
    phantom = Phantom(slices=6, height=224, width=320, seed=0, polarity=polarity)
    image, clean = phantom.image(3).astype(np.float32), phantom.clean(3)
    corrected, mask = literal.correct(
        literal.standardize(image),
        gf1_sigma=40,
        color_shift=0.1,
        gf2_sigma=40,
        rb_radius=10,
        gf3_sigma=4,
        inverse=polarity == "dark",
    )
    restored = corrected * np.ptp(image) + image.min()
    charge = np.abs(image - clean)
    assert charge[mask].min() > 0
    assert charge[mask].sum() > 0.4 * charge.sum()
    assert np.sqrt(np.mean((restored - clean) ** 2)) < 0.6 * np.sqrt(np.mean(charge**2))


def test_the_schema_and_the_fields_agree() -> None:
    schema = resources.schema("phantom")
    properties = schema["properties"]
    fields = asdict(Phantom(charge=["centres"]))
    assert Phantom().charge == ("centres",)
    assert {name: each["default"] for name, each in properties.items()} == fields
    assert list(properties) == list(fields)
    jsonschema.validate(fields, schema)
    for each in properties.values():
        assert {"type", "default", "description", "errorMessage"} <= set(each)
        assert "enum" in each or "unit" in each
